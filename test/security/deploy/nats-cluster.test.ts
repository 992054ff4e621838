// The NATS cluster of production on one machine: three servers with deploy/nats/cluster.conf, the permissions of nats.conf,
// TLS for clients and between servers, a stream of three copies, every write synced. One server dies; publishing goes on
// and nothing that was acknowledged is lost.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureCertificates, type TlsFiles } from '../../../deploy/local/certificates.js';
import { type Child, startChild, waitUntilReady } from '../../../deploy/local/child.js';
import { randomCredentials } from '../../../deploy/local/credentials.js';
import { findNatsServer, type NatsUser } from '../../../deploy/local/nats-server.js';
import { freePorts } from '../../../deploy/local/ports.js';
import { projectRoot } from '../../../deploy/local/project.js';
import { ensureStream } from '../../../src/broker/nats/topology.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const SERVERS = [0, 1, 2];
const { nats: passwords } = randomCredentials();
let tls: TlsFiles;
let clientPorts: number[];
let monitorPorts: number[];
const servers: Child[] = [];

beforeAll(async () => {
  const directory = await temporaryDirectory('nats-cluster');
  tls = await ensureCertificates(join(directory, 'tls'));
  const ports = await freePorts(9);
  clientPorts = ports.slice(0, 3);
  monitorPorts = ports.slice(3, 6);
  const routePorts = ports.slice(6, 9);
  const routes = routePorts.map((port) => `nats://localhost:${port}`).join(',');
  const own = tls.identities['sms-analytics'];
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
});

afterAll(() => Promise.all(servers.map((server) => server.stop())));

async function monitor(index: number, page: string) {
  const answer = await fetch(`http://127.0.0.1:${monitorPorts[index]}/${page}`);
  return (await answer.json()) as { status?: string } & Record<string, never>;
}

function connectAs(user: NatsUser): Promise<NatsConnection> {
  return connect({
    servers: clientPorts.map((port) => `tls://localhost:${port}`),
    user,
    pass: passwords[user],
    tls: { ca: readFileSync(tls.ca, 'utf8') },
    inboxPrefix: user === 'ops' ? '_INBOX_OPS' : '_INBOX',
  });
}

/** Answers of a cluster that is electing are tried again. */
async function untilDone<T>(act: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 180_000; ; ) {
    try {
      return await act();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

it('syncs every write, speaks TLS 1.3 only, and takes nobody without a password', async () => {
  for (const index of SERVERS) {
    const { jetstream, server_name, tls_required } = (await monitor(index, 'varz')) as never as {
      jetstream: { config: { sync_always?: boolean } };
      server_name: string;
      tls_required: boolean;
    };
    expect(server_name).toBe(`nats-${index}`);
    expect(jetstream.config.sync_always).toBe(true);
    expect(tls_required).toBe(true);
  }
  const old = connect({
    servers: `tls://localhost:${clientPorts[0]}`,
    user: 'ops',
    pass: passwords.ops,
    tls: { ca: readFileSync(tls.ca, 'utf8'), maxVersion: 'TLSv1.2' } as never,
    reconnect: false,
  });
  await expect(old).rejects.toThrow();
  const nobody = connect({
    servers: `tls://localhost:${clientPorts[0]}`,
    tls: { ca: readFileSync(tls.ca, 'utf8') },
    reconnect: false,
  });
  await expect(nobody).rejects.toThrow(/authorization/i);
});

it('keeps three copies, and goes on without one of them', async () => {
  const ops = await connectAs('ops');
  const billing = await connectAs('billing');
  const manager = await untilDone(() => ops.jetstreamManager());
  await untilDone(() => ensureStream(manager, { replicas: 3 }));
  const publish = (id: string) =>
    untilDone(() =>
      billing.jetstream().publish('sms.billing.v1.charged', id, { msgID: id, timeout: 3_000 }),
    );
  for (let event = 0; event < 50; event += 1) await publish(`before-${event}`);
  const { cluster } = await manager.streams.info('SMS_EVENTS');
  expect(cluster?.replicas).toHaveLength(2);
  const leader = servers[Number(cluster?.leader?.slice('nats-'.length))];
  leader?.kill('SIGKILL');
  await leader?.exited;
  for (let event = 0; event < 50; event += 1) await publish(`after-${event}`);
  const { state } = await untilDone(() => manager.streams.info('SMS_EVENTS'));
  expect(state.messages).toBe(100);
  await Promise.all([ops.close(), billing.close()]);
});
