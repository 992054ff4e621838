// Random traffic, random questions: whatever is asked, the parts add up and every number equals a
// count over the base cells that shares nothing with the code under test (local calendar by Intl,
// sums by loops).
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { valueMicrosOf } from '../../../src/domain/measures/latency.js';
import { errorClassOf } from '../../../src/domain/message/reasons.js';
import {
  Dimension,
  GetAccountUsageRequest,
  GetDeliveryBreakdownRequest,
  GetOperatorPerformanceRequest,
  GetSummaryRequest,
  GetThroughputRequest,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import {
  ErrorClass,
  Granularity,
  Outcome,
} from '../../../src/generated/proto/sms/analytics/v1/common.js';
import {
  caller,
  type LatencyRow,
  type MoneyRow,
  type OutcomeRow,
  queriesAt,
  RollupWriter,
  type TestQueries,
  type ThroughputRow,
} from './rollup-rows.js';

const QUARTER_MS = 15 * 60_000;
// Three weeks around the changes of New York (8 March), London (29 March) and Lord Howe (5 April
// 2026).
const FIRST_MS = Date.parse('2026-03-05T00:00:00Z');
const QUARTERS = 35 * 96;
const SETTLED_MS = Date.parse('2026-03-28T09:15:00Z');
const DATA_AS_OF = '2026-03-31T09:17:00Z';
const ZONES = [
  'UTC',
  'Asia/Kathmandu',
  'Asia/Kabul',
  'America/New_York',
  'Europe/London',
  'Australia/Lord_Howe',
];

type Cell = Required<OutcomeRow> & { ms: number };
const cells: Cell[] = [];
const money: (MoneyRow & { ms: number })[] = [];
const latency: (LatencyRow & { ms: number })[] = [];
const throughput: (ThroughputRow & { ms: number })[] = [];

let writer: RollupWriter;
let queries: TestQueries;

/** Mulberry32: the same traffic in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const KINDS = [
  ['PENDING', ''],
  ['DELIVERED', ''],
  ['DELIVERED', ''],
  ['UNDELIVERABLE', 'ABSENT_SUBSCRIBER'],
  ['UNDELIVERABLE', 'UNKNOWN_SUBSCRIBER'],
  ['EXPIRED', 'VALIDITY_EXPIRED'],
  ['REJECTED', 'REJECTED_BY_OPERATOR'],
  ['DELETED', 'DELETED_BY_OPERATOR'],
  ['UNKNOWN', 'NO_CODE'],
] as const;

beforeAll(async () => {
  const random = randomFrom(20260322);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const below = (n: number) => Math.floor(random() * n);
  for (let i = 0; i < 6000; i++) {
    const ms = FIRST_MS + below(QUARTERS) * QUARTER_MS;
    const at = new Date(ms).toISOString();
    const [account, operator] = [`acc-${below(6)}`, `op-${below(5)}`];
    const [outcome, reason] = pick(KINDS);
    const messages = below(9);
    const segments = messages * (1 + below(3));
    cells.push({
      ms,
      at,
      account,
      operator,
      outcome,
      reason,
      messages,
      segments,
      contradicted: below(messages + 1),
    });
    latency.push({ ms, at, operator, bin: below(400), messages: below(5) });
    const minute = ms + below(15) * 60_000;
    const minuteAt = new Date(minute).toISOString();
    throughput.push({
      ms: minute,
      at: minuteAt,
      operator,
      accepted: below(9),
      completed: below(9),
    });
    money.push({
      ms,
      at,
      account,
      operator,
      currency: pick(['EUR', 'USD', 'XOF']),
      charges: below(5),
      charged: `${below(1000)}.${String(below(1e9)).padStart(9, '0')}`,
      refunds: below(2),
      refunded: `0.${String(below(1e9)).padStart(9, '0')}`,
    });
  }
  writer = await RollupWriter.open();
  await writer.outcomes(cells);
  await writer.money(money);
  await writer.latency(latency);
  await writer.throughput(throughput);
  await writer.freshness(DATA_AS_OF);
  // Some days are added up and some are not.
  for (let day = 0; day < QUARTERS / 96; day += 2) {
    await writer.addUpDay(new Date(FIRST_MS + day * 96 * QUARTER_MS).toISOString().slice(0, 10));
  }
  queries = queriesAt(writer.database, '2026-03-31T09:20:00Z');
});

afterAll(async () => {
  await queries?.end();
  await writer?.close();
});

interface Span {
  readonly from: number;
  readonly to: number;
  readonly zone: string;
  readonly granularity: Granularity;
}

const {
  GRANULARITY_QUARTER_HOUR,
  GRANULARITY_HOUR,
  GRANULARITY_DAY,
  GRANULARITY_WEEK,
  GRANULARITY_MONTH,
} = Granularity;

const spans: fc.Arbitrary<Span> = fc
  .record({
    start: fc.integer({ min: 0, max: QUARTERS - 1 }),
    quarters: fc.oneof(
      fc.integer({ min: 1, max: 7 * 96 }),
      fc.integer({ min: 1, max: 30 * 96 }),
      fc.constantFrom(96, 7 * 96, 28 * 96),
    ),
    zone: fc.constantFrom(...ZONES),
    granularity: fc.constantFrom(
      GRANULARITY_QUARTER_HOUR,
      GRANULARITY_HOUR,
      GRANULARITY_DAY,
      GRANULARITY_WEEK,
      GRANULARITY_MONTH,
    ),
  })
  .map(({ start, quarters, zone, granularity }) => {
    const capped = granularity === GRANULARITY_QUARTER_HOUR ? Math.min(quarters, 7 * 96) : quarters;
    const from = FIRST_MS + start * QUARTER_MS;
    return { from, to: from + capped * QUARTER_MS, zone, granularity };
  });

const periodOf = (span: Span) => {
  const { range, timeZone } = requestOf(span);
  return { range, timeZone };
};

const requestOf = ({ from, to, zone, granularity }: Span) => ({
  range: { start: new Date(from).toISOString(), end: new Date(to).toISOString() },
  timeZone: zone,
  granularity,
});

const within = <T extends { ms: number }>({ from, to }: Span, list: readonly T[]) =>
  list.filter(({ ms }) => from <= ms && ms < to);

const sum = (list: readonly number[]) => BigInt(list.reduce((total, n) => total + n, 0));
const nanosOf = (text: string) => {
  const [integer = '0', fraction = ''] = text.replace('-', '').split('.');
  const nanos = BigInt(integer) * 10n ** 9n + BigInt(fraction.padEnd(9, '0'));
  return text.startsWith('-') ? -nanos : nanos;
};

/** What a cell is answered as, by the contract's words. */
function answered(cell: Cell): { outcome: string; reason: string } {
  const settled = cell.outcome === 'PENDING' && cell.ms + QUARTER_MS <= SETTLED_MS;
  return settled ? { outcome: 'UNKNOWN', reason: 'NO_RECEIPT' } : cell;
}

function countsOf(list: readonly Cell[]) {
  const of = (outcome: string) =>
    sum(list.filter((cell) => answered(cell).outcome === outcome).map((cell) => cell.messages));
  return {
    accepted: sum(list.map((cell) => cell.messages)),
    pending: of('PENDING'),
    delivered: of('DELIVERED'),
    undeliverable: of('UNDELIVERABLE'),
    expired: of('EXPIRED'),
    rejected: of('REJECTED'),
    deleted: of('DELETED'),
    unknown: of('UNKNOWN'),
    contradicted: sum(list.map((cell) => cell.contradicted)),
    segments: sum(list.map((cell) => cell.segments)),
  };
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    weekday: 'short',
    timeZoneName: 'longOffset',
  });
  formats.set(zone, format);
  return format;
}

/** The local calendar's name of the bucket that an instant lies in, by Intl alone. */
function labelOf(ms: number, { zone, granularity }: Span): string {
  const format = formatOf(zone);
  const parts = Object.fromEntries(
    format.formatToParts(ms).map(({ type, value }) => [type, value]),
  );
  const date = `${parts.year}-${parts.month}-${parts.day}`;
  switch (granularity) {
    case GRANULARITY_QUARTER_HOUR:
      return String(Math.floor(ms / QUARTER_MS));
    case GRANULARITY_HOUR:
      return `${date} ${parts.hour} ${parts.timeZoneName}`;
    case GRANULARITY_DAY:
      return date;
    case GRANULARITY_WEEK: {
      const weekday = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(
        parts.weekday ?? '',
      );
      return String(Date.parse(date) / 86_400_000 - weekday);
    }
    default:
      return date.slice(0, 7);
  }
}

/** Some rows in groups by local bucket, in time order. */
function grouped<T extends { ms: number }>(span: Span, list: readonly T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const row of [...list].sort((left, right) => left.ms - right.ms)) {
    const label = labelOf(row.ms, span);
    groups.set(label, [...(groups.get(label) ?? []), row]);
  }
  return [...groups.values()];
}

const runs = { numRuns: 40, seed: 6 };
const micros = (duration: { seconds: bigint; nanos: number } | undefined) =>
  Number(duration?.seconds) * 1e6 + Number(duration?.nanos) / 1000;

describe('for random traffic and random questions', () => {
  it('the summary equals a count over the cells, in all and in every bucket', async () => {
    const ask = async (span: Span) => {
      const request = GetSummaryRequest.fromPartial(requestOf(span));
      const answer = await queries.getSummary(request, caller());
      const own = within(span, cells);
      expect(answer.counts).toEqual(countsOf(own));
      const busy = own.filter((cell) => cell.messages > 0);
      expect(answer.activeAccounts).toBe(BigInt(new Set(busy.map((cell) => cell.account)).size));
      expect(answer.activeOperators).toBe(BigInt(new Set(busy.map((cell) => cell.operator)).size));
      const buckets = answer.series.filter((point) => point.counts?.accepted !== 0n);
      expect(buckets.map((point) => point.counts)).toEqual(
        grouped(span, own)
          .map(countsOf)
          .filter((counts) => counts.accepted !== 0n),
      );
      const series = answer.series.map((point) => point.bucket);
      expect(Number(series[0]?.start?.seconds) * 1000).toBe(span.from);
      expect(Number(series.at(-1)?.end?.seconds) * 1000).toBe(span.to);
      for (let i = 1; i < series.length; i++) expect(series[i]?.start).toEqual(series[i - 1]?.end);
    };
    await fc.assert(fc.asyncProperty(spans, ask), runs);
  });

  it('money and percentiles equal a count over the cells', async () => {
    const ask = async (span: Span) => {
      const request = GetSummaryRequest.fromPartial(requestOf(span));
      const answer = await queries.getSummary(request, caller());
      const own = within(span, money).filter((row) => row.charges > 0 || (row.refunds ?? 0) > 0);
      for (const { currency, charged, refunded, net, charges } of answer.money) {
        const rows = within(span, money).filter((row) => row.currency === currency);
        const total = (texts: (string | undefined)[]) =>
          texts.reduce((all, text) => all + nanosOf(text ?? '0'), 0n);
        expect(charges).toBe(sum(rows.map((row) => row.charges)));
        expect(nanosOf(charged)).toBe(total(rows.map((row) => row.charged)));
        expect(nanosOf(refunded)).toBe(total(rows.map((row) => row.refunded)));
        expect(nanosOf(net)).toBe(nanosOf(charged) - nanosOf(refunded));
        const parts = answer.series
          .flatMap((point) => point.money)
          .filter((m) => m.currency === currency);
        expect(parts.reduce((all, part) => all + part.charges, 0n)).toBe(charges);
      }
      expect(new Set(answer.money.map((row) => row.currency))).toEqual(
        new Set(own.map((row) => row.currency)),
      );
      const bins = within(span, latency).flatMap((row) =>
        Array<number>(row.messages).fill(row.bin),
      );
      bins.sort((left, right) => left - right);
      expect(answer.latency?.delivered ?? 0n).toBe(BigInt(bins.length));
      if (bins.length === 0) return;
      const rank = (percent: number) =>
        bins[Math.ceil((bins.length * percent) / 100) - 1] as number;
      expect(micros(answer.latency?.p50)).toBe(Math.round(valueMicrosOf(rank(50))));
      expect(micros(answer.latency?.p90)).toBe(Math.round(valueMicrosOf(rank(90))));
      expect(micros(answer.latency?.p99)).toBe(Math.round(valueMicrosOf(rank(99))));
    };
    await fc.assert(fc.asyncProperty(spans, ask), runs);
  });

  it('the fine series sums to the coarse one', async () => {
    const ask = async (span: Span) => {
      const to = Math.min(span.to, span.from + 7 * 96 * QUARTER_MS);
      const series = async (granularity: Granularity) => {
        const request = GetSummaryRequest.fromPartial(requestOf({ ...span, to, granularity }));
        return (await queries.getSummary(request, caller())).series;
      };
      const fine = await series(GRANULARITY_QUARTER_HOUR);
      for (const granularity of [
        GRANULARITY_HOUR,
        GRANULARITY_DAY,
        GRANULARITY_WEEK,
        GRANULARITY_MONTH,
      ]) {
        for (const { bucket, counts } of await series(granularity)) {
          const [start, end] = [bucket?.start?.seconds ?? 0n, bucket?.end?.seconds ?? 0n];
          const parts = fine.filter((point) => {
            const at = point.bucket?.start?.seconds ?? 0n;
            return start <= at && at < end;
          });
          const add = (field: 'accepted' | 'unknown' | 'segments') =>
            parts.reduce((all, part) => all + (part.counts?.[field] ?? 0n), 0n);
          expect(add('accepted')).toBe(counts?.accepted);
          expect(add('unknown')).toBe(counts?.unknown);
          expect(add('segments')).toBe(counts?.segments);
        }
      }
    };
    await fc.assert(fc.asyncProperty(spans, ask), { ...runs, numRuns: 15 });
  });

  it('operators on all pages, with other, add up to the counts and to the money', async () => {
    const question = fc.record({
      span: spans,
      pageSize: fc.integer({ min: 1, max: 6 }),
      orderBy: fc.constantFrom(
        '',
        'operator_id',
        'delivery_rate desc',
        'failure_rate,segments',
        'latency_p95',
      ),
    });
    const ask = async ({
      span,
      pageSize,
      orderBy,
    }: {
      span: Span;
      pageSize: number;
      orderBy: string;
    }) => {
      const seen = new Map<string, unknown>();
      let pageToken = '';
      do {
        const asked = { ...requestOf(span), granularity: 0, pageSize, orderBy, pageToken };
        const request = GetOperatorPerformanceRequest.fromPartial(asked);
        const page = await queries.getOperatorPerformance(request, caller());
        const rows = page.rows.reduce((all, row) => all + (row.counts?.segments ?? 0n), 0n);
        expect(rows + (page.other?.counts?.segments ?? 0n)).toBe(page.counts?.segments);
        const accepted = page.rows.reduce((all, row) => all + (row.counts?.accepted ?? 0n), 0n);
        expect(accepted + (page.other?.counts?.accepted ?? 0n)).toBe(page.counts?.accepted);
        expect(page.rows.length + (page.other?.operators ?? 0)).toBe(page.totalSize);
        expect(page.counts).toEqual(countsOf(within(span, cells)));
        const parts = page.other ? [...page.rows, page.other] : page.rows;
        const charges = parts.flatMap((part) => part.money.map((one) => one.charges));
        expect(charges.reduce((all, one) => all + one, 0n)).toBe(
          sum(within(span, money).map((row) => row.charges)),
        );
        for (const row of page.rows) {
          expect(seen.has(row.operatorId)).toBe(false);
          seen.set(row.operatorId, row.counts);
        }
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      for (const [operatorId, counts] of seen) {
        const own = within(span, cells).filter((cell) => cell.operator === operatorId);
        expect(counts).toEqual(countsOf(own));
      }
      const busy = within(span, cells).filter((cell) => cell.messages > 0);
      const paid = within(span, money).filter((row) => row.charges > 0 || (row.refunds ?? 0) > 0);
      expect(seen.size).toBe(new Set([...busy, ...paid].map((row) => row.operator)).size);
    };
    await fc.assert(fc.asyncProperty(question, ask), runs);
  });

  it('an account sees its own cells only, in every bucket', async () => {
    const ask = async (span: Span, number: number) => {
      const accountId = `acc-${number}`;
      const request = GetAccountUsageRequest.fromPartial({ ...requestOf(span), accountId });
      const answer = await queries.getAccountUsage(request, caller(accountId));
      const own = within(span, cells).filter((cell) => cell.account === accountId);
      expect(answer.counts).toEqual(countsOf(own));
      const buckets = answer.series.filter((point) => point.counts?.accepted !== 0n);
      expect(buckets.map((point) => point.counts)).toEqual(
        grouped(span, own)
          .map(countsOf)
          .filter((counts) => counts.accepted !== 0n),
      );
      const charges = answer.money.reduce((all, row) => all + row.charges, 0n);
      const charged = within(span, money).filter((row) => row.account === accountId);
      expect(charges).toBe(sum(charged.map((row) => row.charges)));
    };
    await fc.assert(fc.asyncProperty(spans, fc.integer({ min: 0, max: 6 }), ask), runs);
  });

  it('the busiest minute and the sums of throughput equal those of the minutes', async () => {
    const ask = async (span: Span, operatorIds: string[]) => {
      const asked = { ...requestOf(span), filter: { operatorIds } };
      const answer = await queries.getThroughput(GetThroughputRequest.fromPartial(asked), caller());
      const own = within(span, throughput).filter(
        (row) => operatorIds.length === 0 || operatorIds.includes(row.operator),
      );
      for (const flow of ['accepted', 'completed'] as const) {
        const minutes = new Map<number, number>();
        for (const row of own) minutes.set(row.ms, (minutes.get(row.ms) ?? 0) + row[flow]);
        let busiest: [number, number] = [0, 0];
        for (const [ms, messages] of [...minutes].sort((left, right) => left[0] - right[0])) {
          if (messages > busiest[1]) busiest = [ms, messages];
        }
        const total = answer.total?.[flow];
        expect(total?.messages).toBe(sum([...minutes.values()]));
        expect(total?.tpsPeak).toBe(busiest[1] / 60);
        expect(Number(total?.tpsPeakAt?.seconds ?? 0n) * 1000).toBe(busiest[0]);
        const series = answer.series.map((point) => point.throughput?.[flow]?.messages ?? 0n);
        expect(series.reduce((all, n) => all + n, 0n)).toBe(total?.messages);
        for (const one of [total, ...answer.series.map((point) => point.throughput?.[flow])]) {
          expect(one?.tpsAvg ?? 0).toBeLessThanOrEqual((one?.tpsPeak ?? 0) + 1e-9);
        }
      }
    };
    const operators = fc.uniqueArray(fc.constantFrom('op-0', 'op-1', 'op-2', 'none'), {
      maxLength: 3,
    });
    await fc.assert(fc.asyncProperty(spans, operators, ask), runs);
  });

  it('the rows of a breakdown on all pages, with other, add up to the matching messages', async () => {
    const dimensions = [
      Dimension.DIMENSION_OUTCOME,
      Dimension.DIMENSION_REASON,
      Dimension.DIMENSION_ERROR_CLASS,
      Dimension.DIMENSION_OPERATOR,
      Dimension.DIMENSION_ACCOUNT,
    ];
    const some = <T>(...values: T[]) =>
      fc.uniqueArray(fc.constantFrom(...values), { maxLength: 2 });
    const question = fc.record({
      span: spans,
      groupBy: fc.uniqueArray(fc.constantFrom(...dimensions), { minLength: 1, maxLength: 3 }),
      pageSize: fc.integer({ min: 5, max: 60 }),
      orderBy: fc.constantFrom('', 'segments', 'share desc, segments desc'),
      outcomes: some(
        Outcome.OUTCOME_PENDING,
        Outcome.OUTCOME_UNKNOWN,
        Outcome.OUTCOME_UNDELIVERABLE,
      ),
      reasons: some('NO_RECEIPT', 'ABSENT_SUBSCRIBER', 'NO_CODE'),
      errorClasses: some(ErrorClass.ERROR_CLASS_NONE, ErrorClass.ERROR_CLASS_TEMPORARY),
      accountIds: some('acc-0', 'acc-1'),
      operatorIds: some('op-0', 'op-1'),
    });
    const names = [
      '',
      'PENDING',
      'DELIVERED',
      'UNDELIVERABLE',
      'EXPIRED',
      'REJECTED',
      'DELETED',
      'UNKNOWN',
    ];
    const classes = ['?', '', 'PERMANENT', 'TEMPORARY', 'UNKNOWN'];
    const ask = async (asked: typeof question extends fc.Arbitrary<infer T> ? T : never) => {
      const { span, groupBy, outcomes, reasons, errorClasses, accountIds, operatorIds } = asked;
      const any = <T>(list: readonly T[], value: T) => list.length === 0 || list.includes(value);
      const matching = within(span, cells).filter((cell) => {
        const { outcome, reason } = answered(cell);
        return (
          any(outcomes, names.indexOf(outcome)) &&
          any(reasons, reason) &&
          any(errorClasses, classes.indexOf(errorClassOf(reason))) &&
          any(accountIds, cell.account) &&
          any(operatorIds, cell.operator)
        );
      });
      const expected = new Map<string, bigint>();
      for (const cell of matching.filter((each) => each.messages > 0)) {
        const { outcome, reason } = answered(cell);
        const errorClass = classes.indexOf(errorClassOf(reason));
        const all = [
          undefined,
          names.indexOf(outcome),
          reason,
          errorClass,
          cell.operator,
          cell.account,
        ];
        const key = groupBy.map((dimension) => all[dimension]).join('|');
        expected.set(key, (expected.get(key) ?? 0n) + BigInt(cell.messages));
      }
      const seen = new Map<string, bigint>();
      let pageToken = '';
      do {
        const request = GetDeliveryBreakdownRequest.fromPartial({
          ...periodOf(span),
          filter: { outcomes, reasons, errorClasses, accountIds, operatorIds },
          groupBy,
          orderBy: asked.orderBy,
          pageSize: asked.pageSize,
          pageToken,
        });
        const page = await queries.getDeliveryBreakdown(request, caller());
        expect(page.messages).toBe(sum(matching.map((cell) => cell.messages)));
        const rows = page.rows.reduce((all, row) => all + row.segments, 0n);
        expect(rows + (page.other?.segments ?? 0n)).toBe(page.segments);
        const messages = page.rows.reduce((all, row) => all + row.messages, 0n);
        expect(messages + (page.other?.messages ?? 0n)).toBe(page.messages);
        for (const row of page.rows) {
          const all = [
            undefined,
            row.outcome,
            row.reason,
            row.errorClass,
            row.operatorId,
            row.accountId,
          ];
          seen.set(groupBy.map((dimension) => all[dimension]).join('|'), row.messages);
        }
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      expect(seen).toEqual(expected);
    };
    await fc.assert(fc.asyncProperty(question, ask), runs);
  });
});
