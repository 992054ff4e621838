// What Postgres is asked about one account's usage: the text and its parameters. The statements run
// in test/integration/answers and test/integration/counting.
import { expect, test } from 'vitest';
import { selectAccountUsage } from '../../../src/answers/account-usage/select-account-usage.js';
import { Unavailable } from '../../../src/domain/failure.js';
import { MICROS_PER_DAY, MICROS_PER_MINUTE } from '../../../src/domain/time/instant.js';
import type { Snapshot } from '../../../src/postgres/pool.js';

/** 2026-06-01 12:00Z. */
const NOON = 20_605 * MICROS_PER_DAY + 720 * MICROS_PER_MINUTE;
const HOUR = 60 * MICROS_PER_MINUTE;

/** The one statement that is sent; its answer has no row, which means that nothing is served. */
async function asked(edges: readonly number[]) {
  const sent: Parameters<Snapshot['rows']>[] = [];
  const snapshot: Snapshot = {
    async rows(...statement) {
      sent.push(statement);
      return [];
    },
  };
  const range = { generation: 3, edges, settledThrough: 0 };
  await expect(selectAccountUsage(snapshot, range, 'acme')).rejects.toThrow(Unavailable);
  expect(sent).toHaveLength(1);
  return sent[0] as Parameters<Snapshot['rows']>;
}

test('whole hours are read of days and of hours', async () => {
  // An hour before midnight, and one after it.
  const [name, text, values] = await asked([NOON + 11 * HOUR, NOON + 13 * HOUR]);
  expect(name).toBe('account_usage');
  expect(values).toEqual([
    3,
    'acme',
    '{2026-06-01 00:00Z,2026-06-02 00:00Z}',
    [60, 60],
    '{2026-06-01 23:00Z,2026-06-02 00:00Z}',
    '{2026-06-02 00:00Z,2026-06-02 01:00Z}',
  ]);
  await expect(text).toMatchFileSnapshot('statements/account_usage.sql');
});

test('quarters of an hour are read beside them', async () => {
  const [name, text, values] = await asked([NOON, NOON + HOUR + 15 * MICROS_PER_MINUTE]);
  expect(name).toBe('account_usage_by_quarter');
  expect(values.slice(0, 3)).toEqual([3, 'acme', '{2026-06-01 00:00Z}']);
  expect(values.slice(3)).toEqual([
    [60],
    '{2026-06-01 12:00Z}',
    '{2026-06-01 13:00Z}',
    [15],
    '{2026-06-01 13:00Z}',
    '{2026-06-01 13:15Z}',
  ]);
  await expect(text).toMatchFileSnapshot('statements/account_usage_by_quarter.sql');
});
