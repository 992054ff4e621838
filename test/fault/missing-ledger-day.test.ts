// The ledger has no partition for today: nobody is to blame but the surroundings. Counting waits until the next look
// has made the day, and makes no dead letters of good events.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chargeOf, publicationOf } from '../support/publications.js';
import { createSite, type TestSite } from '../support/site.js';
import { type Counter, startCounter, until } from './guarded-ingest.js';

let site: TestSite;
let counter: Counter;

beforeAll(async () => {
  site = await createSite();
  counter = await startCounter(site);
});
afterAll(() => site?.close());

async function count(text: string): Promise<number> {
  const { rows } = await site.database.query<{ count: number }>(text);
  return rows[0]?.count ?? 0;
}
const counted = () => count('SELECT count(*)::int AS count FROM ledger');

test('events of a day that the ledger has not are counted once ingest has made it', async () => {
  await site.publish([publicationOf('sms.billing.v1.charged', chargeOf(1))]);
  await until('the first event is counted', async () => (await counted()) === 1);
  const { rows } = await site.database.query<{ name: string }>(
    'SELECT tableoid::regclass::text AS name FROM ledger',
  );
  const [{ name = '' } = {}] = rows;
  await site.database.query(`DROP TABLE ${name}`);
  await site.publish([2, 3].map((n) => publicationOf('sms.billing.v1.charged', chargeOf(n))));
  await until('ingest says so', () => counter.log().includes('a ledger day is missing'));
  await until('both are counted', async () => (await counted()) === 2);
  expect(await count('SELECT count(*)::int AS count FROM dead_letter')).toBe(0);
});
