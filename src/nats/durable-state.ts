// The state of a durable and of its stream: how far counting has come. Reading it changes nothing;
// the credential of ingest suffices.
import type { ConsumerInfo, JetStreamManager, StreamInfo } from 'nats';
import { type EpochMicros, parseInstant } from '../domain/time/instant.js';
import { NO_MESSAGE_FOUND, unless } from './api-errors.js';

/** A durable at one instant, as its server saw it. */
export interface DurableState {
  /**
   * Everything published before it has been acknowledged, which means committed (contract, section
   * 4).
   */
  readonly dataAsOf: EpochMicros;
  /** Events not yet pulled. */
  readonly pendingCount: number;
  /** Events pulled and not acknowledged. */
  readonly unacknowledgedCount: number;
  /** All sequences up to it are acknowledged. */
  readonly ackFloor: number;
  /** The highest sequence that was delivered, acknowledged or not. */
  readonly deliveredSequence: number;
  /** Of the first event after all that is acknowledged; undefined where the stream holds none. */
  readonly nextSequence?: number | undefined;
}

/** The stream as it is now: its identity is (name, createdAt). */
export interface StreamState {
  readonly createdAt: EpochMicros;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** The server's time when it said so. */
  readonly lookedAt?: EpochMicros | undefined;
}

/** An event's place in the stream. */
export interface Place {
  readonly sequence: number;
  readonly publishedAt: EpochMicros | undefined;
}

/**
 * `dataAsOf` is the server's time where nothing waits, else the timestamp of the first message
 * after the ack floor. Undefined where that message is just being removed; look again. The server
 * tells a durable of a new message after it has stored it, so a durable that knows of nothing is
 * believed only where the stream, asked later, has nothing more either.
 */
export async function readDurableState(
  manager: JetStreamManager,
  stream: string,
  durable: string,
): Promise<DurableState | undefined> {
  const info = await manager.consumers.info(stream, durable);
  const lookedAt = parseInstant((info as ConsumerInfo & { readonly ts: string }).ts);
  const next = await firstMessageFrom(manager, stream, acknowledgedThrough(info) + 1);
  const first = next?.publishedAt;
  const dataAsOf = isIdle(info) ? earlierOf(lookedAt, first) : first;
  if (dataAsOf === undefined) return undefined;
  return {
    dataAsOf,
    pendingCount: info.num_pending,
    unacknowledgedCount: info.num_ack_pending,
    ackFloor: info.ack_floor.stream_seq,
    deliveredSequence: info.delivered.stream_seq,
    nextSequence: next?.sequence,
  };
}

function isIdle(info: ConsumerInfo): boolean {
  return info.num_pending === 0 && info.num_ack_pending === 0;
}

/**
 * All up to this sequence are acknowledged: of an idle durable all that was delivered, wherever its
 * floor is.
 */
function acknowledgedThrough(info: ConsumerInfo): number {
  const floor = info.ack_floor.stream_seq;
  return isIdle(info) ? Math.max(floor, info.delivered.stream_seq) : floor;
}

function earlierOf(instant: EpochMicros | undefined, other: EpochMicros | undefined) {
  if (instant === undefined || other === undefined) return instant;
  return Math.min(instant, other);
}

/** The first event that the stream holds from this sequence on; undefined where there is none. */
export async function firstMessageFrom(
  manager: JetStreamManager,
  stream: string,
  sequence: number,
): Promise<Place | undefined> {
  const query = { seq: sequence, next_by_subj: '>' } as never;
  const message = await unless(manager.streams.getMessage(stream, query), NO_MESSAGE_FOUND);
  if (message === undefined) return undefined;
  return { sequence: message.seq, publishedAt: parseInstant(message.timestamp) };
}

/**
 * When the event of this sequence was published; undefined where the stream has none there (any
 * more).
 */
export async function publishedAt(
  manager: JetStreamManager,
  stream: string,
  sequence: number,
): Promise<EpochMicros | undefined> {
  if (sequence < 1) return undefined;
  const query = manager.streams.getMessage(stream, { seq: sequence });
  const message = await unless(query, NO_MESSAGE_FOUND);
  return message === undefined ? undefined : parseInstant(message.timestamp);
}

/** The stream's identity and bounds. */
export async function streamState(manager: JetStreamManager, stream: string): Promise<StreamState> {
  const info: StreamInfo = await manager.streams.info(stream);
  const createdAt = parseInstant(info.created);
  if (createdAt === undefined) throw new Error(`Stream ${stream} has no creation time`);
  const { first_seq: firstSequence, last_seq: lastSequence } = info.state;
  const lookedAt = parseInstant((info as StreamInfo & { readonly ts?: string }).ts ?? '');
  return { createdAt, firstSequence, lastSequence, lookedAt };
}

/** Sequences between the stream's first and last that were deleted. */
export async function deletedSequences(
  manager: JetStreamManager,
  stream: string,
): Promise<readonly number[]> {
  const info = await manager.streams.info(stream, { deleted_details: true });
  return info.state.deleted ?? [];
}
