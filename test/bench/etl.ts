// `npm run bench -- etl [--rows N] [--rounds N] [--loop-seconds N]`: how near the copy job comes to
// the bare insert of the same rows by the same client into the same tables in the same run, how
// fresh the copy is in --loop, and whether memory grows with the size.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Command } from 'commander';
import pg from 'pg';
import { atLeast } from '../../deploy/local/toolchain/number-option.js';
import { projectRoot } from '../../deploy/local/toolchain/project.js';
import { tableColumns } from '../../src/copy/clickhouse/columns.js';
import { insertsAtOnce } from '../../src/copy/clickhouse/replication.js';
import { defaultChunkBytes } from '../../src/copy/copy-rows.js';
import { runLoop } from '../../src/copy/loop.js';
import { everyDay } from '../../src/copy/postgres/extract-changes.js';
import { extractRows } from '../../src/copy/postgres/extract-rows.js';
import { type RunResult, runOnce } from '../../src/copy/run.js';
import { withSessions, withWarehouse } from '../../src/copy/sessions.js';
import { integerArgument } from '../../src/operating/arguments.js';
import { systemClock } from '../../src/platform/clock.js';
import { COPIED_ROLLUPS, type CopiedRollup } from '../../src/rollups/copied-rollup.js';
import { silentLog } from '../support/silent-log.js';
import { type BenchStage, changeEverything, fill, openBenchStage } from './etl-stage.js';
import { median, quantile, reportFigures } from './figures.js';

const options = new Command('npm run bench -- etl')
  .description('How near the copy job comes to the bare insert, and how fresh the copy is.')
  .option('--rows <n>', 'rows of Postgres to copy', integerArgument(1_000), 1_000_000)
  .option('--rounds <n>', 'rounds, of which the median counts', integerArgument(1), 3)
  .option('--loop-seconds <n>', 'how long --loop is watched', atLeast(5), 40)
  .parse()
  .opts<{ rows: number; rounds: number; loopSeconds: number }>();
const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** A change that can be told from all others by the sum of its account. */
const probe = `WITH row AS (
  INSERT INTO outcome_account AS r SELECT 1, 15, date_trunc('hour', now()), 'probe', '41220', 'DELIVERED', '', 1, 1, 0
  ON CONFLICT (generation, account_id, grain_minutes, bucket, operator_id, outcome, reason)
  DO UPDATE SET messages = r.messages + 1, version = r.version + 1 RETURNING bucket)
INSERT INTO rollup_change (generation, rollup, bucket) SELECT 1, 'outcome', bucket FROM row`;

const stage = await openBenchStage();
try {
  process.exitCode = await bench(stage);
} finally {
  await stage.close();
}
process.exit();

async function bench(stage: BenchStage): Promise<number> {
  const wanted = options.rows;
  await fill(stage.postgres, wanted * 2);
  const largeMib = copyInChild(stage);
  const rowCount = await fill(stage.postgres, wanted);
  const smallMib = copyInChild(stage);
  say(
    `${rowCount} rows; peak memory ${Math.round(smallMib)} MiB, ${Math.round(largeMib)} MiB for twice as many`,
  );

  const bare: number[] = [];
  const crowded: number[] = [];
  const full: number[] = [];
  const changes: number[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    bare.push(await bareInsertMs(stage, round, 1));
    crowded.push(await bareInsertMs(stage, round, insertsAtOnce(stage.ends.target)));
    full.push(await runMs(stage, true, rowCount));
    await changeEverything(stage.postgres);
    changes.push(await runMs(stage, false, rowCount));
    say(
      `round ${round}: bare ${Math.round(bare.at(-1) ?? 0)} ms, several at once ${Math.round(crowded.at(-1) ?? 0)} ms, full copy ${Math.round(full.at(-1) ?? 0)} ms, all rows changed ${Math.round(changes.at(-1) ?? 0)} ms`,
    );
  }
  // Each against the bare insert beside it.
  const ratios = (runs: readonly number[], limit = bare): number =>
    median(runs.map((ms, round) => (limit[round] ?? Number.NaN) / ms));
  const perSecond = (ms: readonly number[]): number => Math.round((rowCount / median(ms)) * 1000);
  const periodMs = 2000;
  const delaysMs = await freshnessMs(stage, periodMs, options.loopSeconds * 1000);

  const rate = { unit: 'rows/s', must: null, aim: null, better: 'higher' } as const;
  const ratio = { unit: 'of bare', must: 0.5, aim: 0.8, better: 'higher' } as const;
  return reportFigures('etl', [
    { name: 'bare insert', value: perSecond(bare), ...rate },
    { name: 'bare insert, as many at once as a run', value: perSecond(crowded), ...rate },
    { name: 'full copy', value: perSecond(full), ...rate },
    { name: 'all rows changed', value: perSecond(changes), ...rate },
    { name: 'full copy, verified / bare insert', value: ratios(full), ...ratio },
    { name: 'incremental, verified / bare insert', value: ratios(changes), ...ratio },
    {
      name: 'full copy, verified / as many bare inserts at once',
      value: ratios(full, crowded),
      ...ratio,
      must: null,
      aim: null,
    },
    {
      name: 'freshness p99 / period',
      value: quantile(delaysMs, 0.99) / periodMs,
      unit: 'periods',
      must: 2,
      aim: 1.5,
      better: 'lower',
    },
    {
      name: 'memory for twice the rows',
      value: largeMib / smallMib,
      unit: '×',
      must: 1.3,
      aim: 1.1,
      better: 'lower',
    },
  ]);
}

function copyInChild(stage: BenchStage): number {
  const program = join(projectRoot, 'dist/test/bench/etl-copy-child.js');
  const env = { PATH: process.env.PATH, ETL_ENDS: JSON.stringify(stage.ends) };
  return Number(execFileSync(process.execPath, [program], { env, encoding: 'utf8' }));
}

/**
 * The same rows in the same chunks from memory, by the client alone, `atOnce` into one table at a
 * time.
 */
async function bareInsertMs(stage: BenchStage, round: number, atOnce: number): Promise<number> {
  const chunks = await chunksInMemory(stage, BigInt(1_000_000 + round));
  return withWarehouse(stage.ends, async (client) => {
    const startedMs = performance.now();
    for (const rollup of COPIED_ROLLUPS) {
      const waiting = chunks.filter((chunk) => chunk.rollup === rollup);
      const send = async (): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          await client.insert({
            table: `bench.${rollup.target}`,
            columns: tableColumns(rollup).map(({ name }) => name) as [string, ...string[]],
            values: Readable.from([next.bytes], { objectMode: false }),
            format: 'TabSeparated',
          });
        }
      };
      await Promise.all(Array.from({ length: atOnce }, send));
    }
    const tookMs = performance.now() - startedMs;
    await dropCopiesAbove(stage, 1_000_000);
    return tookMs;
  });
}

async function chunksInMemory(
  stage: BenchStage,
  copy: bigint,
): Promise<{ rollup: CopiedRollup; bytes: Buffer }[]> {
  const chunks: { rollup: CopiedRollup; bytes: Buffer }[] = [];
  await withSessions(stage.ends, async ({ reader }) => {
    await reader.query('BEGIN');
    for (const rollup of COPIED_ROLLUPS) {
      let held: Buffer[] = [];
      const flush = (): void => {
        if (held.length > 0) chunks.push({ rollup, bytes: Buffer.concat(held) });
        held = [];
      };
      for (const day of await everyDay(reader, rollup, 1)) {
        const slice = { day, bucketSeconds: undefined };
        const label = { generation: 1, copy };
        for await (const { bytes } of extractRows(
          reader,
          rollup,
          label,
          slice,
          defaultChunkBytes,
        )) {
          held.push(bytes);
          if (held.reduce((sum, one) => sum + one.length, 0) >= defaultChunkBytes) flush();
        }
      }
      flush();
    }
    await reader.query('COMMIT');
  });
  return chunks;
}

async function dropCopiesAbove(stage: BenchStage, copy: number): Promise<void> {
  await withWarehouse(stage.ends, async (client) => {
    for (const rollup of COPIED_ROLLUPS) {
      const result = await client.query({
        query: `SELECT DISTINCT generation, toString(copy) AS number, toYYYYMM(bucket) AS month FROM bench.${rollup.target} WHERE copy > ${copy}`,
        format: 'JSONEachRow',
      });
      for (const part of await result.json<{
        generation: number;
        number: string;
        month: number;
      }>()) {
        await client.command({
          query: `ALTER TABLE bench.${rollup.target} DROP PARTITION (${part.generation}, ${part.number}, ${part.month})`,
        });
      }
    }
  });
}

async function runMs(stage: BenchStage, full: boolean, rowCount: number): Promise<number> {
  const startedMs = performance.now();
  const result = await run(stage, full);
  const tookMs = performance.now() - startedMs;
  if (result.outcome !== 'copied' || result.record.rowsCopied !== rowCount) {
    throw new Error(
      `the run did not copy ${rowCount} rows: ${JSON.stringify(result, (_, value) => (typeof value === 'bigint' ? String(value) : value))}`,
    );
  }
  return tookMs;
}

function run(stage: BenchStage, full: boolean): Promise<RunResult> {
  return withSessions(stage.ends, async (open) => {
    return runOnce({
      ...open,
      target: stage.ends.target,
      settlingSeconds: 72 * 3600,
      chunkBytes: defaultChunkBytes,
      sliceDays: 1,
      full,
    });
  });
}

/**
 * From the commit of a change in Postgres to its first sight in the view, for a change every 100 ms
 * or so.
 */
async function freshnessMs(
  stage: BenchStage,
  periodMs: number,
  durationMs: number,
): Promise<number[]> {
  const stopping = new AbortController();
  const loop = runLoop(periodMs, () => run(stage, false), silentLog, systemClock, stopping.signal);
  const committedAt: number[] = [];
  const seenAt: number[] = [];
  const writer = new pg.Client({ connectionString: connectionOf(stage.postgres) });
  await writer.connect();
  const startedMs = performance.now();
  const writing = (async () => {
    while (performance.now() - startedMs < durationMs) {
      await writer.query(probe);
      committedAt.push(performance.now());
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  await withWarehouse(stage.ends, async (client) => {
    const deadlineMs = durationMs + 10 * periodMs;
    while (performance.now() - startedMs < deadlineMs) {
      const result = await client.query({
        query: `SELECT toUInt32(sum(messages)) AS seen FROM bench.outcomes WHERE account_id = 'probe'`,
        format: 'JSONEachRow',
      });
      const [{ seen } = { seen: 0 }] = await result.json<{ seen: number }>();
      while (seenAt.length < seen) seenAt.push(performance.now());
      if (performance.now() - startedMs > durationMs && seenAt.length >= committedAt.length) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  await writing;
  stopping.abort();
  await loop;
  await writer.end();
  return committedAt.map((at, index) => (seenAt[index] ?? Number.POSITIVE_INFINITY) - at);
}

function connectionOf(client: pg.Client): string {
  return `postgresql://${client.user}:${client.password}@${client.host}:${client.port}/${client.database}`;
}
