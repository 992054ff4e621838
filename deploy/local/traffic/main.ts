// The demo traffic as a process: makes up the last days on its first start, then goes on live. It
// stands where the billing and the DLR service stand in a real gateway, with their credentials and
// nothing else.

import { setTimeout as sleep } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError } from 'commander';
import type { EpochMicros } from './event.js';
import { readState, resume, type TrafficState, writeState } from './progress-state.js';
import { Publisher } from './publisher.js';
import { Schedule } from './schedule.js';

interface Options {
  readonly rate: number;
  readonly seed: number;
  readonly backfillDays: number;
  readonly state: string;
  readonly report?: string;
  readonly live: boolean;
}

const CLOSE_GRACE_MS = 10_000;
/** How finely history is told. */
const STEP_MICROS = 60_000_000;
/** How often live traffic looks at what is due. */
const TICK_MS = 50;

const program = new Command('traffic')
  .description(
    'Demo traffic of an SMS gateway: publishes events as its billing and DLR services would.',
  )
  .option('--rate <events>', 'events per second of the live traffic', amount, 50)
  .option('--seed <number>', 'the same seed makes up the same traffic', amount, 1)
  .option('--backfill-days <days>', 'how much history the first start makes up', amount, 3)
  .option('--state <file>', 'remembers what was published between starts', 'traffic-state.json')
  .option('--report <form>', 'json: one line of counters per second on stdout')
  .option('--no-live', 'end when the history is published')
  .addHelpText(
    'after',
    '\nEnvironment: NATS_BILLING_URL, NATS_DLR_URL (nats://user:password@host:port)',
  );

function amount(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1e9))
    throw new InvalidArgumentError('must be a number, at least 0.');
  return value;
}

function nowMicros(): EpochMicros {
  return Date.now() * 1000;
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set: see --help`);
  return value;
}

/** Publishes what is due, in order, until stopped; the state file follows once a second. */
async function run(options: Options, stop: AbortSignal): Promise<void> {
  const began = nowMicros();
  let state = resume(
    await readState(options.state),
    { ...options, eventsPerSecond: options.rate },
    began,
  );
  const urls = { billing: required('NATS_BILLING_URL'), dlr: required('NATS_DLR_URL') };
  const publisher = await Publisher.connect(urls);
  // The plan is on disk before its first id is out.
  await writeState(options.state, state);
  const save = async (): Promise<void> => {
    state = { ...state, publishedThrough: Math.max(publisher.through, state.publishedThrough) };
    await writeState(options.state, state);
  };
  const report = reporter(options, publisher, () => state.publishedThrough >= began);
  const saving = every(1000, async () => {
    await save();
    report();
  });
  stop.addEventListener('abort', () => publisher.giveUpAfter(CLOSE_GRACE_MS));
  try {
    await publishAll(publisher, state, began, options, stop);
  } finally {
    await saving.end();
    await publisher.close();
    await save();
    report();
  }
}

async function publishAll(
  publisher: Publisher,
  state: TrafficState,
  began: EpochMicros,
  options: Options,
  stop: AbortSignal,
): Promise<void> {
  const from = state.publishedThrough;
  const schedule = new Schedule(state, from);
  const publishUntil = async (to: EpochMicros): Promise<void> => {
    // Never cut short, so that what follows `to` is exactly what the next start owes.
    for (const publication of schedule.until(to)) await publisher.publish(publication);
    publisher.advance(to);
  };
  publisher.advance(from);
  const progress = progressOf(from, began);
  for (let to = from; to < began && !stop.aborted; progress.at(to, publisher.counters.published)) {
    to = Math.min(to + STEP_MICROS, began);
    await publishUntil(to);
  }
  progress.end(publisher.counters.published, !stop.aborted);
  while (options.live && !stop.aborted) {
    await publishUntil(nowMicros());
    await sleep(TICK_MS, undefined, { signal: stop }).catch(() => undefined);
  }
}

interface Progress {
  at(instant: EpochMicros, events: number): void;
  /** `complete`: all of the history is out. */
  end(events: number, complete: boolean): void;
}

/** How much of the history is out: a bar on a terminal, else a line per tenth. Both on stderr. */
function progressOf(from: EpochMicros, to: EpochMicros): Progress {
  const seconds = Math.max(1, Math.round((to - from) / 1e6));
  if (!process.stderr.isTTY) return lines(from, seconds);
  const format = 'history [{bar}] {percentage}% | {events} events';
  const bar = new SingleBar({ format, hideCursor: true, clearOnComplete: false });
  bar.start(seconds, 0, { events: 0 });
  return {
    at: (instant, events) => bar.update(Math.round((instant - from) / 1e6), { events }),
    end: (events, complete) => {
      if (complete) bar.update(seconds, { events });
      bar.stop();
    },
  };
}

function lines(from: EpochMicros, seconds: number): Progress {
  let tenths = 0;
  const say = (events: number) =>
    process.stderr.write(`history ${tenths * 10}% | ${events} events\n`);
  return {
    at: (instant, events) => {
      const done = Math.floor(((instant - from) / 1e6 / seconds) * 10);
      if (done <= tenths || done >= 10) return;
      tenths = done;
      say(events);
    },
    end: (events, complete) => {
      if (!complete) return;
      tenths = 10;
      say(events);
    },
  };
}

function reporter(options: Options, publisher: Publisher, live: () => boolean): () => void {
  if (options.report === undefined) return () => undefined;
  return () => {
    const line = { ...publisher.counters, phase: live() ? 'live' : 'history' };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  };
}

/** Repeats an act, never twice at once, until ended; then waits for the last one. */
function every(intervalMs: number, act: () => Promise<void>): { end(): Promise<void> } {
  const ended = new AbortController();
  const loop = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await sleep(intervalMs, undefined, { signal: ended.signal }).catch(() => undefined);
      if (!ended.signal.aborted) await act();
    }
  };
  const done = loop();
  return {
    end: () => {
      ended.abort();
      return done;
    },
  };
}

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
program.action(async (options: Options) => {
  if (options.report !== undefined && options.report !== 'json')
    program.error('--report knows json');
  await run(options, stop.signal);
});
await program.parseAsync().catch((error: unknown) => {
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`traffic: ${reason}\n`);
  process.exitCode = 1;
});
