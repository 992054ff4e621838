// Judges a dead letter again: its payload is fetched from the stream and recognised by its digest,
// decoded under today's rules, and counted under its original sequence if it is admitted. Nothing
// is published, and what is counted already is not counted twice.
import { decode, digestOf } from '../../counting/decode/decode.js';
import { readGenerations, readStreams } from '../../counting/guard/generation.js';
import {
  createLedgerDays,
  type Generation,
  readGeneration,
} from '../../counting/guard/ingest-progress.js';
import { applyBatch, encodeBatch } from '../../counting/ledger/apply-batch.js';
import { DEAD_LETTER_MEANING, type DeadLetterReason } from '../../domain/message/dead-letter.js';
import type { AdmittedEvent } from '../../domain/message/event.js';
import { foldBatch } from '../../domain/message/ledger-fold.js';
import { dayOf, type EpochMicros, formatDay, MICROS_PER_DAY } from '../../domain/time/instant.js';
import { streamState } from '../../nats/durable-state.js';
import { fetchEvent } from '../../nats/fetch-event.js';
import { STREAM } from '../../nats/topology.js';
import { blamesTheValues, lacksPartition } from '../../postgres/write-failure.js';
import { OPS_WORKER } from '../retention/retention.js';
import type { Session } from '../session.js';
import { isCounted } from './counted.js';
import { resolveDeadLetter, type StoredDeadLetter } from './stored.js';

/** What became of one. */
export type Verdict =
  | { readonly outcome: 'replayed' }
  /** Judged, and not admitted today either. */
  | { readonly outcome: 'still refused'; readonly why: string; readonly dayMissing?: boolean }
  /** Cannot be judged: its payload is gone. */
  | { readonly outcome: 'gone'; readonly why: string };

/** What every replay of one run needs; read once. */
export interface ReplayGround {
  /** Into which events are counted: the serving generation, and one that is being built. */
  readonly generations: readonly Generation[];
  readonly streamCreatedAt: EpochMicros;
  /** When each known stream was created, by its number. */
  readonly createdAt: ReadonlyMap<number, EpochMicros>;
}

export async function readGround({ pool, manager }: Session): Promise<ReplayGround> {
  const generations: Generation[] = [];
  for (const { generation, state, copiedAt } of await readGenerations(pool)) {
    if (state === 'retired' || (state === 'building' && copiedAt === undefined)) continue;
    await createLedgerDays(pool, generation);
    const one = await readGeneration(pool, generation);
    if (one !== undefined) generations.push(one);
  }
  const streams = await readStreams(pool, STREAM);
  return {
    generations,
    streamCreatedAt: (await streamState(manager, STREAM)).createdAt,
    createdAt: new Map(streams.map(({ streamId, createdAt }) => [streamId, createdAt])),
  };
}

/**
 * Counts it and marks it `replayed`, or says why not. Repeatable. Rejects where an engine is away.
 */
export async function replay(
  { pool, prisma, manager, config }: Session,
  ground: ReplayGround,
  letter: StoredDeadLetter,
): Promise<Verdict> {
  const { streamId, sequence } = letter;
  if (ground.createdAt.get(streamId) !== ground.streamCreatedAt) {
    return gone('it was published to a stream that does not exist any more');
  }
  const published = await fetchEvent(manager, sequence);
  if (published === undefined) return gone('the stream no longer holds its payload');
  if (digestOf(published.payload) !== letter.digest) {
    return gone('another event stands under its sequence now (the digests differ)');
  }
  const decoded = decode(published, { msisdn: config.msisdnDigits });
  if (!decoded.admitted) {
    const { reason, field } = decoded.refusal;
    return refused(`${reason}${field ? ` (${field})` : ''}: ${DEAD_LETTER_MEANING[reason]}`);
  }
  for (const generation of ground.generations) {
    const why = await count(pool, generation, streamId, decoded.event);
    if (why !== undefined) return refused(why);
  }
  await resolveDeadLetter(await prisma(), letter, 'replayed');
  return { outcome: 'replayed' };
}

const DAY_MISSING: DeadLetterReason = 'day_missing';

const gone = (why: string): Verdict => ({ outcome: 'gone', why: `${why}; discard it` });
const refused = (why: string): Verdict => ({
  outcome: 'still refused',
  why,
  dayMissing: why.startsWith(DAY_MISSING),
});

/** Why the event does not count in this generation; undefined where it does. */
async function count(
  pool: Session['pool'],
  { generation, ledgerFloor }: Generation,
  streamId: number,
  event: AdmittedEvent,
): Promise<string | undefined> {
  if (event.acceptedAt < ledgerFloor * MICROS_PER_DAY) {
    const floor = formatDay(ledgerFloor);
    return `too_old: ledger days before ${floor} were dropped, so it might count twice`;
  }
  const folded = foldBatch([event]);
  try {
    const context = { generation, streamId, worker: OPS_WORKER };
    // Not the progress of a pull: it says nothing about the sequences below it.
    await applyBatch(pool, context, encodeBatch({ folded, deadLetters: [], highestSequence: 0 }));
  } catch (error) {
    if (lacksPartition(error)) {
      const day = formatDay(dayOf(event.acceptedAt));
      return `${DAY_MISSING}: ledger day ${day}; attach its partition first`;
    }
    if (!blamesTheValues(error)) throw error;
    return `unstorable: ${(error as Error).message}`;
  }
  if (await isCounted(pool, generation, folded)) return undefined;
  return `conflict: ${DEAD_LETTER_MEANING.conflict}`;
}
