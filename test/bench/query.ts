// `npm run bench -- query [--scale N] [--calls N]`: what answers cost over mTLS, as ratios to a bare grpc-js server
// that returns the same bytes over the same mTLS in the same run; and whether the cost follows what is asked for or
// what was ever counted. 10 million messages over 90 days; `--scale 0.1` makes it one.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Client } from '@grpc/grpc-js';
import pg from 'pg';
import { ensureCertificates } from '../../deploy/local/certificates.js';
import { type Child, startChild } from '../../deploy/local/child.js';
import { randomCredentials } from '../../deploy/local/credentials.js';
import { ensureDatabase, prepareDatabase } from '../../deploy/local/database.js';
import { freePorts } from '../../deploy/local/ports.js';
import { postgresUrl, startPostgres } from '../../deploy/local/postgres-server.js';
import { projectRoot } from '../../deploy/local/project.js';
import { environmentOf, plainEnvironment } from '../../deploy/local/services.js';
import { Granularity } from '../../src/generated/proto/sms/analytics/v1/common.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { type Figure, median, reportFigures } from './figures.js';
import { ask, load, openCaller } from './query-load.js';
import { largest, NAMES, questionOf, RPCS, rangeOf, typical } from './query-questions.js';
import { seedDays, seedFreshness } from './query-seed.js';

const { values: args } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    calls: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '3' },
  },
});
const DAYS = 90;
const LAST_DAYS = 9;
const CALLERS = 50;
const PER_DAY = Math.round((10_000_000 * Number(args.scale)) / DAYS);
const CALLS = Number(args.calls);
const ROUNDS = Number(args.rounds);
const DAY_MS = 86_400_000;
const endMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const say = (text: string): void => void process.stderr.write(`${text}\n`);

const directory = await temporaryDirectory('bench-query');
const credentials = randomCredentials();
const tls = await ensureCertificates(join(directory, 'tls'));
const [postgresPort = 0, apiPort = 0, recentPort = 0, barePort = 0, admin = 0, recentAdmin = 0] =
  await freePorts(6);
const logDir = join(directory, 'logs');
const answersDir = join(directory, 'answers');
for (const one of [logDir, answersDir]) mkdirSync(one, { recursive: true });
const children: Child[] = [];
try {
  process.exitCode = await bench();
} finally {
  for (const child of children.reverse()) await child.stop();
}
process.exit();

async function bench(): Promise<number> {
  const { full, recent } = await prepare();
  say('asking …');
  const bare = openCaller(barePort, tls);
  const figures: Figure[] = [];
  for (const rpc of RPCS) {
    figures.push(...(await beside(full, bare, rpc)));
  }
  for (const zone of ['UTC', 'Asia/Kathmandu']) {
    for (const rpc of RPCS) {
      const { p99Ms, p50Ms } = await load(full, (i) => largest(rpc, endMs, zone, i), {
        callers: 1,
        calls: 50,
      });
      say(`largest ${NAMES[rpc]} ${zone}: p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`);
      figures.push(figure(`largest ${NAMES[rpc]}, ${zone}, p99`, p99Ms, 250, 100, 'lower', 'ms'));
    }
    figures.push(await growth(full, recent, zone));
  }
  return reportFigures('query', figures);
}

function figure(
  name: string,
  value: number,
  must: number | null,
  aim: number | null,
  better: 'higher' | 'lower',
  unit = '×',
): Figure {
  return { name, value, unit, must, aim, better };
}

/** Typical and repeated questions, each round beside the bare server. */
async function beside(full: Client, bare: Client, rpc: (typeof RPCS)[number]): Promise<Figure[]> {
  let asked = 0;
  const distinct = () => typical(rpc, endMs, DAYS, asked++);
  const same = () => typical(rpc, endMs, DAYS, 7);
  const answer = `${rpc}.bin`;
  writeFileSync(join(answersDir, answer), await ask(full, same()));
  const runs = { p50: [] as number[], rate: [] as number[] };
  const again = { p50: [] as number[], rate: [] as number[] };
  const absolute: string[] = [];
  say(`warming ${rpc}`);
  await load(full, distinct, { callers: CALLERS, calls: 200 });
  say('bare');
  await load(bare, same, { callers: CALLERS, calls: CALLS, answer });
  for (let round = 0; round < ROUNDS; round++) {
    const limit = await load(bare, same, { callers: CALLERS, calls: CALLS, answer });
    const own = await load(full, distinct, { callers: CALLERS, calls: Math.ceil(CALLS / 3) });
    const limitAgain = await load(bare, same, { callers: CALLERS, calls: CALLS, answer });
    const repeated = await load(full, same, { callers: CALLERS, calls: CALLS });
    runs.p50.push(own.p50Ms / limit.p50Ms);
    runs.rate.push(own.callsPerSecond / limit.callsPerSecond);
    again.p50.push(repeated.p50Ms / limitAgain.p50Ms);
    again.rate.push(repeated.callsPerSecond / limitAgain.callsPerSecond);
    absolute.push(
      `${NAMES[rpc]}: ${own.callsPerSecond.toFixed(0)}/s p50 ${own.p50Ms.toFixed(1)} p99 ${own.p99Ms.toFixed(1)} ms; ` +
        `repeated ${repeated.callsPerSecond.toFixed(0)}/s p50 ${repeated.p50Ms.toFixed(1)} ms; ` +
        `bare ${limit.callsPerSecond.toFixed(0)}/s p50 ${limit.p50Ms.toFixed(1)} ms`,
    );
  }
  for (const line of absolute) say(line);
  const name = NAMES[rpc];
  return [
    figure(`typical ${name}, p50 / bare`, median(runs.p50), 5, 3, 'lower'),
    figure(`typical ${name}, rate / bare`, median(runs.rate), 0.2, 0.4, 'higher'),
    figure(`repeated ${name}, p50 / bare`, median(again.p50), 1.5, 1.3, 'lower'),
    figure(`repeated ${name}, rate / bare`, median(again.rate), 0.7, 0.8, 'higher'),
  ];
}

/** The last nine days by hour, one caller: with 90 days in the tables to those nine days alone. */
async function growth(full: Client, recent: Client, timeZone: string): Promise<Figure> {
  const granularity = Granularity.GRANULARITY_HOUR;
  const next = (index: number) => {
    const range = rangeOf(endMs - index * 900_000, LAST_DAYS * DAY_MS - index * 900_000);
    return questionOf('summary', { range, timeZone, granularity }, index);
  };
  const ratios: number[] = [];
  for (let round = 0; round < 5; round++) {
    const at = (index: number) => next(round * 40 + index);
    const before = await load(recent, at, { callers: 1, calls: 40 });
    const after = await load(full, at, { callers: 1, calls: 40 });
    ratios.push(after.p50Ms / before.p50Ms);
  }
  return figure(`growth, 90 days / 9 days, ${timeZone}`, median(ratios), 1.2, 1.05, 'lower');
}

async function prepare(): Promise<{ full: Client; recent: Client }> {
  const password = credentials.superuser;
  children.push(
    await startPostgres({
      port: postgresPort,
      dataDir: join(directory, 'postgres'),
      logDir,
      password,
      durable: true,
    }),
  );
  const server = postgresUrl(postgresPort, password);
  const recentUrl = await ensureDatabase(server, 'recent');
  await prepareDatabase(recentUrl, credentials);
  const day = (back: number) => new Date(endMs - back * DAY_MS).toISOString().slice(0, 10);
  const days = Array.from({ length: DAYS }, (_, i) => day(DAYS - i));
  await seedFreshness(recentUrl, new Date(endMs).toISOString());
  await seedDays(recentUrl, days.slice(-LAST_DAYS), PER_DAY);
  const admins = new pg.Client({ connectionString: server });
  await admins.connect();
  await admins.query('CREATE DATABASE full_size TEMPLATE recent');
  await admins.end();
  const fullUrl = new URL(recentUrl);
  fullUrl.pathname = '/full_size';
  await seedDays(fullUrl.href, days.slice(0, -LAST_DAYS), PER_DAY);
  await startApi('api', apiPort, admin, fullUrl.href);
  await startApi('recent', recentPort, recentAdmin, recentUrl);
  const own = tls.identities['sms-analytics'];
  children.push(
    await startChild({
      name: 'bare',
      command: process.execPath,
      args: [
        join(projectRoot, 'dist/test/bench/query-bare.js'),
        ...[String(barePort), own.key, own.cert, tls.ca, answersDir],
      ],
      env: plainEnvironment(),
      logFile: join(logDir, 'bare.log'),
    }),
  );
  return { full: openCaller(apiPort, tls), recent: openCaller(recentPort, tls) };
}

async function startApi(name: string, grpc: number, apiAdmin: number, databaseUrl: string) {
  const ports = { grpc, apiAdmin, ingestAdmin: 0, nats: 0, postgres: postgresPort, clickhouse: 0 };
  const site = { dataDir: directory, ports, credentials, databaseUrl, tls } as never;
  const startedMs = performance.now();
  const child = await startChild({
    name,
    command: process.execPath,
    args: [join(projectRoot, 'dist/src/bin/api.js')],
    env: { ...plainEnvironment(), ...environmentOf('api', site), LOG_LEVEL: 'warn' },
    logFile: join(logDir, `${name}.log`),
  });
  children.push(child);
  for (;;) {
    if (!child.running) throw new Error(`The api ended: ${child.tail()}`);
    const response = await fetch(`http://127.0.0.1:${apiAdmin}/readyz`).catch(() => undefined);
    if (response?.ok) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  say(`api ready after ${(performance.now() - startedMs).toFixed(0)} ms`);
}
