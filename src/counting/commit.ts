// Makes a pulled batch durable, whatever happens, and acknowledges nothing.
//
// An outage is waited out; nothing is pulled meanwhile. An event that the database refuses is found
// by halving the batch, so that it never blocks its neighbours and is never tried for ever. A batch
// that keeps running out of time is halved too, but its last event waits like any other: time
// blames no event. A batch that meets no partition for a day is judged anew after a look at the
// ledger's days: the day was made, was dropped, or is missing.
import type { AdmissionRules } from '../domain/message/admission.js';
import type { FoldedBatch } from '../domain/message/ledger-fold.js';
import type { EpochDay } from '../domain/time/instant.js';
import type { Envelope } from '../nats/envelope.js';
import { pause } from '../platform/clock.js';
import type { Log } from '../platform/log.js';
import { blamesTheValues, lacksPartition } from '../postgres/write-failure.js';
import type { JudgedBatch } from './announce/verdict.js';
import { CommitAbandoned } from './commit-abandoned.js';
import { countable, type Decided, decide, together, unstorable } from './count.js';
import type { Watch } from './guard/watch.js';
import { type Applied, type EncodedBatch, encodeBatch } from './ledger/apply-batch.js';

/** What a commit asks of the guard. */
export type DaysGuard = Pick<Watch, 'ledgerFloor' | 'missingDays' | 'lookAtDays'>;

export interface CommitOptions {
  /** One batch in one transaction: applyTrusted. */
  readonly apply: (batch: EncodedBatch, streamId: number) => Promise<Applied>;
  /** Takes what the serving generation has committed: announceJudged. */
  readonly announce: (batch: JudgedBatch) => void;
  readonly guard: DaysGuard;
  readonly rules: AdmissionRules;
  readonly stopping: AbortSignal;
  readonly log: Log;
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;
/** Wait before the next try, where a look has shown nothing new. */
const MISSING_DAY_MS = 2_000;
/**
 * What a batch is given before it is halved: a lock that is held for a minute is not worth that.
 */
const TIME_OUTS_OF_WHOLE = 3;

/** What became of the events of a batch. */
export interface Committed {
  readonly decided: Decided;
  /** Events refused by the database alone. */
  readonly unstorableCount: number;
  /**
   * Charges and refunds that lost to others of this batch or an earlier one, and were recorded only
   * now.
   */
  readonly conflictCount: number;
  /** Messages and refunds of which the ledger learned nothing new. */
  readonly duplicateCount: number;
}

/** A pulled batch, judged and encoded: all that can be done while the batch before it commits. */
export interface Prepared {
  readonly envelopes: readonly Envelope[];
  readonly decided: Decided;
  readonly folded: FoldedBatch;
  readonly encoded: EncodedBatch;
  /** Whose sequences these are, as known when they were pulled. */
  readonly streamId: number;
  /** By which days it was judged. */
  readonly ledgerFloor: EpochDay;
  readonly missingDays: ReadonlySet<EpochDay>;
}

/** Judges and encodes a batch. */
export function prepare(
  options: CommitOptions,
  envelopes: readonly Envelope[],
  streamId: number,
): Prepared {
  const { ledgerFloor, missingDays } = options.guard;
  const decided = decide(envelopes, options.rules, ledgerFloor, missingDays);
  const batch = countable(decided);
  const days = { ledgerFloor, missingDays };
  const { folded } = batch;
  return { envelopes, decided, folded, encoded: encodeBatch(batch), streamId, ...days };
}

/**
 * Resolves once every envelope is counted or dead-lettered, durably. Rejects only with
 * CommitAbandoned.
 */
export async function commit(options: CommitOptions, prepared: Prepared): Promise<Committed> {
  const { envelopes, decided, encoded, streamId } = prepared;
  // The partition may be back since the last look; only a fresh look may refuse an event.
  const refusesDays = decided.deadLetters.some(({ reason }) => reason === 'day_missing');
  if (refusesDays && (await daysMoved(options, prepared))) {
    return commit(options, prepare(options, envelopes, streamId));
  }
  const mayHalve = envelopes.length > 1;
  const applied = await applyPatiently(options, encoded, streamId, mayHalve);
  if (!(applied instanceof Error)) {
    announce(options, prepared, applied);
    return { decided, unstorableCount: 0, ...countsOf(applied) };
  }
  if (lacksPartition(applied)) return commitLater(options, prepared, applied);
  if (mayHalve) return commitHalves(options, prepared);
  const [envelope] = envelopes;
  const [event] = decided.events;
  if (envelope === undefined || event === undefined) throw applied;
  options.log.warn('event is unstorable', { sequence: envelope.sequence, error: applied });
  const alone = { ...decided, events: [], deadLetters: [unstorable(envelope, event)] };
  const batch = countable(alone);
  const second = await applyPatiently(options, encodeBatch(batch), streamId);
  if (second instanceof Error) throw second;
  announce(options, { envelopes, decided: alone, folded: batch.folded }, second);
  // The letter is in unstorableCount; among what was decided on arrival it would be counted twice.
  return { decided: { ...decided, events: [] }, unstorableCount: 1, ...countsOf(second) };
}

/** A generation that does not serve announces nothing: its counts are not answered from. */
function announce(
  options: CommitOptions,
  { envelopes, decided, folded }: Pick<Prepared, 'envelopes' | 'decided' | 'folded'>,
  { serving, lost }: Applied,
): void {
  if (serving) options.announce({ envelopes, decided, folded, lost });
}

function countsOf({ conflictCount, duplicateCount }: Applied) {
  return { conflictCount, duplicateCount };
}

/**
 * The partition for a day is missing. A look tells why: it can be made, it is below a new floor, or
 * it is gone. The batch is judged anew, at once where the look has shown something new.
 */
async function commitLater(
  options: CommitOptions,
  prepared: Prepared,
  error: Error,
): Promise<Committed> {
  options.log.warn('a ledger day is missing, trying again', { error });
  if (!(await daysMoved(options, prepared))) await pause(MISSING_DAY_MS, options.stopping);
  return commit(options, prepare(options, prepared.envelopes, prepared.streamId));
}

/** Looks at the ledger's days; true where the batch fares otherwise since. */
async function daysMoved(
  { guard, log }: CommitOptions,
  { ledgerFloor, missingDays }: Prepared,
): Promise<boolean> {
  try {
    if ((await guard.lookAtDays()) > 0) return true;
  } catch (error) {
    log.warn('ledger days not looked at', { error });
  }
  return guard.missingDays !== missingDays || guard.ledgerFloor !== ledgerFloor;
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
 * Applies, waiting out whatever a retry can cure; returns what became of the batch, or the error
 * for which it is to be halved or given up.
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

/** Cancelled, by statement_timeout (pool-options.ts) or by hand. */
function ranOutOfTime(error: unknown): boolean {
  return (error as { code?: unknown }).code === '57014';
}
