// `npm run bench -- ingest [--quick]`: how fast events become rollups, as ratios to limits measured
// beside them in the same run (ingest-limits.ts), with every rollup that is shipped. Medians of
// five runs; `--quick` is a smoke test.
import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import { applyBatch, encodeBatch } from '../../src/counting/ledger/apply-batch.js';
import type { AdmittedEvent } from '../../src/domain/message/event.js';
import { foldBatch } from '../../src/domain/message/ledger-fold.js';
import { formatInstant } from '../../src/domain/time/instant.js';
import { integerArgument } from '../../src/operating/arguments.js';
import { type Figure, median, reportFigures } from './figures.js';
import { type BenchEngines, peakMemoryMb, startBenchEngines } from './ingest-engines.js';
import { chargeBatches, receiptOf } from './ingest-events.js';
import { copyRate, fetchRate, naiveRate } from './ingest-limits.js';

const options = new Command('npm run bench -- ingest')
  .description('How fast events become rollups. Medians of five runs.')
  .option('--quick', 'a smoke test: two runs of a fifth of the batches')
  .option(
    '--rows <n>',
    'rows of the full partition (10,000,000; --quick: 100,000)',
    integerArgument(1_000),
  )
  .parse()
  .opts<{ quick?: true; rows?: number }>();
const BATCH = 6_000;
const RUNS = options.quick ? 2 : 5;
const BATCHES_PER_RUN = options.quick ? 8 : 40;
const BACKLOG_EVENTS = options.quick ? 60_000 : 600_000;
const FULL_PARTITION_ROWS = options.rows ?? (options.quick ? 100_000 : 10_000_000);
/**
 * Until a batch has left the process; the service waits longer, for its next batch from the bus.
 */
const SENDING_MS = 2;
const say = (text: string) => process.stderr.write(`${text}\n`);

async function applyRate(
  engines: BenchEngines,
  batches: readonly (readonly AdmittedEvent[])[],
): Promise<number> {
  const context = { generation: 1, streamId: engines.streamId, worker: 'bench' };
  const startedMs = performance.now();
  let applying: Promise<unknown> = Promise.resolve();
  for (const events of batches) {
    // As in the service, the next batch is folded and encoded while this one, sent before, is
    // applied.
    const encoded = encodeBatch({ folded: foldBatch(events), deadLetters: [], highestSequence: 0 });
    await applying;
    applying = applyBatch(engines.ingest, context, encoded);
    await setTimeout(SENDING_MS);
  }
  await applying;
  const count = batches.reduce((sum, batch) => sum + batch.length, 0);
  return (count / (performance.now() - startedMs)) * 1_000;
}

/** New events, their transitions and a replay of both, each beside L0 on the same ids. */
async function measureBatches(engines: BenchEngines) {
  const runs = {
    created: [] as number[],
    moved: [] as number[],
    replayed: [] as number[],
    naive: [] as number[],
  };
  for (let run = 1; run <= RUNS; run++) {
    const charges = chargeBatches(BATCHES_PER_RUN, BATCH);
    const receipts = charges.map((batch) => batch.map(receiptOf));
    const copied = await copyRate(engines.superuser, charges);
    const created = await applyRate(engines, charges);
    const naive = await naiveRate(
      engines.superuser,
      (charges[0] ?? []).slice(0, options.quick ? 200 : BATCH),
    );
    const copiedAgain = await copyRate(engines.superuser, charges);
    const moved = await applyRate(engines, receipts);
    const replayed = await applyRate(engines, [...charges, ...receipts]);
    const limit = (copied + copiedAgain) / 2;
    runs.created.push(created / limit);
    runs.moved.push(moved / limit);
    runs.replayed.push(replayed / limit);
    runs.naive.push(created / naive);
    say(
      `run ${run}: L0 ${limit.toFixed(0)}/s, new ${created.toFixed(0)}/s, transitions ${moved.toFixed(0)}/s, replay ${replayed.toFixed(0)}/s, N0 ${naive.toFixed(0)}/s`,
    );
  }
  return runs;
}

async function hotShare(engines: BenchEngines, tables: string): Promise<number> {
  await engines.superuser.query('SELECT pg_stat_force_next_flush()');
  const { rows } = await engines.superuser.query<{ share: number }>(
    `SELECT sum(n_tup_hot_upd)::float / nullif(sum(n_tup_upd), 0) AS share
     FROM pg_stat_all_tables WHERE relname ~ $1`,
    [tables],
  );
  return rows[0]?.share ?? Number.NaN;
}

async function publishBacklog(engines: BenchEngines, count: number): Promise<void> {
  const jetstream = engines.billing.jetstream();
  for (const batch of chargeBatches(Math.ceil(count / BATCH), BATCH)) {
    await Promise.all(
      batch.map((event) =>
        jetstream.publish(
          'sms.billing.v1.charged',
          JSON.stringify({
            eventId: event.eventId,
            messageId: event.messageId,
            accountId: event.accountId,
            operatorId: event.operatorId,
            acceptedAt: formatInstant(event.acceptedAt),
            chargedAt: formatInstant(event.chargedAt),
            segments: 1,
            amount: '0.0790',
            currency: 'EUR',
          }),
          { timeout: 30_000 },
        ),
      ),
    );
  }
}

/**
 * Events per second from the bus to committed and acknowledged, by `processes` ingest binaries, and
 * their peak memory.
 */
async function drainRate(engines: BenchEngines, count: number, processes: number) {
  const manager = await engines.nats.jetstreamManager();
  await publishBacklog(engines, count);
  const children = await Promise.all(
    Array.from({ length: processes }, () => engines.startIngest()),
  );
  let startedMs = performance.now();
  for (let begun = false; ; ) {
    const info = await manager.consumers.info('SMS_EVENTS', 'analytics-rollup');
    const left = info.num_pending + info.num_ack_pending;
    if (!begun && info.num_pending < count) {
      begun = true;
      startedMs = performance.now();
    }
    if (left === 0) break;
    await setTimeout(20);
  }
  const rate = (count / (performance.now() - startedMs)) * 1_000;
  const memoryMb = Math.max(...children.map((child) => peakMemoryMb(child.pid)));
  await Promise.all(children.map((child) => child.stop()));
  return { rate, memoryMb };
}

/**
 * The rate of new events with `FULL_PARTITION_ROWS` in today's partition, to the rate with an empty
 * one.
 */
async function fullPartition(engines: BenchEngines): Promise<number> {
  const before: number[] = [];
  const after: number[] = [];
  const tables =
    'ledger, rollup_change, outcome_account, outcome_platform, money_account, latency_platform, throughput_platform, outcome_sum, money_sum, latency_histogram, throughput_sum, account_outcome_sum, account_money_sum, day_version';
  const some = Math.ceil(BATCHES_PER_RUN / 5);
  await engines.superuser.query(`TRUNCATE ${tables}`);
  for (let run = 0; run < RUNS; run++)
    before.push(await applyRate(engines, chargeBatches(some, BATCH)));
  const chunk = 500_000;
  for (let done = 0; done < FULL_PARTITION_ROWS; done += chunk) {
    say(`filling the partition: ${done} of ${FULL_PARTITION_ROWS} rows`);
    await engines.superuser.query(
      `INSERT INTO ledger SELECT 1, (now() AT TIME ZONE 'UTC')::date, gen_random_uuid(), now(), '-infinity', now(), 0, 1, 1, 0, 0, 0, NULL, 1,
         $2, false, false, '', '', '', 'PENDING', '', 'c-' || i, 'account-1', '22801', 'EUR', 0.079
       FROM generate_series(1, $1) AS i`,
      [Math.min(chunk, FULL_PARTITION_ROWS - done), engines.streamId],
    );
  }
  await engines.superuser.query('CHECKPOINT');
  for (let run = 0; run < RUNS; run++)
    after.push(await applyRate(engines, chargeBatches(some, BATCH)));
  return median(after) / median(before);
}

async function measure(engines: BenchEngines): Promise<Figure[]> {
  const higher = { better: 'higher', unit: '', must: null, aim: null } as const;
  await applyRate(engines, chargeBatches(3, BATCH));
  say('full batches against L0 and N0 …');
  const runs = await measureBatches(engines);
  const hotLedger = await hotShare(engines, '^ledger_g1_');
  const hotRollups = await hotShare(engines, '^(outcome|money|latency|throughput)_.*_g1$');
  say('end to end against F0 …');
  const one = await drainRate(engines, BACKLOG_EVENTS, 1);
  const fetched = await fetchRate(engines.nats, BACKLOG_EVENTS, BATCH);
  const full = await applyRate(engines, chargeBatches(20, BATCH));
  const two = await drainRate(engines, BACKLOG_EVENTS, 2);
  say(
    `one process ${one.rate.toFixed(0)}/s, two ${two.rate.toFixed(0)}/s, F0 ${fetched.toFixed(0)}/s, batches alone ${full.toFixed(0)}/s`,
  );
  const partition = await fullPartition(engines);
  return [
    {
      name: 'full batch of new events / L0',
      value: median(runs.created),
      ...higher,
      must: 0.15,
      aim: 0.25,
    },
    {
      name: 'full batch of DLR transitions / L0',
      value: median(runs.moved),
      ...higher,
      must: 0.1,
      aim: 0.2,
    },
    { name: 'replay storm / L0', value: median(runs.replayed), ...higher, must: 0.4, aim: 0.55 },
    { name: 'full batch / N0', value: median(runs.naive), ...higher, must: 30, aim: 60, unit: '×' },
    {
      name: 'end to end / slower of F0 and full batch',
      value: one.rate / Math.min(fetched, full),
      ...higher,
      must: 0.75,
      aim: 0.9,
    },
    { name: 'full partition / empty partition', value: partition, ...higher, must: 0.6, aim: 0.8 },
    { name: 'HOT updates, ledger', value: hotLedger, ...higher, must: 0.9, aim: 0.98 },
    { name: 'HOT updates, rollups', value: hotRollups, ...higher, must: 0.95, aim: 0.99 },
    {
      name: 'peak memory of ingest under full backlog',
      value: one.memoryMb,
      must: 256,
      aim: 160,
      better: 'lower',
      unit: 'MB',
    },
    { name: 'two processes / one', value: two.rate / one.rate, ...higher },
  ];
}

const engines = await startBenchEngines();
let exitCode = 1;
try {
  exitCode = reportFigures('ingest', await measure(engines));
} finally {
  await engines.stop();
}
process.exit(exitCode);
