// Messages by outcome. Invariant: accepted is the sum of the seven outcomes, here by construction,
// so that it holds in every bucket, every row and every sum of rows.
import type { Outcome } from '../message/outcome.js';

/** How many messages became what; `contradicted` and `segments` lie across the outcomes. */
export interface Counts {
  accepted: bigint;
  pending: bigint;
  delivered: bigint;
  undeliverable: bigint;
  expired: bigint;
  rejected: bigint;
  deleted: bigint;
  unknown: bigint;
  contradicted: bigint;
  segments: bigint;
}

/** In the order of the fields of the contract's Counts. */
export const COUNT_FIELDS = [
  'accepted',
  'pending',
  'delivered',
  'undeliverable',
  'expired',
  'rejected',
  'deleted',
  'unknown',
  'contradicted',
  'segments',
] as const satisfies readonly (keyof Counts)[];

const FIELD_OF_OUTCOME = {
  PENDING: 'pending',
  DELIVERED: 'delivered',
  UNDELIVERABLE: 'undeliverable',
  EXPIRED: 'expired',
  REJECTED: 'rejected',
  DELETED: 'deleted',
  UNKNOWN: 'unknown',
} as const satisfies Record<Outcome, keyof Counts>;

/** No messages at all. */
export function noCounts(): Counts {
  return {
    accepted: 0n,
    pending: 0n,
    delivered: 0n,
    undeliverable: 0n,
    expired: 0n,
    rejected: 0n,
    deleted: 0n,
    unknown: 0n,
    contradicted: 0n,
    segments: 0n,
  };
}

/** Adds `messages` of one outcome to `counts`, in place. */
export function addOutcome(
  counts: Counts,
  outcome: Outcome,
  messages: bigint,
  segments: bigint,
  contradicted: bigint,
): void {
  counts.accepted += messages;
  counts[FIELD_OF_OUTCOME[outcome]] += messages;
  counts.segments += segments;
  counts.contradicted += contradicted;
}

/** Adds `more` to `counts`, in place. */
export function addCounts(counts: Counts, more: Counts): void {
  counts.accepted += more.accepted;
  counts.pending += more.pending;
  counts.delivered += more.delivered;
  counts.undeliverable += more.undeliverable;
  counts.expired += more.expired;
  counts.rejected += more.rejected;
  counts.deleted += more.deleted;
  counts.unknown += more.unknown;
  counts.contradicted += more.contradicted;
  counts.segments += more.segments;
}

/** `counts` without `part`, as a new object. */
export function subtractCounts(counts: Counts, part: Counts): Counts {
  const rest = { ...counts };
  for (const field of Object.keys(part) as (keyof Counts)[]) rest[field] -= part[field];
  return rest;
}

/** Messages whose last report is a failure. */
export function failedCount(counts: Counts): bigint {
  return counts.undeliverable + counts.expired + counts.rejected + counts.deleted;
}
