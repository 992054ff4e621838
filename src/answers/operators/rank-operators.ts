// The order of operators: by any count, rate, percentile or share, absent values last.
import { COUNT_FIELDS, type Counts } from '../../domain/measures/counts.js';
import { compareValues, type OrderKey } from '../../domain/measures/ordering.js';
import { type BinCounts, percentilesOf } from '../../domain/measures/percentile.js';
import { ratesOf } from '../../domain/measures/rates.js';

/** One operator over the whole range. */
export interface OperatorTotal {
  readonly operatorId: string;
  readonly counts: Counts;
  /** Empty unless the order needs it. */
  bins: BinCounts;
}

const RATE_FIELDS = {
  delivery_rate: 'deliveryRate',
  settled_delivery_rate: 'settledDeliveryRate',
  failure_rate: 'failureRate',
  receipt_coverage: 'receiptCoverage',
} as const;
type RateField = keyof typeof RATE_FIELDS;

const LATENCY_FIELDS = {
  latency_p50: 'p50',
  latency_p90: 'p90',
  latency_p95: 'p95',
  latency_p99: 'p99',
} as const;
type LatencyField = keyof typeof LATENCY_FIELDS;

/** What operators can be ordered by. */
export const OPERATOR_ORDER_FIELDS = [
  'operator_id',
  ...COUNT_FIELDS,
  ...(Object.keys(RATE_FIELDS) as RateField[]),
  ...(Object.keys(LATENCY_FIELDS) as LatencyField[]),
  'share',
] as const;
export type OperatorOrderField = (typeof OPERATOR_ORDER_FIELDS)[number];

export const DEFAULT_OPERATOR_ORDER: readonly OrderKey<OperatorOrderField>[] = [
  { field: 'accepted', descending: true },
];

/** Whether operators must be read with their latency bins to be put in this order. */
export function ordersByLatency(order: readonly OrderKey<OperatorOrderField>[]): boolean {
  return order.some((key) => key.field in LATENCY_FIELDS);
}

/** The operators in order; equal ones by operator_id. */
export function rankOperators(
  operators: readonly OperatorTotal[],
  order: readonly OrderKey<OperatorOrderField>[],
): OperatorTotal[] {
  const keyed = operators.map((operator) => ({
    operator,
    values: order.map((key) => orderValue(operator, key.field)),
  }));
  keyed.sort((left, right) => {
    for (const [i, key] of order.entries()) {
      const compared = compareValues(left.values[i], right.values[i], key.descending);
      if (compared !== 0) return compared;
    }
    return compareValues(left.operator.operatorId, right.operator.operatorId, false);
  });
  return keyed.map(({ operator }) => operator);
}

function orderValue(
  { operatorId, counts, bins }: OperatorTotal,
  field: OperatorOrderField,
): string | bigint | number | undefined {
  if (field === 'operator_id') return operatorId;
  // The denominator of a share is the same for all.
  if (field === 'share') return counts.accepted;
  if (field in RATE_FIELDS) return ratesOf(counts)[RATE_FIELDS[field as RateField]]?.value;
  if (field in LATENCY_FIELDS) return percentilesOf(bins)?.[LATENCY_FIELDS[field as LatencyField]];
  return counts[field as keyof Counts];
}
