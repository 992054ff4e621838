// What a commit made of each event of its batch, for the announcements (contract, section 1).
// A copy is announced as its original is: the publisher of the copy may forget it as well. A charge
// or refund that lost is refused, with all copies of its content in the batch, in any bytes.
import type { AdmittedEvent } from '../../domain/message/event.js';
import { entryOf, joinEntries, joinRefunds, refundOf } from '../../domain/message/ledger.js';
import type { LedgerEntry, LedgerRefund } from '../../domain/message/ledger-entry.js';
import type { FoldedBatch } from '../../domain/message/ledger-fold.js';
import { dayOf } from '../../domain/time/instant.js';
import type { EventSourceName, Refused } from '../../nats/announcements.js';
import type { Envelope } from '../../nats/envelope.js';
import type { Decided } from '../count.js';

/** What is announced to one source. */
export interface Verdict {
  readonly counted: bigint[];
  readonly refused: Refused[];
}

/** A batch that is committed, and what the database said of it. */
export interface JudgedBatch {
  readonly envelopes: readonly Envelope[];
  readonly decided: Decided;
  readonly folded: FoldedBatch;
  /** Digests of charges and refunds that lost: of the batch, or displaced by it. */
  readonly lost: readonly bigint[];
}

/** The verdicts on all events of the batch, and on those of earlier ones that it displaced. */
export function verdictsOn(batch: JudgedBatch): Readonly<Record<EventSourceName, Verdict>> {
  const billing: Verdict = { counted: [], refused: [] };
  const dlr: Verdict = { counted: [], refused: [] };
  const { decided, folded } = batch;
  const lost = new Set(batch.lost);
  const someLost = lost.size > 0 || folded.conflicts.length > 0;
  const hasLost = someLost ? losersOf(folded, lost) : () => false;
  for (const event of decided.events) {
    if (event.kind === 'reported') dlr.counted.push(event.source.digest);
    else if (hasLost(event)) lost.add(event.source.digest);
    else billing.counted.push(event.source.digest);
  }
  for (const digest of lost) billing.refused.push({ digest, reason: 'conflict' });
  addLetters(batch, { billing, dlr });
  return { billing, dlr };
}

/** A dead letter hides a subject that is not of the contract: its envelope knows the source. */
function addLetters(
  { envelopes, decided }: JudgedBatch,
  verdicts: Readonly<Record<EventSourceName, Verdict>>,
): void {
  if (decided.deadLetters.length === 0) return;
  const subjects = new Map(envelopes.map(({ sequence, subject }) => [sequence, subject]));
  for (const { sequence, digest, reason } of decided.deadLetters) {
    const isBilling = subjects.get(sequence)?.startsWith('sms.billing.') ?? false;
    verdicts[isBilling ? 'billing' : 'dlr'].refused.push({ digest, reason });
  }
}

/**
 * Whether a charge or refund of the batch is not the one that its message or refund kept: the batch
 * has a lesser content, or the ledger has, and then the least of the batch is among `lost`.
 */
function losersOf(
  folded: FoldedBatch,
  lost: ReadonlySet<bigint>,
): (event: Exclude<AdmittedEvent, { kind: 'reported' }>) => boolean {
  const kept = new Map<string, LedgerEntry | LedgerRefund>();
  for (const entry of folded.entries) kept.set(`${entry.day} ${entry.messageId}`, entry);
  for (const refund of folded.refunds) {
    kept.set(`${refund.day} ${refund.messageId} ${refund.eventId}`, refund);
  }
  const lostDigests = new Set(lost);
  return (event) => {
    const key = `${dayOf(event.acceptedAt)} ${event.messageId}`;
    if (event.kind === 'charged') {
      const entry = kept.get(key) as LedgerEntry;
      const { digest } = entry.charge?.source ?? event.source;
      return lostDigests.has(digest) || joinEntries(entry, entryOf(event)).displaced !== undefined;
    }
    const refund = kept.get(`${key} ${event.eventId}`) as LedgerRefund;
    const { displaced } = joinRefunds(refund, refundOf(event));
    return lostDigests.has(refund.source.digest) || displaced !== undefined;
  };
}
