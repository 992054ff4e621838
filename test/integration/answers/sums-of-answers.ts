// Whether an answer adds up by itself: its series to its totals, its rows and `other` to what they
// are rows of. Money is added by currency, in units of 1e-9.
import type {
  GetAccountUsageResponse,
  GetDeliveryBreakdownResponse,
  GetOperatorPerformanceResponse,
  GetSummaryResponse,
  GetThroughputResponse,
  OperatorRow,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import type { Counts, Money } from '../../../src/generated/proto/sms/analytics/v1/common.js';
import { units } from '../../oracle/figures.js';
import type { Answer } from './asked-pages.js';
import type { Question } from './random-questions.js';

/** One line for each sum that is not what it should be. */
export function unbalanced({ rpc }: Question, answer: Answer): string[] {
  switch (rpc) {
    case 'getSummary':
    case 'getAccountUsage': {
      const { series, counts, money } = answer as GetSummaryResponse | GetAccountUsageResponse;
      if (series.length === 0) return outcomesOf('counts', counts);
      return [
        ...outcomesOf('counts', counts),
        ...counted('series', series, counts),
        ...paid('series', series, money),
      ];
    }
    case 'getOperatorPerformance': {
      const { rows, other, counts, money, totalSize } = answer as GetOperatorPerformanceResponse;
      const parts = other === undefined ? rows : [...rows, other];
      const isInRange = (row: OperatorRow) => row.counts?.accepted !== 0n || row.money.length > 0;
      const shown = rows.filter(isInRange).length;
      return [
        ...counted('rows and other', parts, counts),
        ...paid('rows and other', parts, money),
        ...rows.flatMap((row) => outcomesOf(row.operatorId, row.counts)),
        ...rows.flatMap((row) =>
          row.series.length === 0 ? [] : counted(row.operatorId, row.series, row.counts),
        ),
        ...equal('operators', shown + (other?.operators ?? 0), totalSize),
      ];
    }
    case 'getThroughput': {
      const { series, total } = answer as GetThroughputResponse;
      if (series.length === 0) return [];
      return (['accepted', 'completed'] as const).flatMap((flow) => {
        const all = series.map(({ throughput }) => throughput?.[flow]?.messages ?? 0n);
        return equal(`series of ${flow}`, sum(all), total?.[flow]?.messages);
      });
    }
    case 'getDeliveryBreakdown': {
      const { rows, other, messages, segments, totalSize } = answer as GetDeliveryBreakdownResponse;
      const parts = other === undefined ? rows : [...rows, other];
      return [
        ...equal('messages', sum(parts.map((part) => part.messages)), messages),
        ...equal('segments', sum(parts.map((part) => part.segments)), segments),
        ...equal('rows', rows.length + (other?.rows ?? 0), totalSize),
      ];
    }
  }
}

const FIELDS = ['pending', 'delivered', 'undeliverable', 'expired', 'rejected', 'deleted'] as const;
const OUTCOMES = [...FIELDS, 'unknown'] as const;

const sum = (values: readonly bigint[]) => values.reduce((all, value) => all + value, 0n);

function equal(what: string, actual: unknown, expected: unknown): string[] {
  return actual === expected ? [] : [`${what} make ${actual}, not ${expected}`];
}

function outcomesOf(what: string, counts: Counts | undefined): string[] {
  if (counts === undefined) return [`${what}: no counts`];
  const outcomes = sum(OUTCOMES.map((outcome) => counts[outcome]));
  return equal(`${what}: outcomes`, outcomes, counts.accepted);
}

function counted(
  what: string,
  parts: readonly { readonly counts?: Counts | undefined }[],
  counts: Counts | undefined,
): string[] {
  return (['accepted', ...OUTCOMES, 'contradicted', 'segments'] as const).flatMap((field) => {
    const all = sum(parts.map((part) => part.counts?.[field] ?? 0n));
    return equal(`${what}: ${field}`, all, counts?.[field]);
  });
}

function paid(
  what: string,
  parts: readonly { readonly money: readonly Money[] }[],
  totals: readonly Money[],
): string[] {
  const all = parts.flatMap(({ money }) => money);
  const currencies = new Set([...all, ...totals].map(({ currency }) => currency));
  return [...currencies].flatMap((currency) => {
    const own = all.filter((money) => money.currency === currency);
    const total = totals.find((money) => money.currency === currency);
    return (['charged', 'refunded', 'net'] as const).flatMap((field) => {
      const amount = sum(own.map((money) => units(money[field])));
      return equal(`${what}: ${field} ${currency}`, amount, units(total?.[field] ?? '-1'));
    });
  });
}
