// The ports of the local stack: the defaults of the address book, or free ones (`--ports auto`).
// All taken ports are reported at once, by number and purpose, before anything is started.

import { createServer } from 'node:net';
import { Advice } from '../toolchain/project.js';

export interface Ports {
  readonly grpc: number;
  readonly apiAdmin: number;
  readonly ingestAdmin: number;
  readonly nats: number;
  readonly postgres: number;
  readonly clickhouse: number;
}

export const DEFAULT_PORTS: Ports = {
  grpc: 3030,
  apiAdmin: 9464,
  ingestAdmin: 9465,
  nats: 4222,
  postgres: 54320,
  clickhouse: 8123,
};

const PURPOSE: Record<keyof Ports, string> = {
  grpc: 'the gRPC API',
  apiAdmin: 'health and metrics of the API',
  ingestAdmin: 'health and metrics of ingest',
  nats: 'NATS',
  postgres: 'PostgreSQL',
  clickhouse: 'ClickHouse (HTTP)',
};

/** Listens for a moment: the port (a free one for 0), or undefined when something else has it. */
async function tryPort(port: number, host?: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, ...(host ? { host } : {}), exclusive: true }, () => {
      const address = server.address();
      const got = typeof address === 'object' && address ? address.port : undefined;
      server.close(() => resolve(got));
    });
  });
}

/** `count` different ports of 127.0.0.1 that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = await tryPort(0, '127.0.0.1');
    if (port === undefined) throw new Advice('No free port on 127.0.0.1.');
    found.add(port);
  }
  return [...found];
}

/**
 * The ports to use; throws an `Advice` that names every default port in use, and what it is for.
 */
export async function choosePorts(
  mode: 'default' | 'auto',
  defaults: Ports = DEFAULT_PORTS,
): Promise<Ports> {
  const names = Object.keys(DEFAULT_PORTS) as (keyof Ports)[];
  if (mode === 'auto') {
    const ports = await freePorts(names.length);
    return Object.fromEntries(names.map((name, index) => [name, ports[index]])) as unknown as Ports;
  }
  const taken: string[] = [];
  for (const name of names) {
    const port = defaults[name];
    const free = (await tryPort(port, '127.0.0.1')) && (await tryPort(port));
    if (!free) taken.push(`  ${port}  ${PURPOSE[name]}`);
  }
  if (taken.length > 0) {
    throw new Advice(
      `${taken.length === 1 ? 'A port is' : 'Ports are'} in use by something else:\n` +
        `${taken.join('\n')}\n` +
        'Stop what uses it (perhaps another local stack), or let the stack take free ports:\n' +
        '  npm start -- --ports auto',
    );
  }
  return defaults;
}
