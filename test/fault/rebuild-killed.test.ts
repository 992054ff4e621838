// `ops rebuild` killed with -9 between its statements, met on purpose (a lock holds it there), and
// at instants of the seed: one generation serves at any time, the API answers all the while, and
// the same command run again completes, with the numbers of the oracle.

import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../../deploy/local/engines/child.js';
import { serviceChild } from '../../deploy/local/stack/services.js';
import { random } from '../../deploy/local/traffic/random.js';
import {
  Compare,
  Granularity,
  WeekStart,
} from '../../src/generated/proto/sms/analytics/v1/common.js';
import { analyticsClient } from '../support/analytics-client.js';
import { createSite, type TestSite } from '../support/site.js';
import { lotsOf, Published, until } from './guarded-ingest.js';

const SEED = 17;
const EVERY_MS = 50;

let site: TestSite;
let published: Published;
let asking: Asking;
const lots = lotsOf(4, 200, SEED);

beforeAll(async () => {
  site = await createSite();
  published = new Published(site);
  await Promise.all([site.start('ingest'), site.start('api')]);
  await published.publish(lots[0] ?? []);
  await published.expectCounted();
  asking = new Asking();
});
afterAll(async () => {
  await asking?.end();
  await site?.close();
});

/** A dashboard that asks all the time, and notes every answer. */
class Asking {
  readonly accepted: bigint[] = [];
  readonly failures: unknown[] = [];
  readonly #client = analyticsClient(site.site.ports.grpc, site.tls, 'admin-dashboard');
  #ended = false;
  readonly #loop = this.#ask();

  async #ask(): Promise<void> {
    const [yesterday, tomorrow] = [-1, 1].map((days) =>
      new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10),
    );
    while (!this.#ended) {
      const question = {
        range: { start: yesterday ?? '', end: tomorrow ?? '' },
        timeZone: 'UTC',
        granularity: Granularity.GRANULARITY_TOTAL,
        weekStart: WeekStart.WEEK_START_UNSPECIFIED,
        compare: Compare.COMPARE_UNSPECIFIED,
        compareElapsed: false,
        filter: undefined,
      };
      await this.#client.getSummary(question).then(
        ({ counts }) => this.accepted.push(counts?.accepted ?? -1n),
        (error: unknown) => this.failures.push(error),
      );
      await sleep(EVERY_MS);
    }
  }

  /** Every question since the last call was answered, and no count was less than the one before. */
  expectAnswers(): void {
    expect(this.failures).toEqual([]);
    const counts = this.accepted.splice(0);
    expect(counts.length).toBeGreaterThan(0);
    expect(counts).toEqual([...counts].sort((one, other) => Number(one - other)));
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#loop;
    this.#client.close();
  }
}

function launch(...args: string[]): ChildProcess & { ended: Promise<number | null> } {
  const { command, args: all = [], env } = serviceChild('ops', site.site, args);
  const child = spawn(command, all, { env, stdio: 'ignore' });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return Object.assign(child, { ended });
}

async function states(): Promise<string> {
  const { rows } = await site.database.query<{ states: string }>(
    `SELECT string_agg(generation || ' ' || state, ', ' ORDER BY generation) AS states FROM generation`,
  );
  return rows[0]?.states ?? '';
}

/** Sessions of ops of which this holds. */
async function sessions(condition: string): Promise<number> {
  const { rows } = await site.database.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'ops' AND ${condition}`,
  );
  return rows[0]?.count ?? 0;
}

const WAITS = `wait_event_type = 'Lock'`;

/** Has the command run into `hold`, kills it there, and lets go. */
async function killWhere(args: string[], hold: string, there = WAITS): Promise<void> {
  const client = new pg.Client({ connectionString: site.site.databaseUrl });
  await client.connect();
  await client.query(hold);
  const child = launch(...args, '--yes');
  await until(`ops waits: ${hold}`, async () => {
    if (child.exitCode !== null) throw new Error(`ops ended with ${child.exitCode}: ${hold}`);
    return (await sessions(there)) > 0;
  });
  child.kill('SIGKILL');
  await child.ended;
  await client.end();
  await until('its sessions are gone', async () => (await sessions('true')) === 0);
  asking.expectAnswers();
}

/** A statement waits before it changes such a row, until an advisory lock is free. */
async function stumble(table: string, when: string): Promise<void> {
  await site.database.query(`
    CREATE OR REPLACE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END';
    CREATE TRIGGER stumble BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW WHEN (${when})
      EXECUTE FUNCTION stumble()`);
}
const STUMBLE = 'SELECT pg_advisory_lock(4711)';
const STUMBLES = `wait_event = 'advisory'`;
const unstumble = (table: string) => site.database.query(`DROP TRIGGER stumble ON ${table}`);

describe('ops rebuild, killed between its statements', () => {
  const start = ['rebuild', 'start'];
  const swap = ['rebuild', 'swap'];
  let filling: Child;

  it('start goes on where it was: the row, the partitions, the mark, the copy', async () => {
    // A statement of its own ends even where nobody waits for it any more.
    await killWhere(start, 'BEGIN; LOCK TABLE generation IN SHARE MODE');
    await killWhere(start, 'BEGIN; LOCK TABLE outcome_account IN SHARE UPDATE EXCLUSIVE MODE');
    expect(await states()).toBe('1 serving, 2 building');
    await stumble('generation', 'NEW.copied_at IS NOT NULL');
    await killWhere(start, STUMBLE, STUMBLES);
    await unstumble('generation');
    await killWhere(start, 'BEGIN; LOCK TABLE money_account IN SHARE MODE');
    expect(await states()).toBe('1 serving, 2 building');
    await site.ops(...start, '--yes');
    filling = await site.spawn('ingest', {}, ['--generation', '2']);
    await published.publish(lots[1] ?? []);
    await published.expectCounted();
  });

  it('swap changes nothing before its commit: the locks, the one update, the other', async () => {
    await killWhere(swap, 'BEGIN; SELECT FROM generation WHERE generation = 2 FOR NO KEY UPDATE');
    await killWhere(swap, 'BEGIN; LOCK TABLE ingest_progress IN ROW EXCLUSIVE MODE');
    await stumble('generation', `NEW.state = 'retired'`);
    await killWhere(swap, STUMBLE, STUMBLES);
    await unstumble('generation');
    await stumble('generation', `NEW.state = 'serving'`);
    await killWhere(swap, STUMBLE, STUMBLES);
    await unstumble('generation');
    expect(await states()).toBe('1 serving, 2 building');
    await published.publish(lots[2] ?? []);
    await published.expectCounted();
  });

  it('swap has happened after its commit, and the next one completes it', async () => {
    // Somebody reads with a snapshot of before: nothing is dropped until that ends.
    const reader = new pg.Client({ connectionString: site.site.databaseUrl });
    await reader.connect();
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM generation');
    await stumble('audit_record', `NEW.action = 'rebuild swap' AND NEW.outcome = 'done'`);
    await killWhere(swap, STUMBLE, STUMBLES);
    await unstumble('audit_record');
    expect(await states()).toBe('1 retired, 2 serving');
    await published.expectCounted();
    await killWhere(swap, 'SELECT', `query LIKE '%backend_xmin%'`);
    await reader.end();
    await killWhere(swap, 'BEGIN; LOCK TABLE ledger_g1 IN ACCESS SHARE MODE');
    expect(await site.ops(...swap, '--yes')).toContain('Generation 2 serves already');
    const { rows } = await site.database.query(
      `SELECT relname FROM pg_class WHERE relname LIKE '%\\_g1' OR relname LIKE '%\\_g1\\_%'`,
    );
    expect(rows).toEqual([]);
    await published.publish(lots[3] ?? []);
    await published.expectCounted();
    asking.expectAnswers();
    expect(filling.running).toBe(true);
  });
});

describe('ops rebuild, killed at any time', () => {
  it('completes when it is run often enough, with the numbers of the oracle', async () => {
    const draw = random(SEED);
    expect(await states()).toBe('1 retired, 2 serving');
    await site.start('ingest');
    for (const verb of ['start', 'swap']) {
      let code: number | null = null;
      // Later and later, so that it ends however slow the machine is.
      for (let most = 900; code !== 0; most *= 2) {
        const child = launch('rebuild', verb, '--yes');
        const kill = setTimeout(() => child.kill('SIGKILL'), draw.between(250, most));
        code = await child.ended;
        clearTimeout(kill);
        expect((await states()).match(/serving/g)).toHaveLength(1);
      }
      if (verb === 'start') await site.spawn('ingest', {}, ['--generation', '3']);
      asking.expectAnswers();
    }
    expect(await states()).toBe('1 retired, 2 retired, 3 serving');
    await published.expectCounted();
    asking.expectAnswers();
  });
});
