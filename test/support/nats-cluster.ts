// The NATS cluster of production on one machine: three servers with deploy/nats/cluster.conf, TLS
// for clients and between servers. A test file brings one of its own and may take servers down; all
// end with the file's process.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type NatsConnection } from 'nats';
import { type Child, startChild, waitUntilReady } from '../../deploy/local/engines/child.js';
import { findNatsServer, type NatsUser } from '../../deploy/local/engines/nats-server.js';
import { freePorts } from '../../deploy/local/engines/ports.js';
import { ensureCertificates } from '../../deploy/local/secrets/certificates.js';
import { randomCredentials } from '../../deploy/local/secrets/credentials.js';
import { projectRoot } from '../../deploy/local/toolchain/project.js';
import { temporaryDirectory } from './temporary-directory.js';

const SERVERS = [0, 1, 2];

export interface TestNatsCluster {
  readonly servers: readonly Child[];
  /** Of the authority that signed the servers' certificates. */
  readonly ca: string;
  /** One page of a server's monitoring. */
  monitor(index: number, page: string): Promise<Record<string, unknown>>;
  /** `tls://` URLs of all servers, or of the one of that index. */
  urls(index?: number): string[];
  connectAs(user: NatsUser, more?: ConnectionOptions): Promise<NatsConnection>;
  stop(): Promise<void>;
}

export async function startNatsCluster(): Promise<TestNatsCluster> {
  const { nats: passwords } = randomCredentials();
  const directory = await temporaryDirectory('nats-cluster');
  const tls = await ensureCertificates(join(directory, 'tls'));
  const ports = await freePorts(9);
  const clientPorts = ports.slice(0, 3);
  const monitorPorts = ports.slice(3, 6);
  const routePorts = ports.slice(6, 9);
  const routes = routePorts.map((port) => `nats://localhost:${port}`).join(',');
  const own = tls.identities['sms-analytics'];
  const monitor = async (index: number, page: string) => {
    const answer = await fetch(`http://127.0.0.1:${monitorPorts[index]}/${page}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  const servers: Child[] = [];
  for (const index of SERVERS) {
    const server = await startChild({
      name: `nats-${index}`,
      command: findNatsServer(),
      args: [
        ...['-c', join(projectRoot, 'deploy/nats/cluster.conf'), '-a', '127.0.0.1'],
        ...['-p', String(clientPorts[index]), '-m', String(monitorPorts[index])],
        ...['--cluster', `nats://127.0.0.1:${routePorts[index]}`, '--routes', routes],
      ],
      env: {
        ...Object.fromEntries(
          Object.entries(passwords).map(([user, password]) => [
            `NATS_${user.toUpperCase()}_PASSWORD`,
            password,
          ]),
        ),
        NATS_NAME: `nats-${index}`,
        NATS_STORE_DIR: join(directory, `store-${index}`),
        NATS_TLS_CERT_FILE: own.cert,
        NATS_TLS_KEY_FILE: own.key,
        NATS_TLS_CA_FILE: tls.ca,
      },
      logFile: join(directory, `nats-${index}.log`),
    });
    server.unref();
    servers.push(server);
  }
  for (const [index, server] of servers.entries()) {
    await waitUntilReady(server, async () => (await monitor(index, 'healthz')).status === 'ok');
  }
  const ca = readFileSync(tls.ca, 'utf8');
  const urls = (index?: number) =>
    (index === undefined ? clientPorts : clientPorts.slice(index, index + 1)).map(
      (port) => `tls://localhost:${port}`,
    );
  return {
    servers,
    ca,
    monitor,
    urls,
    connectAs: (user, more = {}) =>
      connect({ servers: urls(), user, pass: passwords[user], tls: { ca }, ...more }),
    stop: async () => {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

/** Tries again what fails while the cluster elects. */
export async function untilDone<T>(act: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 180_000; ; ) {
    try {
      return await act();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
