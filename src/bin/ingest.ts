// `ingest`: the process that counts. Wires the durable to the ledger and nothing else; any number
// of them may share one durable.
import { hostname } from 'node:os';
import { Command } from 'commander';
import type { NatsConnection } from 'nats';
import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import { announceJudged } from '../counting/announce/announce.js';
import { announceProgress } from '../counting/announce/progress.js';
import { addUpDays } from '../counting/days/add-up-days.js';
import { type Generation, readGeneration } from '../counting/guard/ingest-progress.js';
import { guardProbes } from '../counting/guard/probes.js';
import { Watch } from '../counting/guard/watch.js';
import { applyTrusted } from '../counting/ledger/apply-batch.js';
import { runLoop } from '../counting/loop.js';
import { INGEST_POOL } from '../counting/pool-options.js';
import { createObserver, type Observer } from '../counting/telemetry/observer.js';
import { connectNats, onReconnect } from '../nats/connect.js';
import { pull } from '../nats/pull.js';
import { STREAM } from '../nats/topology.js';
import { startAdminHttp } from '../platform/admin-http.js';
import { pause, systemClock } from '../platform/clock.js';
import { type Lifecycle, runProcess } from '../platform/lifecycle.js';
import { createLog } from '../platform/log.js';
import { createRegistry } from '../platform/metrics.js';
import { poolMetrics } from '../platform/pool-metrics.js';
import { type Probe, Readiness } from '../platform/readiness.js';
import { configOrExit } from '../platform/settings/config.js';
import { ingestSettings } from '../platform/settings/settings-ingest.js';
import { VERSION } from '../platform/version.js';
import { refusePrivilegedRole } from '../postgres/check-role.js';
import { openPool, useOf } from '../postgres/open-pool.js';

const INBOX_PREFIX = '_INBOX_INGEST';
/** How long the end waits for a day that is being added up. */
const DAY_PATIENCE_MS = 1_000;
/** Key of this process's own progress row. */
const WORKER = `${hostname()}-${process.pid}`;

const command = new Command('ingest')
  .description(
    'Count the events of SMS_EVENTS into Postgres. Configured by environment: ops config',
  )
  .option('--generation <n>', 'count into this generation instead of the serving one', Number)
  .parse();
const { generation: wantedGeneration } = command.opts<{ generation?: number }>();

const config = configOrExit(ingestSettings);
const log = createLog({ service: 'ingest', level: config.logLevel });
const exitWithParent = config.exitWithParent === 'on';

async function start(lifecycle: Lifecycle): Promise<void> {
  const registry = createRegistry('ingest', VERSION);
  const observer = createObserver(registry, log, systemClock.monotonicMs);
  await refusePrivilegedRole('DATABASE_URL', config.databaseUrl.reveal());
  const pool = openPool(config.databaseUrl, INGEST_POOL, (error) =>
    log.warn('idle connection lost', { error }),
  );
  poolMetrics(registry, { ingest: { use: () => useOf(pool) } });
  const generation = await readGeneration(pool, wantedGeneration);
  if (generation === undefined) {
    throw new Error(`There is no generation ${wantedGeneration ?? 'that serves'}`);
  }
  const connection = await connectNats({
    url: () => config.natsUrl.reveal(),
    user: config.natsUser,
    password: () => config.natsPassword?.reveal(),
    name: 'ingest',
    inboxPrefix: INBOX_PREFIX,
  });
  void connection.closed().then((error) => {
    if (lifecycle.stopping.aborted) return;
    // It outlives servers that are away, but not a password that cannot be read: only a new process
    // comes back from that.
    log.fatal('the connection to NATS is closed', { error });
    lifecycle.stop('NATS closed', 1);
  });
  const watch = new Watch({
    manager: await connection.jetstreamManager({ checkAPI: false }),
    pool,
    generation,
    worker: WORKER,
    stopping: lifecycle.stopping,
    log,
    monotonicMs: systemClock.monotonicMs,
    onRetired: () => lifecycle.stop('generation retired'),
    observe: observer.observeDurable,
    observeGaps: observer.observeGaps,
    announceProgress: (streamId) =>
      announceProgress(connection, pool, { generation: generation.generation, streamId }),
  });
  const readiness = await openSideDoor(lifecycle, registry, {
    postgres: async () => void (await pool.query('SELECT 1')),
    nats: () => connection.flush(),
    ...guardProbes(watch, observer),
  });
  await watch.look();
  void readiness.watch();
  void watch.run();
  void onReconnect(connection, () => watch.distrust());
  const counting = count(lifecycle, { pool, connection, watch, generation, observer });
  const addingUp = addUpDays({
    pool,
    generation: generation.generation,
    stopping: lifecycle.stopping,
    log,
    monotonicMs: systemClock.monotonicMs,
    observe: observer.observeDueDays,
  });
  lifecycle.onStop('counting', async () => {
    readiness.drain();
    await counting;
    observer.flush();
    await watch.look().catch(() => {});
    await connection.drain();
    // A day that takes longer is not added up, then: its statement is one transaction.
    await Promise.race([addingUp.then(() => pool.end()), pause(DAY_PATIENCE_MS)]);
  });
  log.info('counting', {
    consumer: generation.durable,
    generation: generation.generation,
    worker: WORKER,
  });
}

interface Parts {
  readonly pool: Pool;
  readonly connection: NatsConnection;
  readonly watch: Watch;
  readonly generation: Generation;
  readonly observer: Observer;
}

/**
 * Counts until stopping; resolves in any case, and stops the process where counting cannot go on.
 */
function count(lifecycle: Lifecycle, parts: Parts): Promise<void> {
  const { pool, connection, watch, observer } = parts;
  const { generation, durable } = parts.generation;
  const { stopping } = lifecycle;
  const source = { connection, stream: STREAM, durable, inboxPrefix: INBOX_PREFIX };
  return runLoop({
    pull: () => pull(source, config.batchSize),
    apply: (batch, streamId) =>
      applyTrusted(pool, watch, { generation, streamId, worker: WORKER }, batch),
    announce: (batch) => announceJudged(connection, log, batch),
    guard: watch,
    connection,
    rules: { msisdn: config.msisdnDigits },
    observe: observer.observeBatch,
    monotonicMs: systemClock.monotonicMs,
    stopping,
    log,
  }).catch((error: unknown) => {
    log.fatal('counting failed', { error });
    lifecycle.stop('counting failed', 1);
  });
}

async function openSideDoor(
  lifecycle: Lifecycle,
  registry: Registry,
  probes: Readonly<Record<string, Probe>>,
): Promise<Readiness> {
  const readiness = new Readiness({
    probes,
    onChange: (ready, lacking) => {
      const say = lacking?.error === undefined ? 'info' : 'warn';
      log[say](ready ? 'ready' : 'not ready', { ...lacking });
    },
  });
  const admin = await startAdminHttp({
    host: config.adminHost,
    port: config.adminPort,
    registry,
    ready: () => readiness.ready,
  });
  lifecycle.onStop('admin', () => admin.close());
  return readiness;
}

runProcess({ log, exitWithParent }, start);
