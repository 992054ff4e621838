// Attacks 2 and 7 on the api process: certificates rotate under load without a failed call; what
// does not work leaves the last good pair. The files are replaced as a mesh's agent would, and the
// process finds them by itself.
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAnalyticsClient } from '../../../src/client/index.js';
import {
  type ApiProcess,
  RANGE,
  startApiProcess,
  tlsOptionsFor,
} from '../../support/api-process.js';
import {
  ADMIN,
  CertificateFolder,
  createAuthority,
  type Issued,
  issue,
  issueCaller,
  issueService,
} from '../../support/pki.js';

let api: ApiProcess;
const callers = new CertificateFolder();

beforeAll(async () => {
  api = await startApiProcess();
  callers.write({ ...(await issueCaller(api.authority, ADMIN)), ca: api.authority.pem });
});
afterAll(async () => {
  await api?.close();
  callers.remove();
});

const LOADS = 'sms_analytics_tls_loads_total';
const patient = { timeout: 60_000, interval: 50 };
/** Looks at the files that found a set which does not work. */
const keptCount = () => api.metric(LOADS, /"kept_last_good"/);

/** Replaces files of the service, and waits until the process has taken them. */
async function rotate(parts: Partial<Issued & { ca: string }>): Promise<void> {
  const before = await api.metric(LOADS, /"ok"/);
  api.folder.write(parts);
  await expect.poll(() => api.metric(LOADS, /"ok"/), patient).toBeGreaterThan(before);
}

/** Calls from several clients, each over a fresh connection every few calls, until stopped. */
function load() {
  let going = true;
  const result = { calls: 0, failures: [] as unknown[] };
  const workers = Array.from({ length: 8 }, async () => {
    while (going) {
      const client = createAnalyticsClient({
        target: api.target,
        tls: { ca: callers.caFile, cert: callers.certFile, key: callers.keyFile },
        defaultDeadlineMs: 10_000,
      });
      for (let n = 0; n < 40; n++) {
        await client
          .getSummary({ range: RANGE })
          .catch((error: unknown) => result.failures.push(error));
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
  expect.poll(() => running.result.calls, patient).toBeGreaterThan(calls);

test('thousands of calls across a leaf and a CA rotation: none fails', async () => {
  const running = load();
  await enough(running, 500);
  await rotate(await issueService(api.authority));
  await enough(running, 1_000);
  // A new authority: both are trusted first, then the leaves move, then the old one goes.
  const next = await createAuthority('next authority', 2);
  const both = api.authority.pem + next.pem;
  callers.write({ ca: both });
  await rotate({ ca: both });
  await enough(running, 1_500);
  await rotate(await issueService(next));
  callers.write(await issueCaller(next, ADMIN));
  await enough(running, 2_000);
  await rotate({ ca: next.pem });
  await enough(running, 2_500);
  const { calls, failures } = await running.stop();
  expect(failures).toEqual([]);
  expect(calls).toBeGreaterThan(2_500);
  callers.write({ ca: next.pem });
  // The old authority is really gone.
  await expect(handshake(await issueCaller(api.authority, ADMIN), 'TLSv1.3')).rejects.toThrow();
  api.authority = next;
}, 180_000);

test('a mismatched, half-written, expired, early or missing pair, or a cut-off authority, leaves the last good one, and is alarmed', async () => {
  const running = load();
  const good = await issueService(api.authority);
  await rotate(good);
  const other = await issueService(api.authority);
  const expired = await issue(api.authority, {
    commonName: 'sms-analytics',
    dns: ['localhost'],
    notBefore: new Date(Date.now() - 7_200_000),
    notAfter: new Date(Date.now() - 3_600_000),
  });
  const early = await issue(api.authority, {
    commonName: 'sms-analytics',
    dns: ['localhost'],
    notBefore: new Date(Date.now() + 3_600_000),
    notAfter: new Date(Date.now() + 7_200_000),
  });
  const next = await createAuthority('another authority', 2);
  const broken: Partial<Issued & { ca: string }>[] = [
    { cert: other.cert },
    { ...good, key: good.key.slice(0, 80) },
    { ...good, cert: '' },
    { ...good, ca: 'no certificate' },
    expired,
    early,
    // Of two authorities the second is cut off, at its end, in its middle, or down to its first
    // line.
    ...[30, 200, next.pem.length - 30].map((cut) => ({
      ca: api.authority.pem + next.pem.slice(0, -cut),
    })),
    { cert: good.cert + next.pem.slice(0, 200), key: good.key },
  ];
  for (const parts of broken) {
    api.folder.write({ ...good, ca: api.authority.pem, ...parts });
    const before = await keptCount();
    await expect.poll(keptCount, patient).toBeGreaterThan(before);
    await enough(running, running.result.calls + 60);
  }
  await rotate(other);
  const { failures } = await running.stop();
  expect(failures).toEqual([]);
  expect(await keptCount()).toBeGreaterThanOrEqual(broken.length);
  expect(api.logLines().join('')).toContain('the last good set stays');
  expect(api.logLines().join('')).not.toContain('PRIVATE KEY');
}, 180_000);

test('a TLS 1.2 client is refused after a rotation too', async () => {
  await rotate(await issueService(api.authority));
  const issued = await issueCaller(api.authority, ADMIN);
  await expect(handshake(issued, 'TLSv1.2')).rejects.toThrow();
  await expect(handshake(issued, 'TLSv1.3')).resolves.toBeUndefined();
});

test('a session is not resumed: each connection shows its certificate anew', async () => {
  const issued = await issueCaller(api.authority, ADMIN);
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
      ...tlsOptionsFor(api, issued),
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
