// Forgetting on real engines: what is dropped stays dropped, what was counted stays counted, and an
// event that comes back after its ledger day is gone is refused instead of counted a second time.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { roleUrl } from '../../../deploy/local/engines/database.js';
import { dayOf } from '../../../src/domain/time/instant.js';
import { planRetention, retain } from '../../../src/operating/retention/retain.js';
import { createSite, type TestSite } from '../../support/site.js';
import { charge, delivered, ops, publication, runOps } from './run-ops.js';

const DAY = 86_400_000_000;
const today = dayOf(Date.now() * 1000);
let site: TestSite;
let pool: pg.Pool;

beforeAll(async () => {
  site = await createSite();
  const { databaseUrl, credentials } = site.site;
  pool = new pg.Pool({
    connectionString: roleUrl(databaseUrl, 'analytics_ops', credentials),
    max: 2,
  });
  await site.start('ingest');
});
afterAll(async () => {
  await pool?.end();
  await site?.close();
});

async function column(text: string): Promise<string[]> {
  const { rows } = await site.database.query({ text, rowMode: 'array' });
  return rows.map((row: unknown[]) => row.map(String).join(' '));
}

const TOTALS = `
  SELECT 'outcome', sum(messages)::text FROM outcome_account
  UNION ALL SELECT 'charged', sum(charged)::text FROM money_account
  UNION ALL SELECT 'latency', sum(messages)::text FROM latency_platform WHERE grain_minutes = 15
  UNION ALL SELECT 'hours', sum(accepted)::text FROM throughput_platform WHERE grain_minutes = 60
  ORDER BY 1`;

describe('ops retain', () => {
  it('drops old ledger days, and redelivered events of theirs are not counted again', async () => {
    // Four messages: two of five days ago, two of an hour ago. The ledger shall keep two days.
    const old = [charge(), charge()].map((one) =>
      charge({ messageId: one.messageId, acceptedAt: one.acceptedAt - 5 * DAY }),
    );
    const messages = [...old, charge(), charge()];
    const events = messages.flatMap((one) => [one, delivered(one)]);
    await site.publish(events.map(publication));
    await site.drained();
    const before = await column(TOTALS);
    expect(before).toEqual(['charged 0.200000000', 'hours 4', 'latency 4', 'outcome 4']);
    const keeping = { ledgerDays: 2, rollupDays: 800, minuteDays: 90 };
    const { summary } = await retain(pool, await planRetention(pool, keeping, today));
    // 50 days behind had been made, 48 of them are below the floor; ledger and refund each.
    expect(summary).toContain('Dropped 96 partitions');
    expect(await column('SELECT count(*) FROM ledger')).toEqual(['2']);
    expect(
      await column(`SELECT ledger_floor = (now() AT TIME ZONE 'UTC')::date - 2 FROM generation`),
    ).toEqual(['true']);
    await ops(site, 'seek', '--to-sequence', '1', '--yes');
    await site.drained();
    expect(await column(TOTALS)).toEqual(before);
    expect(await column('SELECT count(*) FROM ledger')).toEqual(['2']);
    // The floor was read in time (too_old), or the partition was missing (unstorable): either way
    // not counted.
    expect(await column('SELECT count(*) FROM dead_letter')).toEqual(['4']);
    const replay = await runOps(site, ['dead-letters', 'replay', '1:1', '--yes']);
    expect(replay.code).toBe(1);
    expect(replay.err).toContain('too_old');
    expect(await column(TOTALS)).toEqual(before);
  });

  it('does not make dropped days again', async () => {
    await column(
      `SELECT create_ledger_days(1::smallint, (now() AT TIME ZONE 'UTC')::date - 50, (now() AT TIME ZONE 'UTC')::date + 2)`,
    );
    expect(
      await column(`SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass('ledger_g1')`),
    ).toEqual(['5']);
  });

  it('deletes rollups by tier: minutes first, coarser ones later', async () => {
    const minutes = { ledgerDays: 50, rollupDays: 800, minuteDays: 2 };
    await retain(pool, await planRetention(pool, minutes, today));
    const throughput = `SELECT grain_minutes, sum(accepted)::text FROM throughput_platform
                        GROUP BY 1 HAVING sum(accepted) > 0 ORDER BY 1`;
    expect(await column(throughput)).toEqual(['1 2', '60 4', '1440 4']);
    const all = { ledgerDays: 50, rollupDays: 3, minuteDays: 2 };
    await retain(pool, await planRetention(pool, all, today));
    expect(await column(throughput)).toEqual(['1 2', '60 2', '1440 2']);
    expect(await column(TOTALS)).toEqual([
      'charged 0.100000000',
      'hours 2',
      'latency 2',
      'outcome 2',
    ]);
  });

  it('folds the progress of dead processes, and no reader sees a sum go back', async () => {
    await site.database.query(`
      INSERT INTO ingest_progress (worker, generation, stream_id, revision, highest_sequence, data_as_of, looked_at)
      SELECT 'gone-' || n, 1, 1, 10, n, timestamptz '2020-01-01' + n * interval '1 day', now() - interval '2 days'
      FROM generate_series(1, 3) AS n`);
    const revision = async () => {
      const [line = ''] = await column(`SELECT split_part(revision, '.', 2) FROM answer_state`);
      return Number(line);
    };
    const before = await revision();
    expect(await ops(site, 'retain', '--dry-run')).toContain('3 progress rows');
    expect((await runOps(site, ['retain'])).code).toBe(2);
    expect(await ops(site, 'retain', '--yes')).toContain('folded 3 progress rows');
    expect(await revision()).toBeGreaterThanOrEqual(before);
    expect(
      await column(
        `SELECT worker, revision, highest_sequence, data_as_of = '2020-01-04' FROM ingest_progress
         WHERE worker IN ('retired', 'gone-1', 'gone-2', 'gone-3')`,
      ),
    ).toEqual(['retired 30 3 true']);
    expect(
      await column(
        `SELECT action, outcome FROM audit_record WHERE action = 'retain' ORDER BY audit_id`,
      ),
    ).toEqual(['retain begun', 'retain done']);
    expect(await ops(site, 'retain', '--yes')).toContain('Nothing is older');
  });
});
