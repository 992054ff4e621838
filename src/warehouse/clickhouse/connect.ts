/**
 * The one way to ClickHouse: the official client over HTTP(S). Which server it is, is configuration; the embedded
 * engine of the local stack is reached by the same road.
 */
import { readFileSync } from 'node:fs';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';

/** How to reach the server. */
export interface WarehouseConnection {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** PEM file of the authority that signed the server's certificate; absent: the system's. */
  readonly caFile?: string | undefined;
  /** Client certificate and key, PEM files, where the server asks for one. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** How long one request may take; default 60,000. */
  readonly requestTimeoutMs?: number | undefined;
  /** Compress requests; default on. Off pays only where both run on one machine. */
  readonly compressRequests?: boolean | undefined;
}

/** A client; nothing is contacted before the first request. The caller closes it. */
export function connectWarehouse(connection: WarehouseConnection): ClickHouseClient {
  return createClient({
    url: connection.url,
    username: connection.username,
    password: connection.password,
    request_timeout: connection.requestTimeoutMs ?? 60_000,
    max_open_connections: 4,
    compression: { request: connection.compressRequests ?? true, response: true },
    application: 'anlyt-etl',
    ...tlsOf(connection),
    log: { level: ClickHouseLogLevel.OFF }, // errors are thrown, and logged once where they are handled
    clickhouse_settings: {
      async_insert: 0, // a row is in when the insert returns, not some time later
      output_format_json_quote_64bit_integers: 1,
    },
  });
}

function tlsOf(
  connection: WarehouseConnection,
): Pick<Parameters<typeof createClient>[0] & object, 'tls'> {
  if (connection.caFile === undefined) return {};
  const ca_cert = readFileSync(connection.caFile);
  if (connection.certFile === undefined || connection.keyFile === undefined)
    return { tls: { ca_cert } };
  return {
    tls: {
      ca_cert,
      cert: readFileSync(connection.certFile),
      key: readFileSync(connection.keyFile),
    },
  };
}
