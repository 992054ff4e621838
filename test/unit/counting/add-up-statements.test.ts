// What Postgres is asked to add up: the text and its parameters. The statements run in
// test/integration/counting/add-up-day.
import type { Pool, QueryConfig } from 'pg';
import { expect, test } from 'vitest';
import { addUpDay, daysToAddUp } from '../../../src/counting/days/add-up-day.js';

/** What `ask` sends, in order; each answer is empty. */
async function asked(ask: (pool: Pick<Pool, 'query'>) => Promise<unknown>): Promise<QueryConfig[]> {
  const sent: QueryConfig[] = [];
  const query = async (config: QueryConfig) => {
    sent.push(config);
    return { rows: [], rowCount: 0 };
  };
  await ask({ query: query as unknown as Pool['query'] });
  return sent;
}

test('due days are those that changed, or have another format', async () => {
  const [due] = await asked((pool) => daysToAddUp(pool, 3));
  expect(due).toMatchObject({ name: 'days-to-add-up', values: [3] });
  await expect(due?.text).toMatchFileSnapshot('statements/days-to-add-up.sql');
});

test('a day is added up in two statements', async () => {
  const [outcomes, usage, ...more] = await asked((pool) => addUpDay(pool, 3, 20_605));
  const values = [3, '2026-06-01T00:00:00.000000Z', 20_605];
  expect(outcomes).toMatchObject({ name: 'add-up-outcomes', values });
  expect(usage).toMatchObject({ name: 'add-up-usage', values });
  expect(more).toEqual([]);
  await expect(outcomes?.text).toMatchFileSnapshot('statements/add-up-outcomes.sql');
  await expect(usage?.text).toMatchFileSnapshot('statements/add-up-usage.sql');
});
