// Attacks 2 and 7: certificates rotate under load without a failed call; what does not work leaves the last good pair.
import { connect } from 'node:tls';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serverMetrics } from '../../../src/api/grpc/metrics.js';
import { loadTlsMaterial } from '../../../src/api/grpc/tls-material.js';
import { TlsRotation } from '../../../src/api/grpc/tls-rotation.js';
import { createAnalyticsClient } from '../../../src/client/index.js';
import { systemClock } from '../../../src/platform/clock.js';
import { createLog } from '../../../src/platform/log.js';
import { startTestServer, type TestServer } from '../../support/api-server.js';
import {
  ADMIN,
  type Authority,
  CertificateFolder,
  createAuthority,
  type Issued,
  issue,
  issueCaller,
  issueService,
} from '../../support/pki.js';

let server: TestServer;
let rotation: TlsRotation;
let registry: Registry;
const log: string[] = [];
const callers = new CertificateFolder();

beforeAll(async () => {
  server = await startTestServer();
  registry = new Registry();
  rotation = new TlsRotation(server.credentials, await loadTlsMaterial(server.folder, Date.now()), {
    files: server.folder,
    clock: systemClock,
    log: createLog({ service: 'api', level: 'info' }, { write: (line) => log.push(line) }),
    metrics: serverMetrics(registry, []),
  });
  callers.write({ ...(await issueCaller(server.authority, ADMIN)), ca: server.authority.pem });
});
afterAll(async () => {
  await server.stop();
  callers.remove();
});

/** Calls from several clients, each over a fresh connection every few calls, until stopped. */
function load() {
  let going = true;
  const result = { calls: 0, failures: [] as unknown[] };
  const workers = Array.from({ length: 8 }, async () => {
    while (going) {
      const client = createAnalyticsClient({
        target: server.target,
        tls: { ca: callers.caFile, cert: callers.certFile, key: callers.keyFile },
        defaultDeadlineMs: 10_000,
      });
      for (let n = 0; n < 40; n++) {
        await client.getSummary({}).catch((error: unknown) => result.failures.push(error));
        result.calls += 1;
      }
      client.close();
    }
  });
  return {
    result,
    async stop() {
      going = false;
      await Promise.all(workers);
      return result;
    },
  };
}

const enough = (running: ReturnType<typeof load>, calls: number) =>
  expect.poll(() => running.result.calls, { timeout: 30_000 }).toBeGreaterThan(calls);

test('thousands of calls across a leaf and a CA rotation: none fails', async () => {
  const running = load();
  await enough(running, 500);
  server.folder.write(await issueService(server.authority));
  await rotation.look();
  await enough(running, 1_000);
  // A new authority: both are trusted first, then the leaves move, then the old one goes.
  const next = await createAuthority('next authority', 2);
  const both = server.authority.pem + next.pem;
  server.folder.write({ ca: both });
  callers.write({ ca: both });
  await rotation.look();
  await enough(running, 1_500);
  server.folder.write(await issueService(next));
  await rotation.look();
  callers.write(await issueCaller(next, ADMIN));
  await enough(running, 2_000);
  server.folder.write({ ca: next.pem });
  await rotation.look();
  await enough(running, 2_500);
  const { calls, failures } = await running.stop();
  expect(failures).toEqual([]);
  expect(calls).toBeGreaterThan(2_500);
  callers.write({ ca: next.pem });
  // The old authority is really gone.
  await expect(handshake(await issueCaller(server.authority, ADMIN), 'TLSv1.3')).rejects.toThrow();
  (server as { authority: Authority }).authority = next;
});

test('a mismatched, half-written, expired or missing pair leaves the last good one, and is alarmed', async () => {
  const running = load();
  const good = await issueService(server.authority);
  server.folder.write(good);
  await rotation.look();
  const other = await issueService(server.authority);
  const expired = await issue(server.authority, {
    commonName: 'sms-analytics',
    dns: ['localhost'],
    notBefore: new Date(Date.now() - 7_200_000),
    notAfter: new Date(Date.now() - 3_600_000),
  });
  const broken: Partial<Issued & { ca: string }>[] = [
    { cert: other.cert },
    { ...good, key: good.key.slice(0, 80) },
    { ...good, cert: '' },
    { ...good, ca: 'no certificate' },
    expired,
  ];
  for (const parts of broken) {
    server.folder.write({ ...good, ca: server.authority.pem, ...parts });
    const before = running.result.calls;
    await rotation.look();
    await enough(running, before + 60);
  }
  server.folder.write({ ...good, ca: server.authority.pem });
  await rotation.look();
  const { failures } = await running.stop();
  expect(failures).toEqual([]);
  const metrics = await registry.metrics();
  expect(metrics).toContain('sms_analytics_tls_loads_total{result="kept_last_good"} 5');
  expect(log.join('')).toContain('the last good set stays');
  expect(log.join('')).not.toContain('PRIVATE KEY');
});

test('a TLS 1.2 client is refused after a rotation too', async () => {
  server.folder.write(await issueService(server.authority));
  await rotation.look();
  const issued = await issueCaller(server.authority, ADMIN);
  await expect(handshake(issued, 'TLSv1.2')).rejects.toThrow();
  await expect(handshake(issued, 'TLSv1.3')).resolves.toBeUndefined();
});

test('a session is not resumed: each connection shows its certificate anew', async () => {
  const issued = await issueCaller(server.authority, ADMIN);
  let session: Buffer | undefined;
  await handshake(issued, 'TLSv1.3', { onSession: (kept) => (session = kept) });
  expect(session).toBeDefined();
  let reused: boolean | undefined;
  await handshake(issued, 'TLSv1.3', { session, onSecure: (again) => (reused = again) });
  expect(reused).toBe(false);
});

interface HandshakeOptions {
  readonly session?: Buffer | undefined;
  readonly onSession?: (session: Buffer) => void;
  readonly onSecure?: (reused: boolean) => void;
}

/** Resolves once the server accepted the client's certificate (it sent its HTTP/2 settings). */
function handshake(
  issued: Issued,
  version: 'TLSv1.2' | 'TLSv1.3',
  options: HandshakeOptions = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port: server.server.port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: server.authority.pem,
      ...issued,
      ...(options.session === undefined ? {} : { session: options.session }),
      minVersion: version,
      maxVersion: version,
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
    });
    socket.on('session', (session) => options.onSession?.(session));
    socket.on('secureConnect', () => options.onSecure?.(socket.isSessionReused()));
    socket.on('data', () => {
      resolve();
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed')));
  });
}
