// Whether the cost of a question follows what it asks for or what was ever counted: the same
// questions to two processes, of which one has more days in its tables.
import type { Client } from '@grpc/grpc-js';
import { Granularity } from '../../src/generated/proto/sms/analytics/v1/common.js';
import { median } from './figures.js';
import { load } from './query-load.js';
import { DAY_MS, questionOf, type Rpc, rangeOf, typical } from './query-questions.js';
import type { QuerySite } from './query-site.js';

const QUARTER_MS = 900_000;
/** No two alike: each ends a quarter of an hour before the one before. */
const QUESTIONS = 400;

/**
 * The median of what a question about the last `days` by hour takes in the process over all days,
 * to what it takes in the one over those days alone; one caller. Both have answered as many
 * questions of the kind about the same days before, and the smaller process `warmUp` typical ones,
 * as the other one has.
 */
export async function growthOf(
  { full, recent }: QuerySite,
  rpc: Rpc,
  timeZone: string,
  {
    endMs,
    days,
    warmUp,
  }: { endMs: number; days: number; warmUp: { callers: number; calls: number } },
): Promise<number> {
  const granularity = Granularity.GRANULARITY_HOUR;
  const next = (index: number) => {
    const range = rangeOf(endMs - index * QUARTER_MS, days * DAY_MS - index * QUARTER_MS);
    return questionOf(rpc, { range, timeZone, granularity }, index);
  };
  await load(recent, (i) => typical(rpc, endMs, days, i), warmUp);
  for (const one of [recent, full]) {
    await load(one, (i) => next(QUESTIONS + i), { callers: 1, calls: QUESTIONS });
  }
  const ratios: number[] = [];
  // Each process first in turn of four questions: who is asked second pays for what the first one
  // still does, and each question of four cuts its hour elsewhere, which is what it costs most by.
  for (let index = 0; index < QUESTIONS; index++) {
    const tookMs = new Map<Client, number>();
    for (const client of index % 8 < 4 ? [recent, full] : [full, recent]) {
      tookMs.set(client, (await load(client, () => next(index), { callers: 1, calls: 1 })).p50Ms);
    }
    ratios.push((tookMs.get(full) ?? Number.NaN) / (tookMs.get(recent) ?? Number.NaN));
  }
  return median(ratios);
}
