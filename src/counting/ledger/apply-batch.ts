// Runs the ledger statement: a folded batch and its dead letters become durable in one transaction,
// or not at all. Repeating it is harmless: nothing counts twice.
import type { Pool } from 'pg';
import type { FoldedBatch } from '../../domain/message/ledger-fold.js';
import { type EpochMicros, formatInstant } from '../../domain/time/instant.js';
import type { Queryable } from '../../postgres/queryable.js';
import { multirangeOf } from '../guard/stream-gaps.js';
import type { Watch } from '../guard/watch.js';
import {
  DEAD_LETTER_COLUMNS,
  type DeadLetter,
  ENTRY_COLUMNS,
  REFUND_COLUMNS,
} from './batch-columns.js';
import { encodeRows, nameElementType } from './binary-rows.js';
import { APPLY_BATCH } from './ledger-statement.js';
import { replicated } from './replicated.js';

/** Who counts, and into which generation. */
export interface BatchContext {
  readonly generation: number;
  /** Of event_stream: the stream the sequences belong to. */
  readonly streamId: number;
  /** Key of this process's own progress row. */
  readonly worker: string;
}

/** What one fetch became. */
export interface CountableBatch {
  readonly folded: FoldedBatch;
  readonly deadLetters: readonly DeadLetter[];
  /** Of the batch, applied or dead-lettered. */
  readonly highestSequence: number;
  /** When the event of that sequence was published: what it is recognised by. */
  readonly highestPublishedAt?: EpochMicros | undefined;
  /** All of the batch; where not given, the highest alone. */
  readonly sequences?: readonly number[];
}

/** A batch as parameters of the statement; encoding is the costly part that needs no database. */
export interface EncodedBatch {
  /** Messages and refunds. */
  readonly rowCount: number;
  readonly highestSequence: number;
  readonly highestPublishedAt: string | null;
  /** All sequences of the batch, as the text of a multirange. */
  readonly sequences: string;
  readonly entries: Buffer;
  readonly refunds: Buffer;
  readonly deadLetters: Buffer;
}

/** The batch as the statement takes it: each kind of row one array. */
export function encodeBatch({
  folded,
  deadLetters,
  highestSequence,
  highestPublishedAt,
  sequences = [highestSequence],
}: CountableBatch): EncodedBatch {
  return {
    rowCount: folded.entries.length + folded.refunds.length,
    highestSequence,
    highestPublishedAt: highestPublishedAt === undefined ? null : formatInstant(highestPublishedAt),
    sequences: multirangeOf(sequences),
    entries: encodeRows(ENTRY_COLUMNS, folded.entries),
    refunds: encodeRows(REFUND_COLUMNS, folded.refunds),
    deadLetters: encodeRows(DEAD_LETTER_COLUMNS, deadLetters),
  };
}

interface EntryTypes {
  readonly ledger: number;
  readonly refund: number;
  readonly dead_letter: number;
}

const ENTRY_TYPES = `
  SELECT
    'ledger_entry'::regtype::oid AS ledger,
    'refund_entry'::regtype::oid AS refund,
    'dead_letter_entry'::regtype::oid AS dead_letter`;
/** By connection, as a restored database may have given its types other oids. */
const knownTypes = new WeakMap<object, EntryTypes>();

async function entryTypesOf(connection: Queryable): Promise<EntryTypes> {
  const known = knownTypes.get(connection);
  if (known !== undefined) return known;
  const types = (await connection.query<EntryTypes>(ENTRY_TYPES)).rows[0] as EntryTypes;
  knownTypes.set(connection, types);
  return types;
}

/** What became of a batch, as far as only the database can tell. */
export interface Applied {
  /**
   * Charges and refunds recorded as `conflict` by this batch: losers of it and earlier ones that it
   * displaced.
   */
  readonly conflictCount: number;
  /**
   * Messages and refunds of which it said nothing new: delivered before, or reports that were
   * beaten before.
   */
  readonly duplicateCount: number;
  /**
   * Digests of charges and refunds that lost, also where that was recorded before: the least ones
   * of the batch, and those of earlier batches that it displaced.
   */
  readonly lost: readonly bigint[];
  /** The generation served when this was committed: a swap overlaps no commit. */
  readonly serving: boolean;
}

interface AppliedRow {
  readonly conflicts: number;
  readonly moved: number;
  /** Numbers as text. */
  readonly lost: readonly string[] | null;
  readonly serving: boolean | null;
}

/**
 * Commits the batch and returns what became of it; the transaction is durable (synchronous_commit)
 * when it resolves. Rejects with pg's error: class 08, 53, 57 and 40 are cured by a retry, class
 * 22, 23 and 54 blame an event of the batch. After a rejection it is unknown whether the batch was
 * committed; a retry is right in both cases, and finds nothing new where it was.
 */
export async function applyBatch(
  connection: Queryable,
  { generation, streamId, worker }: BatchContext,
  batch: EncodedBatch,
): Promise<Applied> {
  const { rowCount, ...parameters } = batch;
  const types = await entryTypesOf(connection);
  nameElementType(batch.entries, types.ledger);
  nameElementType(batch.refunds, types.refund);
  nameElementType(batch.deadLetters, types.dead_letter);
  const query = APPLY_BATCH({ generation, streamId, worker, ...parameters });
  const { rows } = await connection.query<AppliedRow>({ name: 'apply-batch', ...query });
  const { conflicts = 0, moved = 0, lost, serving } = rows[0] ?? {};
  return {
    conflictCount: conflicts,
    duplicateCount: rowCount - moved,
    lost: lost?.map(BigInt) ?? [],
    serving: serving ?? false,
  };
}

/**
 * Applies the batch through a connection that the guard has looked through. A batch waits for a
 * Postgres that is away; where it comes back as an older copy, the first commit would raise the
 * highest sequence over all that is lost, and nothing would show the loss. Resolves and rejects as
 * applyBatch does, with CommitAbandoned where the guard forbids counting, or with NotReplicated.
 */
export async function applyTrusted(
  pool: Pool,
  guard: Pick<Watch, 'trust'>,
  context: BatchContext,
  batch: EncodedBatch,
): Promise<Applied> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await guard.trust(client, context.streamId);
    return await replicated(client, () => applyBatch(client, context, batch));
  } catch (error) {
    failure = error as Error;
    throw error;
  } finally {
    client.release(failure);
  }
}

/** The dead letters of charges and refunds that lost to another one within the batch. */
export function conflictLetters(folded: FoldedBatch): DeadLetter[] {
  return folded.conflicts.map(({ kind, eventId, messageId, source }) => ({
    sequence: source.sequence,
    publishedAt: undefined,
    subject: `sms.billing.v1.${kind}`,
    reason: 'conflict',
    field: undefined,
    eventId,
    messageId,
    digest: source.digest,
  }));
}
