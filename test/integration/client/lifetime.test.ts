// The client over a plain connection, as where a sidecar does mutual TLS: what it answers, how it
// ends, and what it says of a call that was never sent; and the package, as those who depend on it
// import it.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { parseSpiffeId, type SpiffeId } from '../../../src/api/identity/spiffe-id.js';
import { AnalyticsError, createAnalyticsClient } from '../../../src/client/index.js';
import { startTestServer, type TestServer } from '../../support/api-server.js';
import { ADMIN } from '../../support/pki.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const identity = { kind: 'spiffe', id: parseSpiffeId(ADMIN) as SpiffeId } as const;
const startServer = () => startTestServer({ plaintext: true, identify: () => identity });

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const connect = () =>
  createAnalyticsClient({ target: server.target, tls: 'mesh', defaultDeadlineMs: 3_000 });

async function failure(promise: Promise<unknown>): Promise<AnalyticsError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AnalyticsError);
  return error as AnalyticsError;
}

test('tls: mesh asks in plaintext, reads no files, and sends the account of the call', async () => {
  const client = connect();
  expect((await client.getSummary({})).activeAccounts).toBe(7n);
  const usage = await client.getAccountUsage({ accountId: 'acme' }, { accountId: 'acme' });
  expect(usage.accountId).toBe('acme');
  client.close();
});

test('calls are spread over all addresses of the target', async () => {
  const other = await startServer();
  const both = [server, other]
    .map(({ target }) => target.replace('localhost', '127.0.0.1'))
    .join(',');
  const client = createAnalyticsClient({
    target: `ipv4:${both}`,
    tls: 'mesh',
    defaultDeadlineMs: 3_000,
  });
  const before = server.logLines.length;
  await expect
    .poll(
      async () => {
        await client.getSummary({});
        return server.logLines.length > before && other.logLines.length > 0;
      },
      { timeout: 30_000 },
    )
    .toBe(true);
  client.close();
  await other.stop();
});

test('a deadline that no timer can wait for is refused before anything is sent', async () => {
  const client = connect();
  for (const deadlineMs of [0, Number.NaN, Number.POSITIVE_INFINITY, 1e15]) {
    expect(await failure(client.getSummary({}, { deadlineMs }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      retryable: false,
    });
    const options = { target: server.target, tls: 'mesh', defaultDeadlineMs: deadlineMs } as const;
    expect(() => createAnalyticsClient(options)).toThrow(RangeError);
  }
  client.close();
});

test('a client that is closed rejects as every failure does, questions and pages alike', async () => {
  const client = connect();
  client.close();
  client.close();
  const closed = {
    code: 'FAILED_PRECONDITION',
    message: 'FAILED_PRECONDITION: the client is closed',
    retryable: false,
    fieldViolations: [],
  };
  expect(await failure(client.getSummary({}))).toMatchObject(closed);
  expect(await failure(client.getAccountUsage({}))).toMatchObject(closed);
  expect(await failure(client.getThroughput({}))).toMatchObject(closed);
  const firstPage = (pages: AsyncIterable<unknown>) => pages[Symbol.asyncIterator]().next();
  expect(await failure(firstPage(client.operatorPages({})))).toMatchObject(closed);
  expect(await failure(firstPage(client.breakdownPages({})))).toMatchObject(closed);
});

test('what cannot be written rejects, an account with its cause, and leaves the client usable', async () => {
  const client = connect();
  const error = await failure(client.getSummary({}, { accountId: 'zwölf\n' }));
  expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', retryable: false });
  expect(error.cause).toBeInstanceOf(Error);
  const half = await failure(client.getDeliveryBreakdown({ pageSize: 1.5 }));
  expect(half).toMatchObject({ retryable: false });
  expect((await client.getSummary({})).activeAccounts).toBe(7n);
  client.close();
});

test('the package exports the built client under its own name, and nothing else', () => {
  const script = `
    const client = await import('sms-analytics');
    const deep = await import('sms-analytics/dist/src/bin/api.js').catch(({ code }) => code);
    process.stdout.write(JSON.stringify([
      import.meta.resolve('sms-analytics'), typeof client.createAnalyticsClient,
      typeof client.AnalyticsError, client.Granularity.GRANULARITY_DAY, deep,
    ]));`;
  const args = ['--input-type=module', '-e', script];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual([
    new URL(`file://${projectRoot}/dist/src/client/index.js`).href,
    ...['function', 'function', 5, 'ERR_PACKAGE_PATH_NOT_EXPORTED'],
  ]);
});

test('the example of src/client/README.md fits the types that the package exports', async () => {
  const page = readFileSync(join(projectRoot, 'src/client/README.md'), 'utf8');
  const example = /^# The client\n[\s\S]*?^```ts\n([\s\S]*?)^```/m.exec(page)?.[1] ?? '';
  const folder = await temporaryDirectory('consumer');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(projectRoot, join(folder, 'node_modules/sms-analytics'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const compile = (text: string) => {
    writeFileSync(join(folder, 'example.ts'), text);
    const tsc = join(projectRoot, 'node_modules/.bin/tsc');
    const types = join(projectRoot, 'node_modules/@types');
    const options = ['--module', 'NodeNext', '--strict', '--skipLibCheck', '--noEmit'];
    const args = [...options, '--types', 'node', '--typeRoots', types, 'example.ts'];
    return spawnSync(tsc, args, { cwd: folder, encoding: 'utf8' }).stdout;
  };
  expect(example).toContain('createAnalyticsClient');
  expect(compile(example)).toBe('');
  expect(compile(example.replace('getAccountUsage', 'getAcountUsage'))).toContain('getAcountUsage');
  expect(compile(example.replace(/ {2}defaultDeadlineMs.*\n/, ''))).toContain('defaultDeadlineMs');
});
