// Who was active when: an account counts in the quarter of an hour that its messages are in, not in
// the whole hour.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GetSummaryRequest } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { caller, queriesAt, RollupWriter, type TestQueries } from './rollup-rows.js';

let writer: RollupWriter;
let queries: TestQueries;

beforeAll(async () => {
  writer = await RollupWriter.open();
  const cell = { operator: '41220', outcome: 'DELIVERED' };
  await writer.outcomes([
    // Its only message of this quarter has become another account's; a row of zeros stays.
    { ...cell, at: '2026-03-10T10:00Z', account: 'left', messages: 0, segments: 0 },
    { ...cell, at: '2026-03-10T10:15Z', account: 'left', messages: 2, segments: 2 },
    { ...cell, at: '2026-03-10T10:15Z', account: 'other', messages: 1, segments: 1 },
  ]);
  await writer.freshness('2026-03-10T12:00:00Z');
  queries = queriesAt(writer.database, '2026-03-10T12:00:01Z');
});

afterAll(async () => {
  await queries?.end();
  await writer?.close();
});

it.each([
  ['2026-03-10T10:00:00Z', '2026-03-10T10:15:00Z', 0n],
  ['2026-03-10T10:15:00Z', '2026-03-10T10:30:00Z', 2n],
  ['2026-03-10T10:00:00Z', '2026-03-10T11:00:00Z', 2n],
  ['2026-03-10T00:00:00Z', '2026-03-11T00:00:00Z', 2n],
])('from %s to %s there are %s active accounts', async (start, end, expected) => {
  const answer = await queries.getSummary(
    GetSummaryRequest.fromPartial({ range: { start, end } }),
    caller(),
  );
  expect(answer.activeAccounts).toBe(expected);
});
