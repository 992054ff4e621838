// What random questions must have been about, so that a property test which meets nothing cannot
// pass.
import { microsOf } from '../../oracle/figures.js';
import type { Answer } from './asked-pages.js';
import type { Question } from './random-questions.js';

const ZONES = ['Asia/Kabul', 'Asia/Kathmandu', 'America/New_York', 'Europe/London', 'UTC', ''];
const RPCS = ['getSummary', 'getAccountUsage', 'getOperatorPerformance', 'getThroughput'];
const ORDERS = ['latency_p50', 'latency_p90', 'latency_p95', 'latency_p99', 'segments', 'share'];

/** Every fact that `factsOf` can tell and the test wants. */
export const EVERYTHING: readonly string[] = [
  ...[...RPCS, 'getDeliveryBreakdown'].map((rpc) => `${rpc} with messages`),
  ...RPCS.flatMap((rpc) => [3, 4, 5, 6, 7].map((cut) => `${rpc} by ${cut}`)),
  'getThroughput by 2',
  ...[...ZONES, 'Australia/Lord_Howe'].map((zone) => `zone ${zone}`),
  ...[0, 1, 2, 3].flatMap((start) => [`week ${start}`, `compare ${start}`]),
  ...[1, 2, 3].map((state) => `bucket ${state}`),
  ...ORDERS.map((order) => `order ${order}`),
  ...['accountIds', 'operatorIds', 'outcomes', 'reasons', 'errorClasses'].map((of) => `by ${of}`),
  ...['lowSample true', 'lowSample false', 'changes of latency', 'changes of money'],
  ...['elapsed part', 'comparison not kept', 'several pages', 'other'],
  'money without messages',
];

/** What a question and its pages are about, as lines. */
export function* factsOf({ rpc, asked }: Question, pages: readonly Answer[]): Iterable<string> {
  const text = JSON.stringify(pages, (_, part) => (typeof part === 'bigint' ? `${part}` : part));
  yield `zone ${asked.timeZone}`;
  if (/"(accepted|messages)":"[1-9]/.test(text)) yield `${rpc} with messages`;
  for (const [, fact, value] of text.matchAll(/"(lowSample)":(true|false)/g)) {
    yield `${fact} ${value}`;
  }
  for (const [, state] of text.matchAll(/"state":(\d)/g)) yield `bucket ${state}`;
  if ('granularity' in asked) {
    yield `${rpc} by ${asked.granularity}`;
    const [page] = pages;
    const buckets = page && 'series' in page ? page.series.length : 0;
    if (asked.granularity === 6 && buckets > 1) yield `week ${asked.weekStart}`;
  }
  if ('compare' in asked) yield* comparisonFacts(asked, pages, text);
  if (pages.length > 1) yield 'several pages';
  if (text.includes('"other":{')) yield 'other';
  if (pages.some(hasMoneyAlone)) yield 'money without messages';
  if ('orderBy' in asked) {
    for (const key of asked.orderBy.split(',')) yield `order ${key.replace(' desc', '')}`;
  }
  if ('filter' in asked) {
    for (const [field, values] of Object.entries(asked.filter ?? {})) {
      if (Array.isArray(values) && values.length > 0) yield `by ${field}`;
    }
  }
}

/** Of an operator whose messages are others', or which only gave back. */
function hasMoneyAlone(page: Answer): boolean {
  if (!('rows' in page)) return false;
  return page.rows.some(
    (row) => 'money' in row && row.money.length > 0 && row.counts?.accepted === 0n,
  );
}

function* comparisonFacts(
  { compare, compareElapsed }: { compare: number; compareElapsed: boolean },
  [page]: readonly Answer[],
  text: string,
): Iterable<string> {
  const kept = text.includes('"comparison":{');
  const range = page?.meta?.effectiveRange;
  const dataAsOf = microsOf(page?.meta?.dataAsOf);
  const open = microsOf(range?.start) < dataAsOf && dataAsOf < microsOf(range?.end);
  if (kept || compare === 0) yield `compare ${compare}`;
  if (kept && compareElapsed && open) yield 'elapsed part';
  // Only where there are rows to compare.
  if (compare > 0 && !kept && !text.includes('"rows"')) yield 'comparison not kept';
  if (/"latencyP50Percent":-?\d/.test(text)) yield 'changes of latency';
  if (/"netPercent":-?\d/.test(text)) yield 'changes of money';
}
