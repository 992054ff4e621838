// The road to ClickHouse over TLS: the job as a process, the engine behind a TLS listener and a
// password. A complete run goes through where everything is right; what is wrong has an exit code
// and a sentence, and nothing is written.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { anlytEtl, type Ended, environmentOf } from '../../integration/copy/command.js';
import { manyChanges, openStage, type Stage } from '../../integration/copy/stage.js';
import { createDatabase, startClickHouse } from '../../support/engines.js';
import { type Authority, createAuthority, issue } from '../../support/pki.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { terminateTls } from '../../support/tls-terminator.js';

const password = 'a+b/c d:%41é'; // every character that a header or an address could spoil
const hour = 3_600_000;

let engine: Awaited<ReturnType<typeof startClickHouse>>;
let stage: Stage;
let directory: string;
let ours: Authority;
let foreign: Authority;
let right: TlsOptions;
const file = (name: string) => join(directory, name);

beforeAll(async () => {
  directory = await temporaryDirectory('etl-tls');
  engine = await startClickHouse({ password });
  stage = await openStage(await createDatabase(), { ...engine, password });
  await stage.change(manyChanges(80));
  [ours, foreign] = await Promise.all([createAuthority('ours', 1), createAuthority('foreign', 1)]);
  right = await issue(ours, { commonName: 'clickhouse', dns: ['localhost'], usages: ['server'] });
  const client = await issue(ours, { commonName: 'anlyt-etl', usages: ['client'] });
  const stranger = await issue(foreign, { commonName: 'anlyt-etl', usages: ['client'] });
  await Promise.all([
    writeFile(file('ca.pem'), ours.pem),
    writeFile(file('foreign.pem'), foreign.pem),
    writeFile(file('client.pem'), client.cert),
    writeFile(file('client.key'), client.key),
    writeFile(file('stranger.pem'), stranger.cert),
    writeFile(file('stranger.key'), stranger.key),
    writeFile(file('password'), `${password}\n`),
    writeFile(file('old-password'), 'of yesterday\n'),
  ]);
});
afterAll(async () => {
  await stage.close();
  await engine.stop();
});

interface Attempt {
  readonly server?: TlsOptions;
  readonly host?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly args?: readonly string[];
}

/** One run through a listener of its own, right but for what the attempt says. */
async function attempt({ server, host, env, args }: Attempt): Promise<Ended & { count: number }> {
  await using listener = await terminateTls({ ...right, ...server }, engine.port);
  const ended = await anlytEtl(args ?? [], {
    ...environmentOf(stage.ends),
    CLICKHOUSE_URL: `https://${host ?? 'localhost'}:${listener.port}`,
    CLICKHOUSE_CA_FILE: file('ca.pem'),
    CLICKHOUSE_USER: 'anlyt_etl',
    CLICKHOUSE_PASSWORD_FILE: file('password'),
    ...env,
  });
  return { ...ended, count: listener.connectionCount() };
}

const databases = () =>
  stage.ask(`SELECT name FROM system.databases WHERE name = '${stage.ends.target.database}'`);

async function otherName(): Promise<TlsOptions> {
  return issue(ours, { commonName: 'localhost', dns: ['clickhouse.example'] });
}

async function expired(): Promise<TlsOptions> {
  const notBefore = new Date(Date.now() - 3 * hour);
  const notAfter = new Date(Date.now() - hour);
  return issue(ours, { commonName: 'clickhouse', dns: ['localhost'], notBefore, notAfter });
}

async function notYetValid(): Promise<TlsOptions> {
  const notBefore = new Date(Date.now() + hour);
  return issue(ours, { commonName: 'clickhouse', dns: ['localhost'], notBefore });
}

const wrong: readonly [string, () => Promise<Attempt>, number, RegExp][] = [
  [
    'a foreign authority',
    async () => ({ env: { CLICKHOUSE_CA_FILE: file('foreign.pem') } }),
    7,
    /no trusted TLS connection to ClickHouse; see CLICKHOUSE_CA_FILE.*\(unable to verify/,
  ],
  [
    'the authorities of the system',
    async () => ({ env: { CLICKHOUSE_CA_FILE: '' } }),
    7,
    /no trusted TLS connection.*\(unable to verify/,
  ],
  [
    'an expired certificate',
    async () => ({ server: await expired() }),
    7,
    /no trusted TLS connection.*\(certificate has expired\)/,
  ],
  [
    'a certificate of tomorrow',
    async () => ({ server: await notYetValid() }),
    7,
    /no trusted TLS connection.*\(certificate is not yet valid\)/,
  ],
  [
    'a certificate of another host',
    async () => ({ server: await otherName() }),
    7,
    /no trusted TLS connection.*does not match certificate's altnames/,
  ],
  [
    'an address that the certificate lacks',
    async () => ({ host: '127.0.0.1' }),
    7,
    /no trusted TLS connection.*does not match certificate's altnames/,
  ],
  [
    'a wrong password',
    async () => ({ env: { CLICKHOUSE_PASSWORD_FILE: file('old-password') } }),
    7,
    /ClickHouse refuses the credential.*Authentication failed/,
  ],
  [
    'no client certificate where one is asked for',
    async () => ({ server: { requestCert: true, ca: ours.pem } }),
    7,
    /no trusted TLS connection.*CLICKHOUSE_CERT_FILE/,
  ],
  [
    'a client certificate of a foreign authority',
    async () => ({
      server: { requestCert: true, ca: ours.pem },
      env: {
        CLICKHOUSE_CERT_FILE: file('stranger.pem'),
        CLICKHOUSE_KEY_FILE: file('stranger.key'),
      },
    }),
    5, // this listener hangs up where ClickHouse would send an alert
    /ClickHouse cannot be reached/,
  ],
  [
    'a client certificate without its key',
    async () => ({ env: { CLICKHOUSE_CERT_FILE: file('client.pem') } }),
    2,
    /CLICKHOUSE_CERT_FILE, CLICKHOUSE_KEY_FILE: one without the other/,
  ],
  [
    "a client certificate with another one's key",
    async () => ({
      env: { CLICKHOUSE_CERT_FILE: file('client.pem'), CLICKHOUSE_KEY_FILE: file('stranger.key') },
    }),
    2,
    /CLICKHOUSE_CERT_FILE, CLICKHOUSE_KEY_FILE: not a certificate and its key/,
  ],
  [
    'an authority file that is not there, and an http address',
    async () => ({
      env: { CLICKHOUSE_CA_FILE: file('none.pem'), CLICKHOUSE_URL: 'http://localhost:1' },
    }),
    2,
    /CLICKHOUSE_URL: http:\/\/ uses no certificate[\s\S]*CLICKHOUSE_CA_FILE: the file cannot be read \(ENOENT\)/,
  ],
];

test.each(wrong)('%s ends the job with a sentence, and nothing is written', async (...row) => {
  const [, made, code, words] = row;
  const ended = await attempt(await made());
  expect(ended.err).toMatch(words);
  expect(ended.code).toBe(code);
  expect(ended.err).not.toContain(password);
  expect(await databases()).toEqual([]);
});

test('the right authority, name, user and password copy and verify everything', async () => {
  const copied = await attempt({});
  expect(copied).toMatchObject({ code: 0, err: '' });
  expect(copied.count).toBeGreaterThan(0);
  await stage.expectEqualSides();
  const verified = await attempt({ args: ['verify'] });
  expect(verified.out).toMatch(/days of rollups compared, 0 differ/);
});

test('a client certificate is presented where the server asks for one', async () => {
  await stage.change(manyChanges(30, 2));
  const copied = await attempt({
    server: { requestCert: true, ca: ours.pem },
    env: { CLICKHOUSE_CERT_FILE: file('client.pem'), CLICKHOUSE_KEY_FILE: file('client.key') },
  });
  expect(copied).toMatchObject({ code: 0, err: '' });
  expect(copied.count).toBeGreaterThan(0);
  await stage.expectEqualSides();
});

test('a run that was refused leaves what was copied before as it is, and the next one continues', async () => {
  await stage.change(manyChanges(30, 3));
  const before = await stage.ask('SELECT epoch FROM DB.freshness');
  expect(await attempt({ server: await expired() })).toMatchObject({ code: 7 });
  expect(await stage.ask('SELECT epoch FROM DB.freshness')).toEqual(before);
  expect(await attempt({})).toMatchObject({ code: 0 });
  await stage.expectEqualSides();
});

test('--loop reads the password file for every run', async () => {
  await writeFile(file('rotating'), password);
  const copied = async () =>
    Number(
      (await stage.sql(`SELECT count(*)::text FROM etl_run WHERE outcome = 'copied'`))[0]?.[0],
    );
  const before = await copied();
  const env = { CLICKHOUSE_PASSWORD_FILE: file('rotating') };
  const ended = attempt({ args: ['run', '--loop', '1'], env });
  while ((await copied()) === before) await new Promise((resolve) => setTimeout(resolve, 50));
  await writeFile(file('rotating'), 'of yesterday');
  expect(await ended).toMatchObject({ code: 7 });
});
