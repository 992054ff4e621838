/**
 * Makes a pulled batch durable, whatever happens: an outage is waited out (nothing is pulled
 * meanwhile), and an event that the database refuses is found by halving the batch, so that it never
 * blocks its neighbours and is never tried for ever. A batch that keeps running out of time is halved
 * too, and its last event waits like any other: time blames nobody. So does a batch whose day the ledger
 * has not. Nothing is acknowledged here.
 */
import type { Envelope } from '../broker/nats/envelope.js';
import type { AdmissionRules } from '../domain/admission.js';
import type { EpochDay } from '../domain/instant.js';
import { pause } from '../platform/clock.js';
import type { Log } from '../platform/log.js';
import { type Applied, type EncodedBatch, encodeBatch } from '../store/postgres/apply-batch.js';
import { blamesTheValues, lacksPartition } from '../store/postgres/write-failure.js';
import { countable, type Decided, decide, together, unstorable } from './count.js';

export interface CommitOptions {
  /** Applies one batch in one transaction: trusted-apply.ts. */
  readonly apply: (batch: EncodedBatch, streamId: number) => Promise<Applied>;
  readonly rules: AdmissionRules;
  readonly ledgerFloor: () => EpochDay;
  /** The ledger has not a day that it should have. */
  readonly onMissingDay: () => void;
  readonly stopping: AbortSignal;
  readonly log: Log;
}

/**
 * Stopped, forbidden by the guard, or pulled from a stream that is none any more, before the batch was
 * known to be durable: nothing may be acknowledged.
 */
export class CommitAbandoned extends Error {
  override readonly name = 'CommitAbandoned';
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;
/** Longer than it takes to look: a floor that has risen is known by then. */
const MISSING_DAY_MS = 2_000;
/** What a batch is given before it is halved: a lock that is held for a minute is not worth that. */
const TIME_OUTS_OF_WHOLE = 3;

/** What of a batch became what. */
export interface Committed {
  readonly decided: Decided;
  /** Events refused by the database alone. */
  readonly unstorableCount: number;
  /** Charges and refunds that lost to others of this batch or an earlier one, and were recorded only now. */
  readonly conflictCount: number;
  /** Messages and refunds of which the ledger learned nothing new. */
  readonly duplicateCount: number;
}

/** A pulled batch, judged and encoded: all that can be done while the batch before it commits. */
export interface Prepared {
  readonly envelopes: readonly Envelope[];
  readonly decided: Decided;
  readonly encoded: EncodedBatch;
  /** Whose sequences these are, as known when they were pulled. */
  readonly streamId: number;
}

/** Judges and encodes a batch. */
export function prepare(
  options: CommitOptions,
  envelopes: readonly Envelope[],
  streamId: number,
): Prepared {
  const decided = decide(envelopes, options.rules, options.ledgerFloor());
  return { envelopes, decided, encoded: encodeBatch(countable(decided)), streamId };
}

/** Resolves once every envelope is counted or dead-lettered, durably. Rejects only with CommitAbandoned. */
export async function commit(options: CommitOptions, prepared: Prepared): Promise<Committed> {
  const { envelopes, decided, encoded, streamId } = prepared;
  const mayHalve = envelopes.length > 1;
  const applied = await applyPatiently(options, encoded, streamId, mayHalve);
  if (!(applied instanceof Error)) return { decided, unstorableCount: 0, ...applied };
  if (lacksPartition(applied)) return commitLater(options, prepared, applied);
  if (mayHalve) return commitHalves(options, prepared);
  const [envelope] = envelopes;
  const [event] = decided.events;
  if (envelope === undefined || event === undefined) throw applied;
  options.log.warn('event is unstorable', { sequence: envelope.sequence, error: applied });
  const alone = { ...decided, events: [], deadLetters: [unstorable(envelope, event)] };
  const second = await applyPatiently(options, encodeBatch(countable(alone)), streamId);
  if (second instanceof Error) throw second;
  // The letter is in unstorableCount; among what was decided on arrival it would be counted twice.
  return { decided: { ...decided, events: [] }, unstorableCount: 1, ...second };
}

/**
 * A day of the ledger is not there. Dropped, its events are refused once the new floor is known here; not made yet, they wait
 * for it. So the batch is judged anew, after a while.
 */
async function commitLater(
  options: CommitOptions,
  { envelopes, streamId }: Prepared,
  error: Error,
): Promise<Committed> {
  options.log.warn('a ledger day is missing, trying again', { error });
  options.onMissingDay();
  await pause(MISSING_DAY_MS, options.stopping);
  return commit(options, prepare(options, envelopes, streamId));
}

async function commitHalves(
  options: CommitOptions,
  { envelopes, streamId }: Prepared,
): Promise<Committed> {
  const middle = Math.ceil(envelopes.length / 2);
  const first = await commit(options, prepare(options, envelopes.slice(0, middle), streamId));
  const second = await commit(options, prepare(options, envelopes.slice(middle), streamId));
  return {
    decided: together(first.decided, second.decided),
    unstorableCount: first.unstorableCount + second.unstorableCount,
    conflictCount: first.conflictCount + second.conflictCount,
    duplicateCount: first.duplicateCount + second.duplicateCount,
  };
}

/**
 * Applies, waiting out whatever a retry can cure; returns what became of the batch, or the error for which it is to
 * be halved or given up.
 */
async function applyPatiently(
  options: CommitOptions,
  batch: EncodedBatch,
  streamId: number,
  mayHalve = false,
): Promise<Applied | Error> {
  let timeOuts = 0;
  for (let attempt = 1, waitMs = FIRST_RETRY_MS; ; attempt++) {
    try {
      return await options.apply(batch, streamId);
    } catch (error) {
      if (error instanceof CommitAbandoned) throw error;
      if (blamesTheValues(error)) return error as Error;
      if (options.stopping.aborted) throw new CommitAbandoned('stopped', { cause: error });
      if (lacksPartition(error)) return error as Error;
      if (ranOutOfTime(error) && mayHalve && ++timeOuts === TIME_OUTS_OF_WHOLE) {
        options.log.warn('batch ran out of time, halved', { attempt, error });
        return error as Error;
      }
      options.log.warn('batch not applied, trying again', { attempt, error });
    }
    await pause(waitMs, options.stopping);
    waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS);
  }
}

/** Cancelled by statement_timeout (pool-options.ts), or by somebody. */
function ranOutOfTime(error: unknown): boolean {
  return (error as { code?: unknown }).code === '57014';
}
