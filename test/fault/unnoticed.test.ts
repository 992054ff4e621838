// What the guard could miss: a rolled-back stream that has grown past what is counted before
// anybody looks, or before anybody obeys; and a process that slept while its generation was retired
// and its durable went.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Publication } from '../../deploy/local/traffic/schedule.js';
import { judge } from '../oracle/judge.js';
import { createSite, type TestSite } from '../support/site.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import {
  type Counter,
  copyDirectory,
  lotsOf,
  Published,
  putBack,
  startCounter,
  until,
  untilRefusing,
} from './guarded-ingest.js';

/** Longer than two looks of the guard and a pull. */
const A_WHILE_MS = 2_500;

let site: TestSite;
let published: Published;
let counter: Counter;
let copies: string;
const lots = lotsOf(5, 200, 19);
const lot = (index: number) => lots[index] ?? [];

beforeAll(async () => {
  copies = await temporaryDirectory('copies');
  site = await createSite();
  published = new Published(site);
  counter = await startCounter(site);
  await published.publish(lot(0));
  await published.expectCells();
});
afterAll(() => site?.close());

/** Not an event; a new one each time, as far as the broker can tell. */
function refused(): Publication {
  const [first] = lot(0);
  if (first === undefined) throw new Error('no events');
  return { ...first, payload: Buffer.from('{}'), headers: { 'content-type': 'application/json' } };
}

async function newestStream(): Promise<number> {
  const { rows } = await site.database.query('SELECT max(stream_id)::int AS id FROM event_stream');
  return Number(rows[0]?.id);
}

/**
 * Of the newest stream: every refused event that it holds has a dead letter under its sequence, and
 * there is no other.
 */
async function expectLettersInPlace(): Promise<void> {
  const { rows } = await site.database.query<{ sequence: string }>(
    `SELECT sequence FROM dead_letter WHERE stream_id = $1 AND reason <> 'conflict' ORDER BY sequence`,
    [await newestStream()],
  );
  const places = (await site.stored()).flatMap((one, index) =>
    judge(one).kind === 'refused' ? [index + 1] : [],
  );
  expect(rows.map(({ sequence }) => Number(sequence))).toEqual(places);
}

it.each([
  { when: 'while nobody obeys', index: 1, asleep: false },
  { when: 'before anybody looks', index: 3, asleep: true },
])(
  'a rolled-back stream is refused though it grows past what is counted $when',
  async ({ index, asleep }) => {
    const before = await newestStream();
    const copy = join(copies, `nats-${index}`);
    await site.nats.stop();
    copyDirectory(site.nats.dataDir, copy);
    await site.nats.start();
    await published.publish(lot(index));
    await site.publish([refused()]);
    await published.expectCells();
    await expectLettersInPlace();
    if (asleep) await counter.child.stop();
    await site.nats.stop();
    putBack(copy, site.nats.dataDir);
    counter.forget();
    await site.nats.start();
    if (!asleep) await untilRefusing(counter, 'rolled back', 'ops adopt-stream');
    // More than was lost, so that every lost sequence names another event.
    await published.publish(lot(index + 1).slice(0, 150));
    await site.publish([refused()]);
    await published.publish([...lot(index + 1).slice(150), ...lot(index)]);
    if (asleep) counter = await startCounter(site);
    await sleep(A_WHILE_MS);
    await untilRefusing(counter, 'rolled back', 'ops adopt-stream');
    expect(await counter.readyStatus()).toBe(503);
    await site.ops('adopt-stream', '--yes');
    expect(await newestStream()).toBe(before + 1);
    await published.expectCells();
    await expectLettersInPlace();
  },
);

it('a process that slept while its generation was retired ends, and names no command', async () => {
  await until('ready', async () => (await counter.readyStatus()) === 200);
  counter.forget();
  await site.ops('rebuild', 'start', '--yes');
  const filler = await site.spawn('ingest', {}, ['--generation', '2']);
  counter.child.kill('SIGSTOP');
  await site.ops('rebuild', 'swap', '--yes', '--wait-seconds', '120');
  counter.child.kill('SIGCONT');
  expect(await counter.child.exited).toBe('exited with code 0');
  expect(counter.log()).not.toContain('counting stopped');
  expect(filler.running).toBe(true);
  await published.expectCells();
});
