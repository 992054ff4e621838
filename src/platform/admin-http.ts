// The HTTP side door for probes and Prometheus: /metrics, /livez, /readyz. It has no identity
// check, so it says nothing but numbers and ok/not ok, and listens on loopback unless the
// deployment opens it to the cluster's scrapers.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { readyMetric } from './metrics.js';

export interface AdminHttpOptions {
  readonly host: string;
  readonly port: number;
  readonly registry: Registry;
  readonly ready: () => boolean;
}

/** A listening side door. */
export interface AdminHttp {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens; rejects with a message that names the port where it is taken. */
export async function startAdminHttp(options: AdminHttpOptions): Promise<AdminHttp> {
  readyMetric(options.registry, options.ready);
  const server = createServer(
    { headersTimeout: 5_000, requestTimeout: 10_000 },
    (request, response) => {
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return answer(response, 405, 'GET only\n');
      switch (request.url) {
        case '/livez':
          return answer(response, 200, 'ok\n');
        case '/readyz':
          return options.ready()
            ? answer(response, 200, 'ok\n')
            : answer(response, 503, 'not ready\n');
        case '/metrics':
          return void options.registry.metrics().then(
            (text) => answer(response, 200, text, options.registry.contentType),
            () => answer(response, 500, 'failed\n'),
          );
        default:
          return answer(response, 404, 'not found\n');
      }
    },
  );
  server.maxConnections = 64;
  await listen(server, options.host, options.port);
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

function answer(response: ServerResponse, status: number, text: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type }).end(text);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'is taken' : `cannot be used (${cause.code})`;
      reject(new Error(`ADMIN_PORT: port ${port} on ${host} ${why}`, { cause }));
    });
    server.listen(port, host, resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
