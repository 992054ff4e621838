// Disks that refuse: without rights, full for a while, failing at a sync. The publisher says which
// file it is about, tells its caller the truth, and goes on when the disk does.

import { chmod, mkdtemp, open as openFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  openPublisher,
  type Publisher,
  type PublisherTrouble,
} from '../../../src/publishing/publisher/publisher.js';
import { chargeOf, numbersTo } from '../../integration/publishing/publishing-site.js';

/** Nothing listens there: what is safe stays in the spool. */
const NO_SERVER = 'nats://127.0.0.1:9';
const NOBODY = 65_534;

let directory: string;
let publisher: Publisher | undefined;
let troubles: PublisherTrouble[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sms-analytics-disks-'));
  troubles = [];
});

afterEach(async () => {
  vi.restoreAllMocks();
  await publisher?.close();
  publisher = undefined;
  await rm(directory, { recursive: true });
});

async function open(): Promise<Publisher> {
  publisher = await openPublisher({
    keepUntil: 'stored',
    servers: NO_SERVER,
    credential: { user: 'billing', password: () => 'none' },
    source: 'billing',
    spool: { directory },
    onTrouble: (trouble) => troubles.push(trouble),
  });
  return publisher;
}

const faults = () => troubles.flatMap((one) => (one.kind === 'fault' ? [one.fault] : []));

/** Of the handles of files, so that the disk's own answers can be given. */
async function handles() {
  const handle = await openFile('/dev/null');
  await handle.close();
  return Object.getPrototypeOf(handle) as typeof handle;
}

const failure = (code: string) => Object.assign(new Error(code), { code });

describe('a directory that this user may not write', () => {
  it('is named when the publisher opens', async () => {
    await chmod(directory, 0o555);
    const root = process.geteuid?.() === 0;
    // Rights do not bind root.
    if (root) process.seteuid?.(NOBODY);
    try {
      await expect(open()).rejects.toMatchObject({ kind: 'not_writable', file: directory });
    } finally {
      if (root) process.seteuid?.(0);
      await chmod(directory, 0o755);
    }
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('a full disk', () => {
  it('drops what cannot be safe, says so, and takes events when there is room', async () => {
    const opened = await open();
    expect(await opened.charged(chargeOf(0))).toEqual({ queued: true });
    const append = vi.spyOn(await handles(), 'appendFile').mockRejectedValue(failure('ENOSPC'));
    expect(await opened.charged(chargeOf(1))).toEqual({ queued: false, dropped: true });
    expect(faults().map(({ kind }) => kind)).toEqual(['full']);
    expect(faults()[0]?.file).toContain(directory);
    // For a moment nothing more is taken, without asking the disk.
    expect(await opened.charged(chargeOf(2))).toEqual({ queued: false, dropped: true });
    append.mockRestore();
    await expect
      .poll(() => opened.charged(chargeOf(3)), { timeout: 20_000 })
      .toEqual({ queued: true });
    expect(opened.state().outstanding).toBe(2);
  });
});

describe('a sync that fails', () => {
  it('is not believed the second time: its events go to a new file', async () => {
    const opened = await open();
    await opened.charged(chargeOf(0));
    vi.spyOn(await handles(), 'datasync').mockRejectedValueOnce(failure('EIO'));
    const answers = await Promise.all(numbersTo(3).map((at) => opened.charged(chargeOf(at + 1))));
    expect(answers).toEqual(numbersTo(3).map(() => ({ queued: true })));
    const names = (await readdir(directory)).filter((name) => name.endsWith('.events'));
    expect(names).toHaveLength(2);
    await opened.close();
    expect((await open()).state().outstanding).toBe(4);
    expect(troubles.filter(({ kind }) => kind === 'damage')).toEqual([]);
  });

  it('of two files means that the events are not safe, and the caller is told', async () => {
    const opened = await open();
    const sync = vi.spyOn(await handles(), 'datasync').mockRejectedValue(failure('EIO'));
    expect(await opened.charged(chargeOf(0))).toEqual({ queued: false, dropped: true });
    expect(opened.state()).toMatchObject({ outstanding: 0, unsafe: 0, dropped: 1 });
    expect(faults().map(({ kind }) => kind)).toEqual(['failed']);
    sync.mockRestore();
    await opened.close();
    expect((await open()).state().outstanding).toBe(0);
  });

  it('is told by flush and close, and the directory is free afterwards', async () => {
    const opened = await open();
    const sync = vi.spyOn(await handles(), 'datasync').mockRejectedValue(failure('EIO'));
    const first = opened.charged(chargeOf(0));
    expect(await opened.flush()).toEqual({ unsafe: 1 });
    expect(await first).toEqual({ queued: false, dropped: true });
    sync.mockRestore();
    await expect
      .poll(() => opened.charged(chargeOf(1)), { timeout: 20_000 })
      .toEqual({ queued: true });
    // What was lost before it began is not lost by this one.
    expect(await opened.flush()).toEqual({ unsafe: 0 });
    vi.spyOn(await handles(), 'datasync').mockRejectedValue(failure('EIO'));
    void opened.charged(chargeOf(2));
    expect(await opened.close()).toEqual({ unsafe: 1 });
    vi.restoreAllMocks();
    expect((await open()).state().outstanding).toBe(1);
  });
});

describe('a directory of another user that this one may write, as a mounted volume', () => {
  it('is taken as it is', async () => {
    const root = process.geteuid?.() === 0;
    await chmod(directory, 0o777);
    if (root) process.seteuid?.(NOBODY);
    try {
      const opened = await open();
      expect(await opened.charged(chargeOf(0))).toEqual({ queued: true });
      await opened.close();
    } finally {
      if (root) process.seteuid?.(0);
    }
  });
});
