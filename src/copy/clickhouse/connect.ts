// The one way to ClickHouse: the official client over HTTP(S). Which server it is, is
// configuration; the embedded engine of the local stack is reached by the same road.
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { readTls, type TlsFiles } from './tls.js';

/** How to reach the server. */
export interface WarehouseConnection extends TlsFiles {
  readonly username: string;
  readonly password: string;
  /** How long one request may take; default 60,000. */
  readonly requestTimeoutMs?: number | undefined;
  /** Compress requests; default on. Off pays only where both run on one machine. */
  readonly compressRequests?: boolean | undefined;
}

/**
 * A client; nothing is contacted before the first request. The caller closes it.
 * @throws ConfigFaults where certificates are configured and cannot be used.
 */
export function connectWarehouse(connection: WarehouseConnection): ClickHouseClient {
  return createClient({
    url: connection.url,
    username: connection.username,
    password: connection.password,
    request_timeout: connection.requestTimeoutMs ?? 60_000,
    max_open_connections: 4,
    compression: { request: connection.compressRequests ?? true, response: true },
    application: 'anlyt-etl',
    ...readTls(connection),
    // Errors are thrown, and logged once where they are handled.
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: {
      async_insert: 0, // a row is in when the insert returns, not some time later
      output_format_json_quote_64bit_integers: 1,
    },
  });
}
