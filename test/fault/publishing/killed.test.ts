// kill -9 of a producer at each step of its spool, with NATS there and away: whatever it was told
// is safe arrives in the stream, and the next process needs no help.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import {
  openPublisher,
  type PublisherTrouble,
} from '../../../src/publishing/publisher/publisher.js';
import {
  numbersIn,
  type PublishingSite,
  startPublishingSite,
} from '../../integration/publishing/publishing-site.js';

const PATIENCE = { timeout: 60_000, interval: 20 };
const PROGRAM = join(projectRoot, 'dist/test/fault/publishing/producer.js');
const STEPS = [
  'before the header',
  'before the name is durable',
  'in the middle of a group',
  'before the sync',
  'after the sync',
] as const;

let site: PublishingSite;
let directory: string;
let running: ChildProcess[] = [];

beforeAll(async () => {
  site = await startPublishingSite();
});
afterAll(() => site?.stop());

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sms-analytics-killed-'));
  await site.start();
  await site.createStream();
});

afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  running = [];
  await rm(directory, { recursive: true });
  await site.start();
  await site.deleteStream();
});

interface Producer {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  /** Numbers of the events that it was told are safe. */
  safe(): number[];
  isOpen(): boolean;
}

function produce(from: number, step: string, nth = 1): Producer {
  const password = site.credential('billing').password();
  const child = spawn(
    process.execPath,
    [PROGRAM, directory, site.server, String(from), step, String(nth)],
    { env: { ...process.env, BUS_PASSWORD: password }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  running.push(child);
  let said = '';
  child.stdout?.on('data', (text: Buffer) => {
    said += text.toString();
  });
  const whole = () =>
    said
      .slice(0, said.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean);
  return {
    child,
    ended: new Promise((resolve) => child.once('close', () => resolve())),
    safe: () => whole().slice(1).map(Number),
    isOpen: () => whole().length > 0,
  };
}

/** Publishes what a process left behind; all that was safe is then in the stream. */
async function expectAllOf(safe: readonly number[]): Promise<void> {
  await site.start();
  const troubles: PublisherTrouble[] = [];
  const publisher = await openPublisher({
    keepUntil: 'stored',
    servers: site.server,
    credential: site.credential('billing'),
    source: 'billing',
    spool: { directory },
    onTrouble: (trouble) => troubles.push(trouble),
  });
  await expect.poll(() => publisher.state().outstanding, PATIENCE).toBe(0);
  await publisher.close();
  const stored = new Set(numbersIn(await site.stored()));
  expect(safe.filter((number) => !stored.has(number))).toEqual([]);
  for (const trouble of troubles) {
    if (trouble.kind === 'damage') expect(trouble.damage.kind).toBe('torn');
    else expect(trouble.kind).toBe('bus');
  }
}

describe('a producer that is killed', () => {
  for (const step of STEPS) {
    it(`${step} loses nothing that was safe`, async () => {
      // The first segment has one header and one name; groups come again and again.
      const producer = produce(
        0,
        step,
        step.startsWith('before the ') && !step.endsWith('sync') ? 1 : 5,
      );
      await producer.ended;
      expect(producer.child.signalCode).toBe('SIGKILL');
      await expectAllOf(producer.safe());
    });
  }

  it('again and again while NATS comes and goes loses nothing that was safe', async () => {
    const safe: number[] = [];
    for (let round = 0; round < 4; round++) {
      if (round % 2 === 1) await site.kill();
      const producer = produce(round * 100_000, 'none');
      await expect.poll(() => producer.safe().length, PATIENCE).toBeGreaterThan(50);
      producer.child.kill('SIGKILL');
      await producer.ended;
      await site.start();
      safe.push(...producer.safe());
    }
    expect(safe.length).toBeGreaterThan(200);
    await expectAllOf(safe);
  });

  it('lets another have its directory, and not while it stands still', async () => {
    const producer = produce(0, 'none');
    await expect.poll(producer.isOpen, PATIENCE).toBe(true);
    producer.child.kill('SIGSTOP');
    await expect(expectAllOf([])).rejects.toMatchObject({ kind: 'held', file: directory });
    producer.child.kill('SIGKILL');
    await producer.ended;
    await expectAllOf(producer.safe());
  });
});
