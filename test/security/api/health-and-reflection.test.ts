// Health and reflection of the api process obey the policy; buf curl, a gRPC client that is not
// grpc-js, talks to the port.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { status as GrpcCode, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  HealthClient,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../../src/generated/proto/grpc/health/v1/health.js';
import { type ApiProcess, RANGE, startApiProcess } from '../../support/api-process.js';
import { channelCredentials } from '../../support/api-server.js';
import { ADMIN, CertificateFolder, issueCaller, PORTAL, STRANGER } from '../../support/pki.js';

const buf = fileURLToPath(new URL('../../../node_modules/.bin/buf', import.meta.url));
const run = promisify(execFile);
let api: ApiProcess;
beforeAll(async () => {
  api = await startApiProcess({ REFLECTION: 'on' });
});
afterAll(() => api?.close());

async function healthClient(identity: string): Promise<HealthClient> {
  const issued = await issueCaller(api.authority, identity);
  return new HealthClient(api.target, channelCredentials(api, issued));
}

function check(client: HealthClient, service: string): Promise<number | string> {
  return new Promise((resolve) =>
    client.check({ service }, (error, response) =>
      resolve(error === null ? (Serving[response.status] ?? '?') : error.code),
    ),
  );
}

test('health is told to those whom the policy lets ask, about known names only', async () => {
  const admin = await healthClient(ADMIN);
  expect(await check(admin, '')).toBe('SERVING');
  expect(await check(admin, 'sms.analytics.v1.AnalyticsService')).toBe('SERVING');
  expect(await check(admin, 'made.up')).toBe(GrpcCode.NOT_FOUND);
  admin.close();
  for (const identity of [PORTAL, STRANGER]) {
    const client = await healthClient(identity);
    expect(await check(client, '')).toBe(GrpcCode.PERMISSION_DENIED);
    client.close();
  }
});

test('a watch follows the health; one on a made-up name ends; the 201st is refused', async () => {
  const client = await healthClient(ADMIN);
  const patient = { timeout: 60_000 };
  const seen: string[] = [];
  const watch = client.watch({ service: '' });
  watch.on('data', (response) => seen.push(Serving[response.status] ?? '?'));
  watch.on('error', () => {});
  await expect.poll(() => seen, patient).toEqual(['SERVING']);
  // Not serving while Postgres has nothing to say about answers, and again once it has.
  await api.site.database.query('ALTER VIEW answer_state RENAME TO answer_gone');
  await expect.poll(() => seen, patient).toEqual(['SERVING', 'NOT_SERVING']);
  await api.site.database.query('ALTER VIEW answer_gone RENAME TO answer_state');
  await expect.poll(() => seen, patient).toEqual(['SERVING', 'NOT_SERVING', 'SERVING']);
  const end = (service: string) =>
    new Promise<number>((resolve) => {
      const other = client.watch({ service });
      other.on('data', () => resolve(0));
      other.on('error', (error) => resolve((error as ServiceError).code));
    });
  expect(await end('made.up')).toBe(GrpcCode.NOT_FOUND);
  const many = await Promise.all(Array.from({ length: 199 }, () => end('')));
  expect(many.every((code) => code === 0)).toBe(true);
  const second = await healthClient(ADMIN);
  const refused = await new Promise<number>((resolve) => {
    const one = second.watch({ service: '' });
    one.on('data', () => resolve(0));
    one.on('error', (error) => resolve((error as ServiceError).code));
  });
  expect(refused).toBe(GrpcCode.RESOURCE_EXHAUSTED);
  client.close();
  second.close();
});

async function bufCurl(
  identity: string | undefined,
  ...args: string[]
): Promise<{ out: string; failed: boolean }> {
  const folder = new CertificateFolder();
  const issued = await issueCaller(api.authority, identity ?? ADMIN);
  folder.write({ ...issued, ca: api.authority.pem });
  const pair = identity === undefined ? [] : ['--cert', folder.certFile, '--key', folder.keyFile];
  const all = ['curl', '--cacert', folder.caFile, ...pair, '--protocol', 'grpc', ...args];
  try {
    const { stdout, stderr } = await run(buf, all, { timeout: 20_000 });
    return { out: stdout + stderr, failed: false };
  } catch (error) {
    return { out: String((error as { stderr?: string }).stderr), failed: true };
  } finally {
    folder.remove();
  }
}

test('buf curl asks by reflection with a valid certificate, and gets nothing without', async () => {
  const url = `https://${api.target}/sms.analytics.v1.AnalyticsService/GetSummary`;
  const question = ['-d', JSON.stringify({ range: RANGE })];
  const good = await bufCurl(ADMIN, ...question, url);
  expect(good).toEqual({ out: expect.stringContaining('"activeAccounts": "2"'), failed: false });
  const listed = await bufCurl(ADMIN, `https://${api.target}`, '--list-services');
  expect(listed.out).toContain('sms.analytics.v1.AnalyticsService');
  // Reflection is denied too.
  expect(await bufCurl(STRANGER, ...question, url)).toMatchObject({ failed: true });
  const proto = fileURLToPath(new URL('../../../proto', import.meta.url));
  expect(await bufCurl(STRANGER, '--schema', proto, ...question, url)).toMatchObject({
    failed: true,
    out: expect.stringMatching(/permission_denied|may not/),
  });
  expect(await bufCurl(undefined, '--schema', proto, ...question, url)).toMatchObject({
    failed: true,
  });
});
