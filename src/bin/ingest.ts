/**
 * `ingest`: the process that counts. Wires the durable to the ledger and nothing else; any number of
 * them may share one durable.
 */
import { hostname } from 'node:os';
import { Command } from 'commander';
import pg from 'pg';
import { connectNats } from '../broker/nats/connect.js';
import { acknowledge } from '../broker/nats/envelope.js';
import { pull } from '../broker/nats/pull.js';
import { STREAM } from '../broker/nats/topology.js';
import { DEFAULT_ADMISSION_RULES } from '../domain/admission.js';
import { type CommitOptions, commit, prepare } from '../ingest/commit.js';
import { runLoop } from '../ingest/loop.js';
import { ingestMetrics } from '../ingest/metrics.js';
import { Watch } from '../ingest/watch.js';
import { startAdminHttp } from '../platform/admin-http.js';
import { systemClock } from '../platform/clock.js';
import { readConfig } from '../platform/config.js';
import { type Lifecycle, runProcess } from '../platform/lifecycle.js';
import { createLog } from '../platform/log.js';
import { createRegistry } from '../platform/metrics.js';
import { Readiness } from '../platform/readiness.js';
import { ingestSettings } from '../platform/settings.js';
import { VERSION } from '../platform/version.js';
import { applyBatch } from '../store/postgres/apply-batch.js';
import { readGeneration } from '../store/postgres/ingest-progress.js';

const INBOX_PREFIX = '_INBOX_INGEST';
/** One connection commits, one looks; the statement's plan is kept, planning it costs more than running it. */
const POOL = { max: 2, options: '-c jit=off -c plan_cache_mode=force_generic_plan' };

const command = new Command('ingest')
  .description(
    'Count the events of SMS_EVENTS into Postgres. Configured by environment: ops config',
  )
  .option('--generation <n>', 'count into this generation instead of the serving one', Number)
  .parse();
const { generation: wantedGeneration } = command.opts<{ generation?: number }>();

const config = readConfig(ingestSettings);
const log = createLog({ service: 'ingest', level: config.logLevel });
const exitWithParent = config.exitWithParent === 'on';

async function start(lifecycle: Lifecycle): Promise<void> {
  const registry = createRegistry('ingest', VERSION);
  const pool = new pg.Pool({ connectionString: config.databaseUrl.reveal(), ...POOL });
  pool.on('error', (error) => log.warn('idle connection lost', { error }));
  const generation = await readGeneration(pool, wantedGeneration);
  if (generation === undefined)
    throw new Error(`There is no generation ${wantedGeneration ?? 'that serves'}`);
  const connection = await connectNats({
    url: config.natsUrl.reveal(),
    user: config.natsUser,
    password: config.natsPassword?.reveal(),
    name: 'ingest',
    inboxPrefix: INBOX_PREFIX,
  });
  const manager = await connection.jetstreamManager({ checkAPI: false });
  const metrics = ingestMetrics(registry);
  const worker = `${hostname()}-${process.pid}`;
  const { stopping } = lifecycle;
  const watch = new Watch({
    manager,
    pool,
    generation,
    worker,
    stopping,
    log,
    monotonicMs: systemClock.monotonicMs,
    onRetired: () => lifecycle.stop('generation retired'),
    observe: metrics.observeLook,
  });
  const readiness = new Readiness({
    probes: {
      postgres: async () => void (await pool.query('SELECT 1')),
      nats: async () => void (await connection.flush()),
      guard: async () => {
        metrics.observeForbidden(watch.forbidden !== undefined);
        if (watch.forbidden !== undefined) throw new Error(watch.forbidden);
      },
    },
    onChange: (ready, failing) => log.info(ready ? 'ready' : 'not ready', { step: failing }),
  });
  const admin = await startAdminHttp({
    host: config.adminHost,
    port: config.adminPort,
    registry,
    ready: () => readiness.ready,
  });
  lifecycle.onStop('admin', () => admin.close());
  await watch.look();
  void readiness.watch();
  void watch.run();
  const source = {
    connection,
    stream: STREAM,
    durable: generation.durable,
    inboxPrefix: INBOX_PREFIX,
  };
  const committing: CommitOptions = {
    apply: (batch) =>
      applyBatch(
        pool,
        { generation: generation.generation, streamId: watch.streamId, worker },
        batch,
      ),
    rules: DEFAULT_ADMISSION_RULES,
    ledgerFloor: () => watch.ledgerFloor,
    stopping,
    log,
  };
  const running = runLoop({
    pull: () => pull(source, config.batchSize),
    prepare: (envelopes) => prepare(committing, envelopes),
    commit: (prepared) => commit(committing, prepared),
    acknowledge: (envelopes) => acknowledge(connection, envelopes),
    mayContinue: () => watch.mayContinue(),
    observe: metrics.observeBatch,
    monotonicMs: systemClock.monotonicMs,
    stopping,
    log,
  });
  running.catch((error: unknown) => {
    log.fatal('counting failed', { error });
    lifecycle.stop('counting failed', 1);
  });
  lifecycle.onStop('counting', async () => {
    readiness.drain();
    await running.catch(() => {});
    await watch.look().catch(() => {});
    await connection.drain();
    await pool.end();
  });
  log.info('counting', { consumer: generation.durable, generation: generation.generation, worker });
}

runProcess({ log, exitWithParent }, start);
