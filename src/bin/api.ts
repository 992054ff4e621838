// The API process: configuration, roles, pools, use cases, the gRPC port and the admin port;
// nothing else is wired anywhere. It stops in the opposite order: not ready, no new calls, running
// calls, audit, pools.
import { ServerCredentials } from '@grpc/grpc-js';
import type { Registry } from 'prom-client';
import { cacheMetrics, freshnessMetric } from '../answers/answer-metrics.js';
import { createQueries, type Queries } from '../answers/queries.js';
import { DenialAudit } from '../api/authorisation/denials.js';
import { loadPolicy } from '../api/authorisation/policy.js';
import { type ServerMetrics, serverMetrics } from '../api/calls/metrics.js';
import { identityReader } from '../api/identity/identity-reader.js';
import { ALL_METHODS, UNKNOWN_METHOD } from '../api/server/methods.js';
import { type GrpcServer, startGrpcServer } from '../api/server/server.js';
import { MutualTlsCredentials } from '../api/tls/tls-credentials.js';
import { loadTlsMaterial, type TlsFiles } from '../api/tls/tls-material.js';
import { TlsRotation } from '../api/tls/tls-rotation.js';
import { type DenialRow, recordDenials } from '../audit/records/record-denials.js';
import { copyMetrics } from '../copy/copy-metrics.js';
import { readCopyLag } from '../copy/postgres/select-copy-lag.js';
import { startAdminHttp } from '../platform/admin-http.js';
import { pause, systemClock } from '../platform/clock.js';
import { type Lifecycle, runProcess } from '../platform/lifecycle.js';
import { createLog } from '../platform/log.js';
import { createRegistry } from '../platform/metrics.js';
import { poolMetrics } from '../platform/pool-metrics.js';
import { Readiness } from '../platform/readiness.js';
import { type ConfigOf, configOrExit } from '../platform/settings/config.js';
import { apiSettings } from '../platform/settings/settings-api.js';
import { VERSION } from '../platform/version.js';
import { PrivilegedRole, refusePrivilegedRole } from '../postgres/check-role.js';
import type { RevealedUrl } from '../postgres/login.js';
import { openPool } from '../postgres/open-pool.js';
import { createReadPool } from '../postgres/pool.js';
import type { PrismaClient } from '../postgres/prisma/prisma.js';

type Config = ConfigOf<typeof apiSettings>;

/** Time that running calls get when the process stops. */
const GRACE_MS = 10_000;
const AUDIT_INTERVAL_MS = 10_000;
const RETRY_MS = 1_000;
const STATE_CONNECTIONS = 2;
const PROBE_MICROS = 2_000_000;
const clock = systemClock;

const config = configOrExit(apiSettings);
const log = createLog({ service: 'api', level: config.logLevel });
runProcess({ log, exitWithParent: config.exitWithParent === 'on' }, start);

async function start(lifecycle: Lifecycle): Promise<void> {
  const registry = createRegistry('api', VERSION);
  const policy = loadPolicy(config.policyFile, ALL_METHODS);
  const metrics = serverMetrics(registry, [...ALL_METHODS, UNKNOWN_METHOD]);
  let readiness: Readiness | undefined;
  const admin = await startAdminHttp({
    host: config.adminHost,
    port: config.adminPort,
    registry,
    ready: () => readiness?.ready ?? false,
  });
  lifecycle.onStop('admin', () => admin.close());
  // The roles may wait for Postgres: files that do not work are told at once all the same.
  const [credentials] = await Promise.all([
    serverCredentials(lifecycle, metrics),
    checkRoles(lifecycle.stopping),
  ]);
  if (lifecycle.stopping.aborted) return;
  const { queries, audit } = openStore(lifecycle, registry);
  const server = await startGrpcServer({
    host: config.grpcHost,
    port: config.grpcPort,
    credentials,
    identify: identityReader({
      mode: config.identityMode,
      ownId: policy.ownId,
      sidecarAddresses: config.sidecarAddresses,
    }),
    policy,
    queries,
    audit,
    metrics,
    clock,
    log,
    deadlineCapMs: config.deadlineCapMs,
    ...(config.reflection === 'on' ? await import('../api/server/reflection.js') : {}),
  });
  lifecycle.onStop('grpc', () => server.stop(GRACE_MS));
  readiness = watchReadiness(lifecycle, registry, queries, server);
  log.info('started', { version: VERSION, port: server.port });
}

/**
 * Refuses privileged roles, and any but the two roles of the api, each in its place; waits for a
 * Postgres that is not there yet.
 */
async function checkRoles(stopping: AbortSignal): Promise<void> {
  const logins = [
    ['DATABASE_URL', config.databaseUrl, 'analytics_platform'],
    ['ACCOUNT_DATABASE_URL', config.accountDatabaseUrl, 'analytics_account'],
  ] as const;
  const check = async ([setting, url, duty]: (typeof logins)[number]) => {
    while (!stopping.aborted) {
      try {
        return await refusePrivilegedRole(setting, url.reveal(), duty);
      } catch (error) {
        if (error instanceof PrivilegedRole) throw error;
        log.warn('the database cannot be reached, trying again', { reason: setting, error });
        await pause(RETRY_MS, stopping);
      }
    }
  };
  await Promise.all(logins.map(check));
}

/** Opens the pools (on first use) and what stands on them. */
function openStore(
  lifecycle: Lifecycle,
  registry: Registry,
): { queries: Queries; audit: DenialAudit } {
  const onIdleError = (error: Error) => log.warn('an idle connection broke', { error });
  const poolOf = (url: RevealedUrl, applicationName: string, size = config.poolSize) =>
    createReadPool({
      url,
      size,
      applicationName,
      clock,
      onIdleError,
      longestReadMs: config.deadlineCapMs,
    });
  const platformPool = poolOf(config.databaseUrl, 'sms-analytics-api');
  const accountPool = poolOf(config.accountDatabaseUrl, 'sms-analytics-api-account');
  // Of its own: a crowd of slow questions must not keep account reads and the readiness probe from
  // the state.
  const statePool = poolOf(config.databaseUrl, 'sms-analytics-api-state', STATE_CONNECTIONS);
  const readPools = { platform: platformPool, account: accountPool, state: statePool };
  poolMetrics(registry, readPools);
  const audit = openAudit(lifecycle, registry, onIdleError);
  lifecycle.onStop('pools', async () => {
    await Promise.all(Object.values(readPools).map((pool) => pool.end()));
  });
  const queries = createQueries({
    platformPool,
    accountPool,
    statePool,
    clock,
    settleHours: config.settleHours,
    retentionDays: config.rollupDays,
    throughputRetentionDays: config.minuteDays,
    maxAnswerMs: config.deadlineCapMs,
    cacheEntries: config.cacheEntries,
    cacheBytes: config.cacheMib * 1024 * 1024,
    memoryBytes: config.memoryMib * 1024 * 1024,
  });
  cacheMetrics(registry, queries.cacheUse);
  return { queries, audit };
}

/** Opens what records denials, and reads the age of the copy for Prometheus. */
function openAudit(
  lifecycle: Lifecycle,
  registry: Registry,
  onIdleError: (error: Error) => void,
): DenialAudit {
  const auditPool = openPool(
    config.databaseUrl,
    {
      max: 1,
      application_name: 'sms-analytics-api-audit',
      connectionTimeoutMillis: 5_000,
      statement_timeout: 5_000,
      // A scrape waits for the age of the copy, and Prometheus gives it up after 10 s.
      query_timeout: 6_000,
    },
    onIdleError,
  );
  copyMetrics(registry, () => readCopyLag(auditPool));
  // Loaded with the first denial: it takes a quarter of the time until the process is ready.
  let prisma: PrismaClient | undefined;
  const record = async (rows: readonly DenialRow[]) => {
    prisma ??= (await import('../postgres/prisma/prisma.js')).openPrisma(auditPool);
    await recordDenials(prisma, rows);
  };
  const audit = new DenialAudit(clock, log, record);
  const flushing = setInterval(() => void audit.flush(), AUDIT_INTERVAL_MS);
  lifecycle.onStop('audit pool', () => auditPool.end());
  lifecycle.onStop('audit', async () => {
    clearInterval(flushing);
    await audit.flush(true);
  });
  return audit;
}

/** In `tls` mode our own mutual TLS, kept fresh; behind a sidecar plaintext. */
async function serverCredentials(
  lifecycle: Lifecycle,
  metrics: ServerMetrics,
): Promise<ServerCredentials> {
  if (config.identityMode !== 'tls') {
    metrics.certificateExpires(0);
    return ServerCredentials.createInsecure();
  }
  const files = tlsFiles(config);
  const material = await loadTlsMaterial(files, clock.now() / 1000);
  const credentials = new MutualTlsCredentials(material);
  const rotation = new TlsRotation(credentials, material, { files, clock, log, metrics });
  void rotation.watch(lifecycle.stopping);
  return credentials;
}

function tlsFiles({ tlsCertFile, tlsKeyFile, tlsCaFile }: Config): TlsFiles {
  if (tlsCertFile === undefined || tlsKeyFile === undefined || tlsCaFile === undefined) {
    throw new Error('a certificate file is not set, which the settings do not allow');
  }
  return { certFile: tlsCertFile, keyFile: tlsKeyFile, caFile: tlsCaFile };
}

/** Ready while the database gives an answer's state; how fresh that is never makes it unready. */
function watchReadiness(
  lifecycle: Lifecycle,
  registry: Registry,
  queries: Queries,
  server: GrpcServer,
): Readiness {
  const setFreshness = freshnessMetric(registry);
  const readiness = new Readiness({
    probes: {
      answers: async (signal) => {
        const deadline = clock.now() + PROBE_MICROS;
        const state = await queries.freshness({
          accountId: undefined,
          rowAccountId: undefined,
          signal,
          deadline,
        });
        setFreshness(state.dataAsOf);
      },
    },
    onChange: (ready, lacking) => {
      server.setServing(ready);
      const state = ready ? 'ready' : 'not ready';
      const fields = { state, reason: lacking?.step, error: lacking?.error };
      // A process that drains lacks nothing: only a failing probe is somebody's to look at.
      if (lacking?.error === undefined) log.info('readiness changed', fields);
      else log.warn('readiness changed', fields);
    },
  });
  lifecycle.onStop('readiness', () => readiness.drain());
  void readiness.watch();
  return readiness;
}
