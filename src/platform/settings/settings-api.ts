// What `api` can be told. A part of settings.ts.
import * as v from 'valibot';
import { answerSettings } from './answer-settings.js';
import type { SettingTable } from './config.js';
import { address, admin, common, databaseUrl, integer, path, port } from './settings-shared.js';

/**
 * Read at start; those of ClickHouse are read, and told, with the other rules of its TLS
 * (copy/clickhouse/tls.ts).
 */
const file = { ...path, isFile: true } as const;

const inTlsMode = {
  fallback: '',
  requiredWith: { setting: 'identityMode', value: 'tls' },
} as const;

/** `api`: answers over gRPC. */
export const apiSettings = {
  grpcHost: { name: 'GRPC_HOST', what: 'Where gRPC listens', ...address, fallback: '0.0.0.0' },
  grpcPort: { name: 'GRPC_PORT', what: 'Port of gRPC', ...port, fallback: '3030' },
  ...admin('9464'),
  identityMode: {
    name: 'IDENTITY_MODE',
    what: 'Who proves the identity of a caller: this process, an Istio or a Linkerd sidecar',
    schema: v.picklist(['tls', 'istio-xfcc', 'linkerd']),
    expected: 'tls, istio-xfcc or linkerd (there is no default)',
  },
  tlsCertFile: {
    name: 'TLS_CERT_FILE',
    what: 'Certificate chain of the service (PEM); identity mode tls only',
    ...file,
    ...inTlsMode,
  },
  tlsKeyFile: {
    name: 'TLS_KEY_FILE',
    what: 'Private key of the service (PEM); identity mode tls only',
    ...file,
    ...inTlsMode,
  },
  tlsCaFile: {
    name: 'TLS_CA_FILE',
    what: 'Authorities that sign the certificates of callers (PEM); identity mode tls only',
    ...file,
    ...inTlsMode,
  },
  sidecarAddresses: {
    name: 'SIDECAR_ADDRESSES',
    what: 'Peers whose identity header counts; identity modes istio-xfcc and linkerd only',
    schema: v.pipe(
      v.string(),
      v.transform((text) => text.split(',')),
      v.array(v.pipe(v.string(), v.ip())),
    ),
    expected:
      'IP addresses separated by commas; unset: 127.0.0.6 for istio-xfcc, loopback for linkerd ' +
      "(whose proxy connects from the pod's own address since 2.11: set it)",
    fallback: '',
  },
  policyFile: {
    name: 'POLICY_FILE',
    what: 'Which caller may call which method',
    ...file,
    fallback: 'deploy/policy/callers.yaml',
  },
  databaseUrl: databaseUrl('analytics_platform'),
  accountDatabaseUrl: {
    ...databaseUrl('analytics_account'),
    name: 'ACCOUNT_DATABASE_URL',
  },
  poolSize: {
    name: 'POOL_SIZE',
    what:
      'Connections of each of the two Postgres pools that questions are answered from; ' +
      'more than twice the processors of Postgres, over all processes, slow each other down',
    schema: integer(1, 100),
    expected: '1-100',
    fallback: '4',
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
    schema: v.picklist(['on', 'off']),
    expected: 'on or off',
    fallback: 'off',
  },
  ...common,
} as const satisfies SettingTable;
