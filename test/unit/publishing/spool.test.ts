// The spool on a real disk: what is safe stays until it has left, over ends and damages.

import { chmod, copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SpooledEvent } from '../../../src/publishing/spool/records.js';
import { Spool } from '../../../src/publishing/spool/spool.js';
import type { SpoolTrouble } from '../../../src/publishing/spool/spool-fault.js';
import { numbersOf, spooledEvent } from './spooled-events.js';

let directory: string;
let opened: Spool[] = [];
let troubles: SpoolTrouble[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sms-analytics-spool-'));
  troubles = [];
});

afterEach(async () => {
  for (const spool of opened) await spool.close();
  opened = [];
  await rm(directory, { recursive: true });
});

async function open(maxBytes = 1_000_000): Promise<Spool> {
  const onTrouble = (trouble: SpoolTrouble) => troubles.push(trouble);
  const spool = await Spool.open({ directory, maxBytes, onReady: () => undefined, onTrouble });
  opened.push(spool);
  return spool;
}

async function close(spool: Spool): Promise<void> {
  opened = opened.filter((other) => other !== spool);
  await spool.close();
}

const segments = async () => (await readdir(directory)).filter((name) => name.endsWith('.events'));

async function waiting(spool: Spool): Promise<number[]> {
  const events: SpooledEvent[] = [];
  for (;;) {
    const more = await spool.next(7);
    if (more.length === 0) return numbersOf(events);
    events.push(...more);
  }
}

describe('the spool', () => {
  it('keeps what is safe over the end of the process, in its order', async () => {
    const spool = await open();
    const safe = await Promise.all([0, 1, 2].map((index) => spool.add(spooledEvent(index))));
    expect(safe).toEqual([true, true, true]);
    await close(spool);
    const next = await open();
    expect(next.outstandingCount).toBe(3);
    expect(await waiting(next)).toEqual([0, 1, 2]);
  });

  it('writes files that only their owner reads', async () => {
    const spool = await open();
    await spool.add(spooledEvent(0));
    const [name = ''] = await segments();
    expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  it('forgets no event that was taken and not settled, though it was stored', async () => {
    const spool = await open();
    const events = [0, 1, 2].map((index) => spooledEvent(index));
    await Promise.all(events.map((event) => spool.add(event)));
    spool.stored(await spool.next(10), 3);
    spool.settle(events[1] as SpooledEvent, 'counted');
    await close(spool);
    // No position is kept: the whole segment is published again.
    expect(await waiting(await open())).toEqual([0, 1, 2]);
  });

  it('unlinks a segment when its last event has left', async () => {
    const spool = await open();
    const events = [0, 1].map((index) => spooledEvent(index));
    await Promise.all(events.map((event) => spool.add(event)));
    expect(await segments()).toHaveLength(1);
    for (const event of events) expect(spool.settle(event, 'counted')).toBe(true);
    expect(spool.settle(events[0] as SpooledEvent, 'counted')).toBe(false);
    await close(spool);
    expect(await segments()).toEqual([]);
  });

  it('keeps an event once, however often it is queued', async () => {
    const spool = await open();
    const results = await Promise.all([0, 0, 0].map((index) => spool.add(spooledEvent(index))));
    expect(results).toEqual([true, true, true]);
    expect(await spool.add(spooledEvent(0))).toBe(true);
    expect(await waiting(spool)).toEqual([0]);
    expect(spool.counts.safe).toBe(1);
  });

  it('publishes again what was put back', async () => {
    const spool = await open();
    await Promise.all([0, 1, 2].map((index) => spool.add(spooledEvent(index))));
    const events = await spool.next(10);
    spool.putBack(events.slice(1));
    expect(await waiting(spool)).toEqual([1, 2]);
    expect(await waiting(spool)).toEqual([]);
  });

  it('publishes again what was judged for five seconds and not announced', async () => {
    const spool = await open();
    await Promise.all([0, 1].map((index) => spool.add(spooledEvent(index))));
    spool.stored(await spool.next(10), 12);
    for (let second = 0; second < 9; second++) spool.tick(11);
    expect(await waiting(spool)).toEqual([]);
    for (let second = 0; second < 4; second++) spool.tick(12);
    expect(await waiting(spool)).toEqual([]);
    spool.tick(12);
    expect(await waiting(spool)).toEqual([0, 1]);
  });

  it('publishes again all that a stream stored which is gone', async () => {
    const spool = await open();
    await Promise.all([0, 1].map((index) => spool.add(spooledEvent(index))));
    const events = await spool.next(10);
    spool.stored(events.slice(0, 1), 12);
    spool.forgetStored();
    expect(await waiting(spool)).toEqual([0]);
  });

  it('reads from disk what is too much for memory', async () => {
    const spool = await open(100_000_000);
    // 1,600 events of 5 KB are 8 MB in more than one segment.
    for (let lot = 0; lot < 16; lot++) {
      const numbers = Array.from({ length: 100 }, (_, index) => lot * 100 + index);
      await Promise.all(numbers.map((index) => spool.add(spooledEvent(index, 5_000))));
    }
    expect((await segments()).length).toBeGreaterThan(1);
    const numbers = await waiting(spool);
    expect(numbers.sort((one, other) => one - other)).toEqual(
      Array.from({ length: 1_600 }, (_, index) => index),
    );
  });
});

describe('a full spool', () => {
  it('refuses what does not fit while nothing is stored', async () => {
    const spool = await open(2_000);
    expect(await spool.add(spooledEvent(0, 1_000))).toBe(true);
    expect(spool.add(spooledEvent(1, 1_000))).toBeUndefined();
    expect(spool.counts).toMatchObject({ safe: 1, dropped: 1 });
  });

  it('lets go of what is stored, oldest first, and counts it as released', async () => {
    // 70 records of 60 KB fill a segment of 4 MiB, so that each of these lots is one.
    const spool = await open(14_000_000);
    for (let lot = 0; lot < 3; lot++) {
      const numbers = Array.from({ length: 70 }, (_, index) => lot * 70 + index);
      await Promise.all(numbers.map((index) => spool.add(spooledEvent(index, 60_000))));
      if (lot > 0) continue;
      // Some are in memory, the others have to be read.
      spool.stored([...(await spool.next(70)), ...(await spool.next(70))], 70);
    }
    // 12.6 MB are beyond seven eighths of the room: the first segment has left.
    expect(spool.counts).toMatchObject({ safe: 210, released: 70, dropped: 0 });
    const numbers = await waiting(spool);
    expect([numbers.length, Math.min(...numbers)]).toEqual([140, 70]);
  });
});

describe('what is not written yet', () => {
  it('is at most 32 MiB, however much room the disk has', async () => {
    const spool = await open(1_000_000_000);
    // 600 records of 60 KB are 36 MB; 559 of them are 32 MiB.
    const added = Array.from({ length: 600 }, (_, index) => spool.add(spooledEvent(index, 60_000)));
    const taken = added.filter((one) => one !== undefined);
    expect([taken.length, spool.counts.dropped]).toEqual([558, 42]);
    expect((await Promise.all(taken)).every((one) => one)).toBe(true);
    expect(await spool.add(spooledEvent(599, 60_000))).toBe(true);
  });

  it('goes to several segments where it is more than one holds', async () => {
    const spool = await open(1_000_000_000);
    const added = Array.from({ length: 200 }, (_, index) => spool.add(spooledEvent(index, 60_000)));
    await Promise.all(added);
    const sizes = await Promise.all(
      (await segments()).map(async (name) => (await stat(join(directory, name))).size),
    );
    expect(sizes).toHaveLength(3);
    expect(Math.max(...sizes)).toBeLessThan(4 * 1024 * 1024 + 64 * 1024);
    expect((await waiting(spool)).sort((one, other) => one - other)).toEqual(
      Array.from({ length: 200 }, (_, index) => index),
    );
  });
});

describe('a directory', () => {
  it('that was there keeps its mode, as a mounted one of a group', async () => {
    await chmod(directory, 0o770);
    await open();
    expect((await stat(directory)).mode & 0o777).toBe(0o770);
  });

  it('that is made is for its owner only', async () => {
    const made = join(directory, 'made');
    const options = { maxBytes: 1_000, onReady: () => undefined, onTrouble: () => undefined };
    opened.push(await Spool.open({ directory: made, ...options }));
    expect((await stat(made)).mode & 0o777).toBe(0o700);
  });

  it('is held by one spool, and free when that one closes', async () => {
    const spool = await open();
    await expect(open()).rejects.toMatchObject({ kind: 'held', file: directory });
    await close(spool);
    await open();
  });

  it('goes to one of several that want it at once', async () => {
    const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => open()));
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('with a file of others is refused, and the file is named and left as it is', async () => {
    const note = join(directory, 'notes.txt');
    await writeFile(note, 'mine');
    await expect(open()).rejects.toMatchObject({ kind: 'not_ours', file: note });
    expect(await readdir(directory)).toEqual(['notes.txt']);
    const foreign = join(directory, '000000000001.events');
    await rm(note);
    await writeFile(foreign, 'not a segment at all');
    await expect(open()).rejects.toMatchObject({ kind: 'not_ours', file: foreign });
    expect(await readFile(foreign, 'utf8')).toBe('not a segment at all');
  });

  it('with a segment of another version is refused', async () => {
    const spool = await open();
    await spool.add(spooledEvent(0));
    await close(spool);
    const [name = ''] = await segments();
    const bytes = await readFile(join(directory, name));
    bytes.writeUInt32LE(9, 8);
    await writeFile(join(directory, name), bytes);
    const fault = { kind: 'other_version', file: join(directory, name) };
    await expect(open()).rejects.toMatchObject(fault);
    expect(await readFile(join(directory, name))).toEqual(bytes);
  });

  it('that is a file is refused', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    const options = { maxBytes: 1, onReady: () => undefined, onTrouble: () => undefined };
    await expect(Spool.open({ directory: file, ...options })).rejects.toMatchObject({ file });
  });
});

describe('a damaged segment', () => {
  it('loses its torn tail only', async () => {
    const spool = await open();
    await Promise.all([0, 1].map((index) => spool.add(spooledEvent(index))));
    await close(spool);
    const [name = ''] = await segments();
    const bytes = await readFile(join(directory, name));
    await writeFile(join(directory, name), bytes.subarray(0, -3));
    expect(await waiting(await open())).toEqual([0]);
    expect(troubles[0]).toMatchObject({ kind: 'damage', damage: { kind: 'torn' } });
  });

  it('loses the corrupt record only, and the file is named', async () => {
    const spool = await open();
    await Promise.all([0, 1, 2].map((index) => spool.add(spooledEvent(index))));
    await close(spool);
    const [name = ''] = await segments();
    const file = join(directory, name);
    const bytes = await readFile(file);
    const middle = bytes.indexOf('event-1');
    bytes[middle] = 0x00;
    await writeFile(file, bytes);
    expect(await waiting(await open())).toEqual([0, 2]);
    expect(troubles[0]).toMatchObject({ kind: 'damage', file, damage: { kind: 'corrupt' } });
  });

  it('that stands twice is published once', async () => {
    const spool = await open();
    await Promise.all([0, 1].map((index) => spool.add(spooledEvent(index))));
    await close(spool);
    const [name = ''] = await segments();
    await copyFile(join(directory, name), join(directory, '000000000009.events'));
    const next = await open();
    expect(await waiting(next)).toEqual([0, 1]);
    await close(next);
    expect(await segments()).toEqual([name]);
  });

  it('that rots after it was opened loses the corrupt record, and leaves with the last', async () => {
    const spool = await open();
    await Promise.all([0, 1, 2].map((index) => spool.add(spooledEvent(index))));
    await close(spool);
    const next = await open();
    const [name = ''] = await segments();
    const file = join(directory, name);
    const bytes = await readFile(file);
    bytes[bytes.indexOf('event-1')] = 0x00;
    await writeFile(file, bytes);
    expect(await waiting(next)).toEqual([0, 2]);
    const lost = troubles.flatMap((one) => (one.kind === 'fault' ? [one] : []));
    expect(lost).toMatchObject([{ fault: { kind: 'failed', file }, lostCount: 1 }]);
    expect([next.outstandingCount, next.counts.dropped]).toEqual([2, 1]);
    for (const index of [0, 2]) expect(next.settle(spooledEvent(index), 'counted')).toBe(true);
    await close(next);
    expect(await segments()).toEqual([]);
  });

  it('that is cut short after it was opened loses what it had behind the cut', async () => {
    const spool = await open();
    await Promise.all([0, 1].map((index) => spool.add(spooledEvent(index))));
    await close(spool);
    const next = await open();
    const [name = ''] = await segments();
    await writeFile(join(directory, name), '');
    expect(await waiting(next)).toEqual([]);
    expect([next.outstandingCount, next.counts.dropped]).toEqual([0, 2]);
  });
});
