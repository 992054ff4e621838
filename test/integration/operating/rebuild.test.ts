// A rebuild on real engines and real processes: damage in the serving rollups is not in the new
// generation, events published meanwhile are, readers see one or the other and never a gap. Held
// against the oracle, which shares nothing with the service, over every event that the stream
// holds.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Child, startChild } from '../../../deploy/local/engines/child.js';
import { roleUrl } from '../../../deploy/local/engines/database.js';
import { freePorts } from '../../../deploy/local/engines/ports.js';
import { serviceChild } from '../../../deploy/local/stack/services.js';
import { type Publication, publications } from '../../../deploy/local/traffic/schedule.js';
import { readGenerations } from '../../../src/counting/guard/generation.js';
import { dayOf, MICROS_PER_DAY } from '../../../src/domain/time/instant.js';
import { build } from '../../../src/operating/rebuild/start.js';
import { openPrisma } from '../../../src/postgres/prisma/prisma.js';
import { ledgerOf } from '../../oracle/ledger.js';
import { cellDifferences, cellsOf, readCells } from '../../oracle/rollup-cells.js';
import { createSite, type TestSite } from '../../support/site.js';
import {
  charge,
  connectAs,
  delivered,
  ops,
  opsJson,
  publication,
  refund,
  runOps,
  until,
} from './run-ops.js';

const MINUTES = 60_000;
const now = Date.now() * 1000;
/** Three days of history, published at once: some 3,000 events. */
const history: readonly Publication[] = [
  ...publications(
    {
      seed: 7,
      paces: [{ from: now - 3 * MICROS_PER_DAY, eventsPerSecond: 0.012, rhythm: true }],
    },
    now - 3 * MICROS_PER_DAY,
    now,
  ),
];
const [first, second, third] = [0, 1, 2].map((part) =>
  history.slice((part * history.length) / 3, ((part + 1) * history.length) / 3),
) as [Publication[], Publication[], Publication[]];

let site: TestSite;
let reader: Reader;
const children: Child[] = [];

beforeAll(async () => {
  site = await createSite();
  await start();
  await site.publish(first);
  await site.drained();
  reader = new Reader();
}, 2 * MINUTES);
afterAll(async () => {
  await reader?.end();
  await Promise.all(children.map((child) => child.stop()));
  await site?.close();
});

/** Another ingest process, of a building generation where one is given. */
async function start(generation?: number): Promise<Child> {
  const args = generation === undefined ? [] : ['--generation', String(generation)];
  const [port = 0] = await freePorts(1);
  const options = serviceChild('ingest', site.site, args);
  const child = await startChild({
    ...options,
    env: { ...options.env, ADMIN_PORT: String(port) },
    logFile: join(site.site.dataDir, 'logs', `ingest-${port}.log`),
  });
  children.push(child);
  return child;
}

/** Reads as the API does, all the time: the serving generation and a sum of it, in one snapshot. */
class Reader {
  readonly answers: { readonly generation: number; readonly messages: number }[] = [];
  readonly #pool = new pg.Pool({
    connectionString: roleUrl(site.site.databaseUrl, 'analytics_platform', site.site.credentials),
    max: 1,
  });
  #ended = false;
  readonly #loop = this.#read();

  async #read(): Promise<void> {
    while (!this.#ended) {
      const client = await this.#pool.connect();
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const state = await client.query('SELECT generation FROM answer_state');
      const generation = state.rows[0]?.generation;
      const { rows } = await client.query(
        `SELECT coalesce(sum(messages), 0)::int AS messages FROM outcome_platform
         WHERE generation = $1 AND grain_minutes = 15`,
        [generation],
      );
      await client.query('COMMIT');
      client.release();
      this.answers.push({ generation, messages: rows[0].messages });
      await pause(20);
    }
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#loop;
    await this.#pool.end();
  }
}

async function column(text: string): Promise<string[]> {
  const { rows } = await site.database.query({ text, rowMode: 'array' });
  return rows.map((row: unknown[]) => row.map(String).join(' '));
}

async function drained(durable: string): Promise<void> {
  const connection = await connectAs(site, 'ops');
  const manager = await connection.jetstreamManager();
  await until(
    `${durable} is through`,
    async () => {
      const info = await manager.consumers.info('SMS_EVENTS', durable);
      return info.num_pending === 0 && info.num_ack_pending === 0;
    },
    5 * MINUTES,
  );
  await connection.close();
}

/** Ingest of every generation has seen that all of it is counted. */
async function looked(): Promise<void> {
  const since = new Date().toISOString();
  await until('looked', async () => {
    const [all] = await column(
      `SELECT bool_and(EXISTS (SELECT FROM ingest_progress p WHERE p.generation = g.generation
                                 AND p.data_as_of >= '${since}'))
       FROM generation g WHERE state <> 'retired'`,
    );
    return all === 'true';
  });
}

/** Where the serving generation is not what the stream's events are worth. */
async function differences(): Promise<string[]> {
  return cellDifferences(await readCells(site.database), cellsOf(ledgerOf(await site.stored())));
}

const DAMAGE = [
  `UPDATE outcome_platform SET messages = messages + 5 WHERE (bucket, operator_id, outcome) IN (
     SELECT bucket, operator_id, outcome FROM outcome_platform WHERE grain_minutes = 15 LIMIT 3)`,
  `DELETE FROM money_account WHERE bucket = (SELECT min(bucket) FROM money_account)`,
  `UPDATE throughput_platform SET completed = 0 WHERE grain_minutes = 1440`,
];

describe('ops rebuild', () => {
  it(
    'replaces damaged rollups while events come in and readers read',
    async () => {
      expect(await differences()).toEqual([]);
      for (const text of DAMAGE) await site.database.query(text);
      expect((await differences()).length).toBeGreaterThan(5);
      const letters = await column(
        'SELECT stream_id, sequence, reason FROM dead_letter ORDER BY 2',
      );
      expect(letters.length).toBeGreaterThan(0);

      expect((await runOps(site, ['rebuild', 'start'])).code).toBe(2);
      expect((await runOps(site, ['rebuild', 'status'])).code).toBe(2);
      expect(await opsJson(site, 'rebuild', 'start', '--yes')).toMatchObject({ generation: 2 });
      // Nobody fills it yet: it cannot serve.
      const early = await runOps(site, ['rebuild', 'swap', '--yes', '--wait-seconds', '1']);
      expect(early.code).toBe(2);
      expect(early.err).toContain('ingest --generation 2');
      const filling = await start(2);
      await site.publish(second);
      await Promise.all([site.drained(), drained('analytics-rollup-g2')]);
      await looked();

      // While the new one was filled, the old one served all that it had.
      const least = reader.answers[0]?.messages ?? 0;
      const fewest = () => Math.min(...reader.answers.map(({ messages }) => messages));
      expect(least).toBeGreaterThan(0);
      expect(fewest()).toBeGreaterThanOrEqual(least);

      const status = await opsJson(site, 'rebuild', 'status');
      expect(status).toMatchObject({ old: 1, new: 2, waiting: 0 });
      expect(status.differingDays.length).toBeGreaterThan(0);
      const refused = await runOps(site, ['rebuild', 'swap', '--yes']);
      expect(refused.code).toBe(2);
      expect(refused.err).toContain('outcome_platform');
      const publishing = site.publish(third);
      const swap = await opsJson(site, 'rebuild', 'swap', '--accept-differences', '--yes');
      expect(swap).toMatchObject({ old: 1, new: 2, done: true, cleaned: [1] });
      await publishing;
      await drained('analytics-rollup-g2');
      expect(await differences()).toEqual([]);

      expect(filling.running).toBe(true);
      expect(await children[0]?.exited).toBe('exited with code 0');
      expect(await column(`SELECT generation, state FROM generation ORDER BY 1`)).toEqual([
        '1 retired',
        '2 serving',
      ]);
      expect(await column(`SELECT relname FROM pg_class WHERE relname LIKE '%\\_g1%'`)).toEqual([]);
      const connection = await connectAs(site, 'ops');
      const manager = await connection.jetstreamManager();
      const consumers = await manager.consumers.list('SMS_EVENTS').next();
      expect(consumers.flatMap(({ config }) => config.durable_name ?? [])).toEqual([
        'analytics-rollup-g2',
      ]);
      await connection.close();
      const kept = await column('SELECT stream_id, sequence, reason FROM dead_letter ORDER BY 2');
      expect(kept.slice(0, letters.length)).toEqual(letters);
      expect(kept.filter((letter) => letter.endsWith('unstorable'))).toEqual([]);
      // Never a gap, and never back from the new one to the old one.
      const generations = reader.answers.map(({ generation }) => generation);
      expect(generations).toEqual([...generations].sort());
      expect(new Set(generations)).toEqual(new Set([1, 2]));
      expect(fewest()).toBeGreaterThanOrEqual(least);
      expect(
        await column(
          `SELECT action, outcome FROM audit_record WHERE action LIKE 'rebuild%' ORDER BY audit_id`,
        ),
      ).toEqual(
        ['start', 'swap', 'clean'].flatMap((verb) => [
          `rebuild ${verb} begun`,
          `rebuild ${verb} done`,
        ]),
      );
    },
    10 * MINUTES,
  );

  it(
    'takes what lies before H from the serving generation, and goes on after a kill',
    async () => {
      // Killed at several points: before the row, in the copy, after it.
      const {
        command,
        args = [],
        env,
      } = serviceChild('ops', site.site, ['rebuild', 'start', '--yes']);
      for (const afterMs of [350, 500, 650]) {
        const child = spawn(command, args, { env, stdio: 'ignore' });
        const exited = new Promise((resolve) => child.once('exit', resolve));
        await pause(afterMs);
        child.kill('SIGKILL');
        await exited;
      }
      await ops(site, 'rebuild', 'start', '--yes');
      await ops(site, 'rebuild', 'abandon', '--yes');
      expect(await differences()).toEqual([]);

      // H in the middle of the history: the stream holds the earlier messages too, so the oracle
      // still knows all. One message is accepted a minute before H; its charge, its receipt and its
      // refund count 1, 2 and 3 minutes after H.
      const rebuiltFrom = dayOf(now - MICROS_PER_DAY) * MICROS_PER_DAY;
      const minute = 60_000_000;
      const acceptedAt = rebuiltFrom - minute;
      const straddling = charge({
        ...{ accountId: 'straddler', operatorId: '00101', acceptedAt, amount: '7' },
        occurredAt: rebuiltFrom + minute,
      });
      const receipt = { ...delivered(straddling), occurredAt: rebuiltFrom + 2 * minute };
      const back = { ...refund(straddling, '2'), occurredAt: rebuiltFrom + 3 * minute };
      await site.publish([straddling, receipt, back].map(publication));
      await drained('analytics-rollup-g2');
      const pool = new pg.Pool({
        connectionString: roleUrl(site.site.databaseUrl, 'analytics_ops', site.site.credentials),
      });
      const connection = await connectAs(site, 'ops');
      const manager = await connection.jetstreamManager();
      const serving = (await readGenerations(pool)).find(({ state }) => state === 'serving');
      if (serving === undefined) throw new Error('nothing serves');
      const prisma = async () => openPrisma(pool);
      const beginning = { rebuiltFrom };
      const { generation } = await build({ pool, prisma, manager }, serving, undefined, beginning);
      await connection.close();
      await pool.end();
      // Before any event is replayed: the message's cell is copied, what it counts from H on is
      // computed.
      const own = (table: string, counts: string) =>
        column(`SELECT grain_minutes, (extract(epoch FROM bucket) - ${rebuiltFrom / 1e6})::int / 60, ${counts}
              FROM ${table} WHERE generation = ${generation} AND operator_id = '00101' ORDER BY 1, 2`);
      expect(await own('outcome_account', 'outcome, messages')).toEqual(['15 -15 DELIVERED 1']);
      expect(await own('money_account', 'charged::int, refunded::int')).toEqual(['15 0 7 2']);
      expect(await own('money_sum', 'charged::int, refunded::int')).toEqual([
        ...['15 0 7 2', '60 0 7 2', '1440 0 7 2'],
      ]);
      expect(await own('throughput_platform', 'accepted, completed')).toEqual([
        ...['1 -1 1 0', '1 2 0 1', '60 -60 1 0', '60 0 0 1', '1440 -1440 1 0', '1440 0 0 1'],
      ]);
      await start(generation);
      // A late report of a message from before H, and a new message.
      const late = charge({ acceptedAt: now - 2 * MICROS_PER_DAY });
      await site.publish([publication(late), publication(charge())]);
      await Promise.all([
        drained('analytics-rollup-g2'),
        drained(`analytics-rollup-g${generation}`),
      ]);
      await looked();
      const swap = await opsJson(site, 'rebuild', 'swap', '--yes');
      expect(swap).toMatchObject({ new: generation, days: [], done: true });
      expect(await differences()).toEqual([]);
    },
    10 * MINUTES,
  );
});
