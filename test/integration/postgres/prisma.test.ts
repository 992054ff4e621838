// What goes through Prisma, on a real database: its models have every column, and what it writes is
// what was meant, also where the role's own time zone is not UTC.

import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { roleUrl } from '../../../deploy/local/engines/database.js';
import { recordAct } from '../../../src/audit/records/audit.js';
import { recordDenials } from '../../../src/audit/records/record-denials.js';
import { resolveDeadLetter } from '../../../src/operating/dead-letters/stored.js';
import { setRebuiltFrom } from '../../../src/operating/rebuild/copy-generation.js';
import { retireBuilding } from '../../../src/operating/rebuild/swap-generations.js';
import { openPool } from '../../../src/postgres/open-pool.js';
import { openPrisma, type PrismaClient } from '../../../src/postgres/prisma/prisma.js';
import { createSite, type TestSite } from '../../support/site.js';

let site: TestSite;
let pools: pg.Pool[] = [];

beforeAll(async () => {
  site = await createSite();
  await site.database.query(
    `INSERT INTO event_stream (stream_id, name, created_at) OVERRIDING SYSTEM VALUE
     VALUES (7, 'SMS_EVENTS', '2026-01-01')`,
  );
  await site.database.query(
    `INSERT INTO dead_letter (stream_id, sequence, subject, reason, payload_digest)
     VALUES (7, 1, 'sms.billing.v1.charged', 'malformed', 1)`,
  );
  await site.database.query(
    `INSERT INTO generation (generation, state, durable) VALUES (9, 'building', 'analytics-g9')`,
  );
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await site?.close();
});

async function prismaAs(role: 'analytics_ops' | 'analytics_platform'): Promise<PrismaClient> {
  const { databaseUrl, credentials } = site.site;
  const url = new URL(roleUrl(databaseUrl, role, credentials));
  const database = url.pathname.slice(1);
  await site.database.query(
    `ALTER ROLE ${role} IN DATABASE ${database} SET TimeZone = 'Asia/Tokyo'`,
  );
  const pool = openPool({ reveal: () => url.href }, { max: 1 });
  pools = [...pools, pool];
  return openPrisma(pool);
}

/** Rows as JSON text: instants with their offset. */
async function rowsOf(query: string): Promise<unknown[]> {
  const { rows } = await site.database.query<{ row: unknown }>(
    `SELECT to_jsonb(r) AS row FROM (${query}) AS r`,
  );
  return rows.map(({ row }) => row);
}

it('has every column of its tables, and no other', async () => {
  const schema = readFileSync('src/postgres/schema.prisma', 'utf8');
  const models = [...schema.matchAll(/^model \w+ \{\n(.*?)\n\}/gms)].map(([, body = '']) => {
    const columns = body
      .split('\n')
      .map((line) =>
        /^ {2}(\w+) +(?:Int|BigInt|String|DateTime)\b(?:.*@map\("(\w+)"\))?/.exec(line),
      )
      .flatMap((found) => found?.[2] ?? found?.[1] ?? []);
    return { table: /@@map\("(\w+)"\)/.exec(body)?.[1], columns: columns.sort() };
  });
  expect(models.map(({ table }) => table)).toEqual([
    'generation',
    'event_stream',
    'dead_letter',
    'audit_record',
  ]);
  for (const { table, columns } of models) {
    const { rows } = await site.database.query<{ name: string }>(
      'SELECT column_name AS name FROM information_schema.columns WHERE table_name = $1',
      [table],
    );
    expect(columns).toEqual(rows.map(({ name }) => name).sort());
  }
});

it('leaves to Postgres what a record of ops does not say', async () => {
  const prisma = await prismaAs('analytics_ops');
  const before = Date.now();
  const act = { actor: 'ops:anna', action: 'seek', target: 'durable', reason: '' } as const;
  await recordAct(prisma, { ...act, outcome: 'begun', correlationId: 'c1' });
  const [row] = (await rowsOf(`SELECT * FROM audit_record WHERE actor = 'ops:anna'`)) as [
    Record<string, string>,
  ];
  expect(row).toMatchObject({ ...act, outcome: 'begun', occurrences: 1, correlation_id: 'c1' });
  expect(row.recorded_at).toBe(row.occurred_at);
  expect(Math.abs(Date.parse(row.occurred_at ?? '') - before)).toBeLessThan(60_000);
});

it('says what Postgres said, with its SQLSTATE', async () => {
  const prisma = await prismaAs('analytics_ops');
  const act = { actor: 'anna', action: 'seek', target: '', reason: '', correlationId: '' };
  await expect(recordAct(prisma, { ...act, outcome: 'done' })).rejects.toMatchObject({
    name: 'RowWriteFailed',
    code: '42501',
    message: 'new row violates row-level security policy for table "audit_record"',
  });
});

it('dates a denial by its minute, in UTC', async () => {
  const prisma = await prismaAs('analytics_platform');
  const minute = Date.UTC(2026, 10, 22, 8, 5) * 1_000;
  const denial = { caller: 'portal', method: 'GetSummary', reason: 'X', correlationId: 'c2' };
  await recordDenials(prisma, [
    { ...denial, minute, count: 3 },
    { ...denial, minute: minute + 60_000_000, count: 1 },
  ]);
  const rows = await rowsOf(`SELECT occurred_at AT TIME ZONE 'UTC' AS at, occurrences AS n
    FROM audit_record WHERE actor = 'portal' ORDER BY audit_id`);
  expect(rows).toEqual([
    { at: '2026-11-22T08:05:00', n: 3 },
    { at: '2026-11-22T08:06:00', n: 1 },
  ]);
});

it('resolves a dead letter once', async () => {
  const prisma = await prismaAs('analytics_ops');
  const letter = { streamId: 7, sequence: 1 };
  expect(await resolveDeadLetter(prisma, letter, 'replayed')).toBe(true);
  expect(await resolveDeadLetter(prisma, letter, 'discarded')).toBe(false);
  expect(await resolveDeadLetter(prisma, { ...letter, sequence: 2 }, 'discarded')).toBe(false);
  const rows = await rowsOf(`SELECT resolution, abs(extract(epoch FROM now() - resolved_at)) < 60
    AS just_now FROM dead_letter WHERE stream_id = 7`);
  expect(rows).toEqual([{ resolution: 'replayed', just_now: true }]);
});

it('moves and retires the generation that is being built, and no other', async () => {
  const prisma = await prismaAs('analytics_ops');
  const midnight = Date.UTC(2026, 10, 1) * 1_000;
  const generations = () =>
    rowsOf(`SELECT generation AS g, state, rebuilt_from AT TIME ZONE 'UTC' AS at
      FROM generation ORDER BY generation`);
  await setRebuiltFrom(prisma, 9, midnight);
  const serving = { g: 1, state: 'serving', at: null };
  expect(await generations()).toEqual([
    serving,
    { g: 9, state: 'building', at: '2026-11-01T00:00:00' },
  ]);
  await site.database.query('UPDATE generation SET copied_at = now() WHERE generation = 9');
  await setRebuiltFrom(prisma, 9, midnight + 86_400_000_000);
  await retireBuilding(prisma, 1);
  await retireBuilding(prisma, 9);
  expect(await generations()).toEqual([
    serving,
    { g: 9, state: 'retired', at: '2026-11-01T00:00:00' },
  ]);
});
