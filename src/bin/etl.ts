#!/usr/bin/env node
// `anlyt-etl`: copies the rollups to ClickHouse. One run by default, as a CronJob wants it;
// `--loop` stays. Only wiring is here: arguments and environment in, sessions opened, exit code out
// (src/copy/exit-code.ts).
import { Command, InvalidArgumentError } from 'commander';
import { migrate } from '../copy/clickhouse/migrate.js';
import { dropSuperseded } from '../copy/clickhouse/superseded.js';
import { defaultChunkBytes } from '../copy/copy-rows.js';
import { EXIT, EXIT_HELP, exitCodeOf } from '../copy/exit-code.js';
import { runLoop } from '../copy/loop.js';
import { ProgressBar } from '../copy/progress-bar.js';
import { type RunResult, runOnce } from '../copy/run.js';
import { type Ends, withSessions, withWarehouse } from '../copy/sessions.js';
import { verifyEverything } from '../copy/verify.js';
import type { DifferentDay } from '../copy/verify-days.js';
import { pause, systemClock } from '../platform/clock.js';
import { type Lifecycle, runProcess } from '../platform/lifecycle.js';
import { createLog } from '../platform/log.js';
import { configOrExit } from '../platform/settings/config.js';
import { etlSettings } from '../platform/settings/settings-etl.js';

interface RunOptions {
  readonly full?: boolean;
  readonly loop?: number;
  readonly sliceDays: number;
  readonly skipWhenBusy?: boolean;
}

const config = readConfig();
const log = createLog({ service: 'anlyt-etl', level: config.logLevel });
const target = { database: config.clickhouseDatabase, cluster: config.clickhouseCluster };
/** Made for every run, so that `--loop` logs in with the secrets of the moment. */
const ends = (): Ends => ({
  databaseUrl: config.databaseUrl.reveal(),
  warehouse: {
    url: config.clickhouseUrl,
    username: config.clickhouseUser,
    password: config.clickhousePassword?.reveal() ?? '',
    caFile: config.clickhouseCaFile,
    certFile: config.clickhouseCertFile,
    keyFile: config.clickhouseKeyFile,
    requestTimeoutMs: config.clickhouseTimeoutMs,
    compressRequests: config.clickhouseCompression === 'on',
  },
  target,
});

function readConfig() {
  if (process.argv.some((arg) => arg === '--help' || arg === '-h' || arg === 'help')) {
    command().parse(); // needs no configuration; exits
  }
  return configOrExit(etlSettings, EXIT.usage);
}

function command(): Command {
  const program = new Command('anlyt-etl')
    .description('Copies the rollups of sms-analytics to ClickHouse')
    .addHelpText('after', EXIT_HELP)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage));
  program
    .command('run', { isDefault: true })
    .description('copy what changed since the last run, and verify it')
    .option(
      '--full',
      'copy everything anew, beside the present copy, and switch over when verified',
    )
    .option('--loop <seconds>', 'stay, and run every so many seconds', secondsArgument)
    .option('--slice-days <days>', 'days to verify besides those touched', daysArgument, 1)
    .option(
      '--skip-when-busy',
      'end with 0 instead of 3, for a scheduler that alarms on any other code',
    )
    .action((options: RunOptions) => start((lifecycle) => run(options, lifecycle), RUN_END_MS));
  program
    .command('verify')
    .description('compare every day that both sides retain; changes nothing')
    .action(() => start(verify));
  program
    .command('migrate')
    .description("create or update the tables and views (the owner's credential)")
    .action(() => start(migrateTables));
  program
    .command('drop-old')
    .description("drop copies that no view reads any more (the owner's credential)")
    .action(() => start(dropOld));
  return program;
}

function secondsArgument(text: string): number {
  const seconds = Number(text);
  if (seconds >= 1 && seconds <= 86_400) return seconds;
  throw new InvalidArgumentError('a number of seconds from 1 to 86400');
}

function daysArgument(text: string): number {
  const days = Number(text);
  if (Number.isInteger(days) && days >= 0 && days <= 10_000) return days;
  throw new InvalidArgumentError('a whole number from 0 to 10000');
}

/**
 * How long a signal leaves a run at work; less than the 25 seconds of the lifecycle and the 30 of a
 * pod.
 */
const RUN_END_MS = 20_000;
/** Other verbs change nothing that is left half-done. */
const VERB_END_MS = 200;

/**
 * Runs one verb to its end, or to `endMs` after a signal; the next run makes good what was cut off.
 */
function start(verb: (lifecycle: Lifecycle) => Promise<number>, endMs = VERB_END_MS): void {
  const options = { log, exitWithParent: config.exitWithParent === 'on' };
  runProcess(options, async (lifecycle) => {
    let code: number | undefined;
    const ended = verb(lifecycle).then(
      (done) => {
        code = done;
      },
      (error: unknown) => {
        code = exitCodeOf(error);
        log.error('failed', { error, code: String(code) });
        process.stderr.write(`anlyt-etl: ${error instanceof Error ? error.message : error}\n`);
      },
    );
    lifecycle.onStop('verb', async () => {
      await Promise.race([ended, pause(endMs)]);
      if (code === undefined) log.warn('cut off by a signal; the next run continues');
      lifecycle.stop('ended', code ?? EXIT.unavailable);
    });
    await ended;
    lifecycle.stop('done', code);
  });
}

async function run(options: RunOptions, lifecycle: Lifecycle): Promise<number> {
  if (options.loop === undefined) {
    const result = await oneRun(options);
    const skipped = result.outcome === 'busy' && options.skipWhenBusy === true;
    return skipped ? EXIT.done : codeOf(result);
  }
  let full = options.full === true; // the first turn only
  const turn = async (): Promise<RunResult> => {
    const result = await oneRun({ ...options, full });
    full &&= result.outcome !== 'copied';
    return result;
  };
  const { stopping } = lifecycle;
  const ended = await runLoop(options.loop * 1000, turn, log, systemClock, stopping);
  return ended === 'mismatch' ? EXIT.mismatch : EXIT.done;
}

async function oneRun(options: RunOptions): Promise<RunResult> {
  const startedMs = systemClock.monotonicMs();
  const progress = new ProgressBar();
  try {
    const result = await withSessions(ends(), async (open) => {
      return runOnce({
        ...open,
        target,
        settlingSeconds: config.settleHours * 3600,
        chunkBytes: defaultChunkBytes,
        sliceDays: options.sliceDays,
        full: options.full === true,
        onStep: (step) => log.debug('step', { step }),
        onProgress: progress.show,
      });
    });
    report(result, systemClock.monotonicMs() - startedMs);
    return result;
  } finally {
    progress.end();
  }
}

function report(result: RunResult, durationMs: number): void {
  if (result.outcome === 'busy') {
    log.warn('another runner is at work; nothing was done');
    return;
  }
  const { record } = result;
  const fields = {
    state: record.outcome,
    reason: record.cause || record.kind,
    rows: record.rowsCopied,
    bytes: record.bytesCopied,
    generation: record.generation,
    count: record.daysVerified,
    durationMs: Math.round(durationMs),
  };
  if (result.outcome === 'copied') {
    log.info('run complete', fields);
    return;
  }
  log.error('the two sides differ', fields);
  printDifferences(result.days);
  process.stderr.write(
    'Nothing was marked: views stay as they were. ' +
      'If it stays so, copy anew: anlyt-etl run --full\n',
  );
}

function printDifferences(days: readonly DifferentDay[]): void {
  for (const { rollup, day, difference } of days) {
    process.stdout.write(`${rollup.name} ${day}: ${difference} (Postgres ≠ ClickHouse)\n`);
  }
}

function codeOf(result: RunResult): number {
  if (result.outcome === 'busy') return EXIT.busy;
  return result.outcome === 'copied' ? EXIT.done : EXIT.mismatch;
}

async function verify(): Promise<number> {
  const { outcome, dayCount, leftOutBuckets, different } = await withSessions(ends(), (open) =>
    verifyEverything(open, target),
  );
  if (outcome === 'busy') {
    process.stderr.write('Another runner is at work: verify again when it has ended.\n');
    return EXIT.busy;
  }
  printDifferences(different);
  const summary = {
    'nothing copied yet': 'nothing was copied yet',
    emptied: 'ClickHouse was emptied; the next run copies anew',
    superseded: 'the copy is of a generation that no longer serves; the next run copies anew',
    compared:
      `${dayCount} days of rollups compared, ${different.length} differ; ` +
      `${leftOutBuckets} buckets changed since the last run and were left out`,
  }[outcome];
  process.stdout.write(`${summary}\n`);
  const isWrong = outcome === 'emptied' || outcome === 'superseded' || different.length > 0;
  return isWrong ? EXIT.mismatch : EXIT.done;
}

async function migrateTables(): Promise<number> {
  const applied = await withWarehouse(ends(), (clickhouse) => migrate(clickhouse, target));
  const none = 'nothing to migrate; views made anew\n';
  process.stdout.write(applied[0] ? `applied migrations ${applied.join(', ')}\n` : none);
  return EXIT.done;
}

async function dropOld(): Promise<number> {
  const count = await withWarehouse(ends(), (clickhouse) => dropSuperseded(clickhouse, target));
  process.stdout.write(`dropped ${count} partitions of superseded copies\n`);
  return EXIT.done;
}

command().parse();
