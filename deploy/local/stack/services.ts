// The project's own processes as the local stack starts them: each is the compiled binary with the
// environment it would have in production (its own database role, its own NATS user), nothing else
// of the stack's secrets.

import { join } from 'node:path';
import type { ChildOptions } from '../engines/child.js';
import { roleUrl } from '../engines/database.js';
import { natsUrl } from '../engines/nats-server.js';
import type { Ports } from '../engines/ports.js';
import type { TlsFiles } from '../secrets/certificates.js';
import type { Credentials } from '../secrets/credentials.js';
import { projectRoot } from '../toolchain/project.js';

/** Everything about a running set of engines that a service's environment is made of. */
export interface Site {
  readonly dataDir: string;
  readonly ports: Ports;
  readonly credentials: Credentials;
  /** The superuser's URL of the stack's database. */
  readonly databaseUrl: string;
  readonly tls: TlsFiles;
}

type ServiceName = 'api' | 'ingest' | 'etl' | 'ops';

/** The environment of one binary of the project. */
export function environmentOf(service: ServiceName, site: Site): Record<string, string> {
  const { credentials, databaseUrl, ports, tls } = site;
  const database = (role: Parameters<typeof roleUrl>[1]) => roleUrl(databaseUrl, role, credentials);
  const own = tls.identities['sms-analytics'];
  switch (service) {
    case 'api':
      return {
        GRPC_HOST: '127.0.0.1',
        GRPC_PORT: String(ports.grpc),
        ADMIN_HOST: '127.0.0.1',
        ADMIN_PORT: String(ports.apiAdmin),
        IDENTITY_MODE: 'tls',
        TLS_CERT_FILE: own.cert,
        TLS_KEY_FILE: own.key,
        TLS_CA_FILE: tls.ca,
        POLICY_FILE: join(projectRoot, 'deploy/policy/callers.yaml'),
        DATABASE_URL: database('analytics_platform'),
        ACCOUNT_DATABASE_URL: database('analytics_account'),
        REFLECTION: 'on',
        ...MALLOC.api,
      };
    case 'ingest':
      return {
        NATS_URL: natsUrl('ingest', credentials.nats, ports.nats),
        DATABASE_URL: database('analytics_ingest'),
        ADMIN_HOST: '127.0.0.1',
        ADMIN_PORT: String(ports.ingestAdmin),
      };
    case 'etl':
      return {
        DATABASE_URL: database('analytics_etl'),
        CLICKHOUSE_URL: `http://127.0.0.1:${ports.clickhouse}`,
        CLICKHOUSE_USER: 'default',
        CLICKHOUSE_PASSWORD: '',
        CLICKHOUSE_DATABASE: 'sms_analytics',
      };
    case 'ops':
      return {
        NATS_URL: natsUrl('ops', credentials.nats, ports.nats),
        DATABASE_URL: database('analytics_ops'),
        OPS_ACTOR: 'local-stack',
      };
  }
}

/** What of this process's environment every child may see. */
export function plainEnvironment(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LOG_LEVEL', 'NODE_OPTIONS', 'TERM', 'NO_COLOR'];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

/**
 * What V8 is told for a binary, as in deploy/kubernetes/base/api.yaml: the api makes much garbage
 * that dies young, and V8 would let the young part of the heap grow to many times what lives. The
 * old part may grow by three tenths before all of it is marked again; at two fifths answers were up
 * to a twentieth faster, and the api took 3 MB more (bench query).
 */
export const NODE_OPTIONS: Readonly<Partial<Record<ServiceName, readonly string[]>>> = {
  api: ['--max-semi-space-size=4', '--max-old-space-size=160', '--heap-growing-percent=30'],
};

/**
 * What glibc is told for a binary, as in deploy/kubernetes/base/api.yaml (mallopt(3)): large
 * answers come and go, and what they leave behind goes back to the system instead of staying in
 * pieces. Most answers are smaller than 64 KiB, and getting their memory from the system each time
 * took half of the rate where a page fault is dear (DESIGN.md, 18).
 */
export const MALLOC: Readonly<Partial<Record<ServiceName, Readonly<Record<string, string>>>>> = {
  api: {
    MALLOC_ARENA_MAX: '1',
    MALLOC_MMAP_THRESHOLD_: '65536',
    MALLOC_TRIM_THRESHOLD_: '131072',
  },
};

/** How to start one of the project's binaries. */
export function serviceChild(service: ServiceName, site: Site, args: string[] = []): ChildOptions {
  return {
    name: service,
    command: process.execPath,
    args: [
      ...['--enable-source-maps', ...(NODE_OPTIONS[service] ?? [])],
      ...[join(projectRoot, `dist/src/bin/${service}.js`), ...args],
    ],
    env: { ...plainEnvironment(), ...environmentOf(service, site) },
    logFile: join(site.dataDir, 'logs', `${service}.log`),
  };
}

/** How to start the demo traffic; its progress goes to this terminal, its counters to its log. */
export function trafficChild(site: Site, rate: number, seed: number, days: number): ChildOptions {
  const { credentials, ports, dataDir } = site;
  return {
    name: 'traffic',
    command: process.execPath,
    args: [
      join(projectRoot, 'dist/deploy/local/traffic/main.js'),
      ...['--rate', String(rate), '--seed', String(seed), '--backfill-days', String(days)],
      ...['--state', join(dataDir, 'traffic-state.json'), '--report', 'json'],
    ],
    env: {
      ...plainEnvironment(),
      NATS_BILLING_URL: natsUrl('billing', credentials.nats, ports.nats),
      NATS_DLR_URL: natsUrl('dlr', credentials.nats, ports.nats),
    },
    logFile: join(dataDir, 'logs', 'traffic.log'),
    terminal: true,
  };
}
