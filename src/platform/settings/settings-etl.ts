// What `etl` can be told. A part of settings.ts.
import * as v from 'valibot';
import type { SettingTable } from './config.js';
import { common, databaseUrl, integer, path, settling, url } from './settings-shared.js';

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
    schema: v.string(),
    expected: 'a user name',
    fallback: 'default',
  },
  clickhousePassword: {
    name: 'CLICKHOUSE_PASSWORD',
    what: 'ClickHouse password',
    schema: v.string(),
    expected: 'a password',
    fallback: '',
    secret: true,
  },
  clickhouseDatabase: {
    name: 'CLICKHOUSE_DATABASE',
    what: 'ClickHouse database',
    schema: v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/)),
    expected: 'letters, digits and _',
    fallback: 'sms_analytics',
  },
  clickhouseCluster: {
    name: 'CLICKHOUSE_CLUSTER',
    what: 'ClickHouse cluster whose replicas hold the tables; unset: one server',
    schema: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.-]{1,63}$/)),
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
    what:
      'Client certificate for ClickHouse (PEM), ' +
      'with CLICKHOUSE_CA_FILE and CLICKHOUSE_KEY_FILE',
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
    schema: v.picklist(['on', 'off']),
    expected: 'on or off',
    fallback: 'off',
  },
  ...settling,
  ...common,
} as const satisfies SettingTable;
