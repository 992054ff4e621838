/**
 * Looks at a durable and its stream: how far counting has come. Inspects only; the ingest credential
 * suffices.
 */
import type { ConsumerInfo, JetStreamManager, StreamInfo } from 'nats';
import { type EpochMicros, parseInstant } from '../../domain/instant.js';
import { jetStreamErrorCode, unless } from './topology.js';

/** A durable at one instant, as its server saw it. */
export interface Look {
  /** Everything published before it has been acknowledged, which means committed (contract, section 4). */
  readonly dataAsOf: EpochMicros;
  /** Events not yet pulled. */
  readonly pendingCount: number;
  /** Events pulled and not acknowledged. */
  readonly unacknowledgedCount: number;
  /** All sequences up to it are acknowledged. */
  readonly ackFloor: number;
  /** The highest sequence that was delivered, acknowledged or not. */
  readonly deliveredSequence: number;
}

/** The stream as it is now: its identity is (name, createdAt). */
export interface StreamState {
  readonly createdAt: EpochMicros;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** JetStream API error codes: server/errors.json of nats-server. */
const NO_MESSAGE_FOUND = 10_037;
const CONSUMER_NOT_FOUND = 10_014;
const STREAM_NOT_FOUND = 10_059;

/** Whether a look failed because the server has no such stream or durable, which no waiting cures. */
export function isMissing(error: unknown): boolean {
  const code = jetStreamErrorCode(error);
  return code === CONSUMER_NOT_FOUND || code === STREAM_NOT_FOUND;
}

/**
 * `dataAsOf` is the server's time where nothing waits, else the timestamp of the first message after
 * the ack floor. Undefined where that message is just being removed; look again.
 */
export async function lookAt(
  manager: JetStreamManager,
  stream: string,
  durable: string,
): Promise<Look | undefined> {
  const info = await manager.consumers.info(stream, durable);
  const dataAsOf = isIdle(info)
    ? parseInstant((info as ConsumerInfo & { readonly ts: string }).ts)
    : await firstTimestampAfter(manager, stream, info.ack_floor.stream_seq);
  if (dataAsOf === undefined) return undefined;
  return {
    dataAsOf,
    pendingCount: info.num_pending,
    unacknowledgedCount: info.num_ack_pending,
    ackFloor: info.ack_floor.stream_seq,
    deliveredSequence: info.delivered.stream_seq,
  };
}

function isIdle(info: ConsumerInfo): boolean {
  return info.num_pending === 0 && info.num_ack_pending === 0;
}

async function firstTimestampAfter(
  manager: JetStreamManager,
  stream: string,
  sequence: number,
): Promise<EpochMicros | undefined> {
  try {
    const message = await manager.streams.getMessage(stream, {
      seq: sequence + 1,
      next_by_subj: '>',
    } as never);
    return parseInstant(message.timestamp);
  } catch (error) {
    if (jetStreamErrorCode(error) === NO_MESSAGE_FOUND) return undefined;
    throw error;
  }
}

/** When the event of this sequence was published; undefined where the stream has none there (any more). */
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
  return { createdAt, firstSequence, lastSequence };
}
