// The wrong questions of attacks 13 and 14, each with the fields that its answer must name: exactly
// these, all at once.

import type { RpcName } from '../../support/api-server.js';

/** The civil date so many days from today. */
export const dayOf = (days: number) =>
  new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

/** Yesterday and today: a range that every question takes. */
export const range = { start: dayOf(-1), end: dayOf(1) };

/** A question, and exactly the fields that its answer must name. */
export interface Wrong {
  readonly what: string;
  readonly rpc: RpcName;
  readonly request: object;
  readonly fields: readonly string[];
}

/** Attack 13. None of these may be read as any instant. */
export const NO_INSTANTS = [
  "2025-01-01'; DROP TABLE x--",
  '22/11/2025',
  '1',
  '2025',
  '2025-11',
  '2026-02-30',
  '2026-02-30T00:00:00Z',
  '2025-02-29',
  `${dayOf(-1)}T24:00:00Z`,
  `${dayOf(-1)}T10:00:60Z`,
  `${dayOf(-1)}T10:00:00`,
  `${dayOf(-1)}T10:00:00-00:00`,
  `${dayOf(-1)} 10:00:00Z`,
  ` ${dayOf(-1)}`,
  `${dayOf(-1)}\n`,
  `${dayOf(-1)} (evil)`,
  dayOf(-1).replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit))),
  '+275760-09-13T00:00:00Z',
  '+275760-09-13',
  '-000001-01-01T00:00:00Z',
  '',
];

const RPCS: readonly RpcName[] = [
  'getSummary',
  'getOperatorPerformance',
  'getAccountUsage',
  'getThroughput',
  'getDeliveryBreakdown',
];

/** GetAccountUsage needs its account, the others take no notice. */
const withAccount = (request: object) => ({ accountId: 'acme', ...request });

/** Each of them at each end of each question's range. */
export const wrongInstants: Wrong[] = NO_INSTANTS.flatMap((text) =>
  RPCS.flatMap((rpc) => [
    {
      what: `${rpc} from ${JSON.stringify(text)}`,
      rpc,
      request: withAccount({ range: { start: text, end: range.end } }),
      fields: ['range.start'],
    },
    {
      what: `${rpc} to ${JSON.stringify(text)}`,
      rpc,
      request: withAccount({ range: { start: range.start, end: text } }),
      fields: ['range.end'],
    },
  ]),
);

const wrong = (what: string, rpc: RpcName, request: object, ...fields: string[]): Wrong => ({
  what: `${rpc} ${what}`,
  rpc,
  request: withAccount(request),
  fields,
});
const last = (days: number) => ({ range: { start: dayOf(1 - days), end: dayOf(1) } });
const [MINUTE, QUARTER_HOUR, HOUR, DAY] = [2, 3, 4, 5];
/** Numbers that no enum has. */
const UNKNOWN_NUMBERS = [99, -1, 2_147_483_647];

/** Attack 14. */
export const wrongQuestions: Wrong[] = [
  ...RPCS.flatMap((rpc) => [
    wrong('ends at its start', rpc, { range: { start: dayOf(-1), end: dayOf(-1) } }, 'range.end'),
    wrong('ends first', rpc, { range: { start: dayOf(0), end: dayOf(-1) } }, 'range.end'),
    // Throughput by the minute is kept for 90 days only, so there it has two faults.
    rpc === 'getThroughput'
      ? wrong('of over 400 days', rpc, last(402), 'range', 'range.start')
      : wrong('of over 400 days', rpc, last(402), 'range'),
    wrong('of no range', rpc, {}, 'range.start', 'range.end'),
    wrong('in no zone', rpc, { range, timeZone: 'Mars/Phobos' }, 'time_zone'),
    wrong('in a zone of SQL', rpc, { range, timeZone: "UTC'; SELECT 1--" }, 'time_zone'),
    wrong('in an offset', rpc, { range, timeZone: '+25:00' }, 'time_zone'),
  ]),
  wrong(
    'before anything kept',
    'getSummary',
    { range: { start: '1970-01-01', end: '1970-01-02' } },
    'range.start',
  ),
  wrong(
    'of 8 days by quarter hours',
    'getSummary',
    { ...last(8), granularity: QUARTER_HOUR },
    'range',
  ),
  wrong('of 32 days by hours', 'getAccountUsage', { ...last(32), granularity: HOUR }, 'range'),
  wrong('of 402 days by days', 'getSummary', { ...last(402), granularity: DAY }, 'range'),
  wrong('of 2 days by minutes', 'getThroughput', { ...last(2), granularity: MINUTE }, 'range'),
  wrong('by minutes', 'getSummary', { range, granularity: MINUTE }, 'granularity'),
  ...UNKNOWN_NUMBERS.flatMap((number) => [
    wrong(`by ${number}`, 'getThroughput', { range, granularity: number }, 'granularity'),
    wrong(`with weeks from ${number}`, 'getSummary', { range, weekStart: number }, 'week_start'),
    wrong(`against ${number}`, 'getAccountUsage', { range, compare: number }, 'compare'),
    wrong(`grouped by ${number}`, 'getDeliveryBreakdown', { range, groupBy: [number] }, 'group_by'),
  ]),
  wrong('of no operator', 'getOperatorPerformance', { range, operatorId: "x'--" }, 'operator_id'),
  wrong('in no order', 'getOperatorPerformance', { range, orderBy: 'accepted; DROP' }, 'order_by'),
  ...(['getOperatorPerformance', 'getDeliveryBreakdown'] as const).flatMap((rpc) => [
    wrong('by pages of -1', rpc, { range, pageSize: -1 }, 'page_size'),
    wrong('by pages of -2^31', rpc, { range, pageSize: -(2 ** 31) }, 'page_size'),
    wrong(
      'at a page of nobody',
      rpc,
      { range, pageToken: 'WzEsMSwieCJd.AAAAAAAAAAA' },
      'page_token',
    ),
    wrong('at a page that is text', rpc, { range, pageToken: "1' OR '1" }, 'page_token'),
    wrong('at an endless page', rpc, { range, pageToken: 'A'.repeat(5_000) }, 'page_token'),
  ]),
  wrong(
    'wrong in everything',
    'getOperatorPerformance',
    {
      range: { start: '2026-02-30', end: '1' },
      ...{ timeZone: 'Mars/Phobos', granularity: 99, weekStart: -3, compare: 17 },
      ...{ operatorId: 'x y', orderBy: 'nope', pageSize: -1, pageToken: 'x' },
    },
    ...['granularity', 'week_start', 'compare', 'time_zone', 'range.start', 'range.end'],
    ...['operator_id', 'order_by', 'page_size', 'page_token'],
  ),
  wrong(
    'wrong in all of its filter',
    'getDeliveryBreakdown',
    {
      range: { start: dayOf(0), end: dayOf(-1) },
      timeZone: 'Nowhere',
      filter: {
        ...{ accountIds: ["a'--"], operatorIds: [''], outcomes: [0, 99] },
        ...{ reasons: ['absent'], errorClasses: [7] },
      },
      ...{ groupBy: [1, 1], orderBy: 'account_id', pageSize: -5, pageToken: '.' },
    },
    ...['time_zone', 'range.end', 'filter.account_ids', 'filter.operator_ids', 'filter.outcomes'],
    ...[
      'filter.reasons',
      'filter.error_classes',
      'group_by',
      'order_by',
      'page_size',
      'page_token',
    ],
  ),
];
