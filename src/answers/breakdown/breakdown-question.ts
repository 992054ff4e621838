// What a breakdown asks for and what it finds, whichever way it is read.
import type { OrderKey } from '../../domain/measures/ordering.js';
import type { Outcome } from '../../domain/message/outcome.js';
import type { ErrorClass } from '../../domain/message/reasons.js';
import type { Dimension } from '../question/dimensions.js';

/** What rows can be ordered by, beside the dimensions grouped by. */
export type BreakdownOrderField = Dimension | 'messages' | 'segments' | 'share';

/**
 * Which messages count: alternatives inside a list, all lists must match, undefined matches all.
 */
export interface BreakdownFilter {
  readonly accountIds: readonly string[] | undefined;
  readonly operatorIds: readonly string[] | undefined;
  readonly outcomes: readonly Outcome[] | undefined;
  readonly reasons: readonly string[] | undefined;
  readonly errorClasses: readonly ErrorClass[] | undefined;
}

export interface BreakdownQuestion {
  readonly groupBy: readonly Dimension[];
  readonly filter: BreakdownFilter;
  readonly order: readonly OrderKey<BreakdownOrderField>[];
  readonly limit: number;
  readonly offset: number;
}

export interface BreakdownRow {
  /** In the order of `groupBy`. */
  readonly values: readonly string[];
  readonly messages: bigint;
  readonly segments: bigint;
}

export interface Breakdown {
  readonly rows: readonly BreakdownRow[];
  /** Sums over all rows, those of other pages included. */
  readonly messages: bigint;
  readonly segments: bigint;
  readonly totalSize: number;
}

/** Whether a question needs the rollup of accounts. */
export function isByAccount({ groupBy, filter }: BreakdownQuestion): boolean {
  return groupBy.includes('account_id') || filter.accountIds !== undefined;
}
