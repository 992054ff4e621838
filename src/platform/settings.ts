// What can be configured, one table per binary. The documentation is generated from these tables, and the manifests are
// checked against them: a variable that is not here does not exist.
import { z } from 'zod';
import { answerSettings, integer } from './answer-settings.js';
import type { Setting, SettingTable } from './config.js';

const port = {
  schema: integer(0, 65_535),
  expected: 'a port number 0-65535 (0: any free port)',
} as const;

const url = (...schemes: string[]) =>
  z
    .string()
    .refine((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1)));

const address = {
  schema: z.string().regex(/^[A-Za-z0-9.:_-]{1,253}$/),
  expected: 'an IP address or host name to listen on',
} as const;

const path = { schema: z.string().min(1), expected: 'the path of a readable file' } as const;

const databaseUrl = (role: string) =>
  ({
    name: 'DATABASE_URL',
    what: `Postgres as the ${role} role`,
    schema: url('postgres', 'postgresql'),
    expected: 'postgresql://user:password@host:port/database',
    secret: true,
  }) as const;

const natsUrl = {
  name: 'NATS_URL',
  what: 'NATS servers, separated by commas',
  schema: z
    .string()
    .refine((text) => text.split(',').every((one) => url('nats', 'tls').safeParse(one).success)),
  expected: 'nats://host:port or tls://host:port, with or without user:password@',
  secret: true,
} as const;

const natsCredentials = {
  natsUser: {
    name: 'NATS_USER',
    what: 'NATS user, where it is not in the URL',
    schema: z.string(),
    expected: 'a user name',
    fallback: '',
  },
  natsPassword: {
    name: 'NATS_PASSWORD',
    what: 'NATS password, where it is not in the URL',
    schema: z.string(),
    expected: 'a password',
    fallback: '',
    secret: true,
  },
} as const;

const common = {
  logLevel: {
    name: 'LOG_LEVEL',
    what: 'Least level that is logged',
    schema: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    expected: 'fatal, error, warn, info, debug, trace or silent',
    fallback: 'info',
  },
  exitWithParent: {
    name: 'EXIT_WITH_PARENT',
    what: 'Stop when standard input closes (used by the local stack)',
    schema: z.enum(['on', 'off']),
    expected: 'on or off',
    fallback: 'off',
  },
} as const;

const admin = <Port extends string>(adminPort: Port) =>
  ({
    adminHost: {
      name: 'ADMIN_HOST',
      what: 'Where /metrics, /livez and /readyz listen',
      ...address,
      fallback: '127.0.0.1',
    },
    adminPort: {
      name: 'ADMIN_PORT',
      what: 'Port of /metrics, /livez and /readyz',
      ...port,
      fallback: adminPort,
    },
  }) as const;

/** `api`: answers over gRPC. */
export const apiSettings = {
  grpcHost: { name: 'GRPC_HOST', what: 'Where gRPC listens', ...address, fallback: '0.0.0.0' },
  grpcPort: { name: 'GRPC_PORT', what: 'Port of gRPC', ...port, fallback: '3030' },
  ...admin('9464'),
  identityMode: {
    name: 'IDENTITY_MODE',
    what: 'Who proves the identity of a caller: this process, an Istio or a Linkerd sidecar',
    schema: z.enum(['tls', 'istio-xfcc', 'linkerd']),
    expected: 'tls, istio-xfcc or linkerd (there is no default)',
  },
  tlsCertFile: {
    name: 'TLS_CERT_FILE',
    what: 'Certificate chain of the service (PEM); identity mode tls only',
    ...path,
    fallback: '',
  },
  tlsKeyFile: {
    name: 'TLS_KEY_FILE',
    what: 'Private key of the service (PEM); identity mode tls only',
    ...path,
    fallback: '',
  },
  tlsCaFile: {
    name: 'TLS_CA_FILE',
    what: 'Authorities that sign the certificates of callers (PEM); identity mode tls only',
    ...path,
    fallback: '',
  },
  sidecarAddresses: {
    name: 'SIDECAR_ADDRESSES',
    what: 'Peers whose identity header counts; identity modes istio-xfcc and linkerd only',
    schema: z
      .string()
      .regex(/^[0-9a-fA-F.:]+(,[0-9a-fA-F.:]+)*$/)
      .transform((text) => text.split(',')),
    expected:
      "IP addresses separated by commas; unset: 127.0.0.6 for istio-xfcc, loopback for linkerd (whose proxy connects from the pod's own address since 2.11: set it)",
    fallback: '',
  },
  policyFile: {
    name: 'POLICY_FILE',
    what: 'Which caller may call which method',
    ...path,
    fallback: 'deploy/policy/callers.yaml',
  },
  databaseUrl: databaseUrl('analytics_platform'),
  accountDatabaseUrl: {
    ...databaseUrl('analytics_account'),
    name: 'ACCOUNT_DATABASE_URL',
  },
  poolSize: {
    name: 'POOL_SIZE',
    what: 'Connections of each of the two Postgres pools',
    schema: integer(1, 100),
    expected: '1-100',
    fallback: '8',
  },
  deadlineCapMs: {
    name: 'DEADLINE_CAP_MS',
    what: 'Longest time for one call, whatever deadline the caller asks for',
    schema: integer(100, 300_000),
    expected: '100-300000 (milliseconds)',
    fallback: '30000',
  },
  ...answerSettings,
  reflection: {
    name: 'REFLECTION',
    what: 'gRPC reflection for callers that the policy allows it',
    schema: z.enum(['on', 'off']),
    expected: 'on or off',
    fallback: 'off',
  },
  ...common,
} as const satisfies SettingTable;

const msisdnDigits = {
  msisdnDigits: {
    name: 'MSISDN_DIGITS',
    what: 'How many digits, once . _ : - are taken out, make an id look like a phone number',
    schema: z.union([
      z.literal('off'),
      z
        .string()
        .regex(/^[1-9]\d?-[1-9]\d?$/)
        .transform((text) => text.split('-').map(Number))
        .refine(([least = 0, most = 0]) => least <= most)
        .transform(([minDigits = 0, maxDigits = 0]) => ({ minDigits, maxDigits })),
    ]),
    expected: 'least-most, such as 9-15, or off',
    fallback: '9-15',
  },
} as const;

/** `ingest`: counts events. */
export const ingestSettings = {
  natsUrl,
  ...natsCredentials,
  databaseUrl: databaseUrl('analytics_ingest'),
  batchSize: {
    name: 'BATCH_SIZE',
    what: 'Most events per transaction',
    schema: integer(1, 10_000),
    expected: '1-10000',
    fallback: '5000',
  },
  ...msisdnDigits,
  ...admin('9465'),
  ...common,
} as const satisfies SettingTable;

/** `etl`: copies rollups to ClickHouse. */
export const etlSettings = {
  databaseUrl: databaseUrl('analytics_etl'),
  clickhouseUrl: {
    name: 'CLICKHOUSE_URL',
    what: 'ClickHouse over HTTP',
    schema: url('http', 'https'),
    expected: 'http://host:port or https://host:port',
  },
  clickhouseUser: {
    name: 'CLICKHOUSE_USER',
    what: 'ClickHouse user',
    schema: z.string(),
    expected: 'a user name',
    fallback: 'default',
  },
  clickhousePassword: {
    name: 'CLICKHOUSE_PASSWORD',
    what: 'ClickHouse password',
    schema: z.string(),
    expected: 'a password',
    fallback: '',
    secret: true,
  },
  clickhouseDatabase: {
    name: 'CLICKHOUSE_DATABASE',
    what: 'ClickHouse database',
    schema: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/),
    expected: 'letters, digits and _',
    fallback: 'sms_analytics',
  },
  clickhouseCluster: {
    name: 'CLICKHOUSE_CLUSTER',
    what: 'ClickHouse cluster whose replicas hold the tables; unset: one server',
    schema: z.string().regex(/^[A-Za-z0-9_.-]{1,63}$/),
    expected: 'the name of a cluster of the server',
    fallback: '',
  },
  clickhouseCaFile: {
    name: 'CLICKHOUSE_CA_FILE',
    what: 'Authority of the certificate of ClickHouse (PEM); unset: those of the system',
    ...path,
    fallback: '',
  },
  clickhouseCertFile: {
    name: 'CLICKHOUSE_CERT_FILE',
    what: 'Client certificate for ClickHouse (PEM), with CLICKHOUSE_CA_FILE and CLICKHOUSE_KEY_FILE',
    ...path,
    fallback: '',
  },
  clickhouseKeyFile: {
    name: 'CLICKHOUSE_KEY_FILE',
    what: 'Private key of the client certificate for ClickHouse (PEM)',
    ...path,
    fallback: '',
  },
  clickhouseTimeoutMs: {
    name: 'CLICKHOUSE_TIMEOUT_MS',
    what: 'Longest time for one request to ClickHouse',
    schema: integer(100, 3_600_000),
    expected: '100-3600000 (milliseconds)',
    fallback: '60000',
  },
  clickhouseCompression: {
    name: 'CLICKHOUSE_COMPRESSION',
    what: 'gzip of requests to ClickHouse: pays where the network is slower than a core',
    schema: z.enum(['on', 'off']),
    expected: 'on or off',
    fallback: 'off',
  },
  ...common,
} as const satisfies SettingTable;

/**
 * Contract, section 2: an event may be 35 days old when it is published, and be delivered again for 14 more. A
 * ledger that forgot it by then would count it twice.
 */
export const LEDGER_DAYS_LEAST = 35 + 14 + 1;

/** `ops`: seeks, rebuilds, sees to dead letters. `ops migrate` takes the owner's DATABASE_URL and no NATS. */
export const opsSettings = {
  natsUrl: { ...natsUrl, fallback: '' },
  ...natsCredentials,
  databaseUrl: databaseUrl('analytics_ops (migrate: analytics_owner)'),
  ...msisdnDigits,
  ledgerDays: {
    name: 'LEDGER_DAYS',
    what: 'Days for which the ledger knows its messages; what is older can no longer change (ops retain)',
    schema: integer(LEDGER_DAYS_LEAST, 3_650),
    expected: `${LEDGER_DAYS_LEAST}-3650: acceptance (35), age of the stream (14) and 1 day at least`,
    fallback: '50',
  },
  rollupDays: {
    name: 'ROLLUP_DAYS',
    what: 'Days for which rollups of 15 minutes and coarser are kept (ops retain)',
    schema: integer(LEDGER_DAYS_LEAST, 36_500),
    expected: `${LEDGER_DAYS_LEAST}-36500`,
    fallback: '800',
  },
  minuteDays: {
    name: 'MINUTE_DAYS',
    what: 'Days for which throughput by the minute is kept (ops retain)',
    schema: integer(LEDGER_DAYS_LEAST, 36_500),
    expected: `${LEDGER_DAYS_LEAST}-36500`,
    fallback: '90',
  },
  ...common,
} as const satisfies SettingTable;

/** All tables by binary, for the documentation and the checks of the manifests. */
export const settingsByBinary: Readonly<Record<string, Readonly<Record<string, Setting>>>> = {
  api: apiSettings,
  ingest: ingestSettings,
  etl: etlSettings,
  ops: opsSettings,
};
