// Moves a durable to another place of its stream, and finds the place by time. Only the ops
// credential may; nothing counts twice, so a move back can only heal.
import { type ConsumerInfo, DeliverPolicy, type JetStreamManager, type NatsConnection } from 'nats';
import { type EpochMicros, formatInstant, parseInstant } from '../domain/time/instant.js';
import { CONSUMER_NOT_FOUND, jetStreamErrorCode, NO_MESSAGE_FOUND, unless } from './api-errors.js';
import type { StreamState } from './durable-state.js';
import { durableConfig, STREAM } from './topology.js';

/** The first server with CONSUMER.RESET to a sequence, and with MSG.GET by time. */
const RESETS_SINCE = [2, 14] as const;
const FINDS_BY_TIME_SINCE = [2, 11] as const;
const TIMEOUT_MS = 10_000;

/** The durable as its server sees it; undefined where there is none. */
export function durableInfo(
  manager: JetStreamManager,
  durable: string,
): Promise<ConsumerInfo | undefined> {
  return unless(manager.consumers.info(STREAM, durable), CONSUMER_NOT_FOUND);
}

/**
 * The sequence of the first message stored at or after `at`; one past the last where there is none.
 */
export async function firstSequenceAt(
  connection: NatsConnection,
  manager: JetStreamManager,
  { firstSequence, lastSequence }: StreamState,
  at: EpochMicros,
): Promise<number> {
  if (isSince(connection, FINDS_BY_TIME_SINCE)) {
    const found = await messageAt(manager, { start_time: formatInstant(at), next_by_subj: '>' });
    return found?.sequence ?? lastSequence + 1;
  }
  return searchSequence(firstSequence, lastSequence, at, (sequence) =>
    messageAt(manager, { seq: sequence, next_by_subj: '>' }),
  );
}

/** A stored message as the search needs it. */
export interface Stamped {
  readonly sequence: number;
  readonly storedAt: EpochMicros;
}

/**
 * The same by halving, for servers that do not find by time: `nextAt` gives the first message at or
 * after a sequence. Timestamps of a stream never go back.
 */
export async function searchSequence(
  first: number,
  last: number,
  at: EpochMicros,
  nextAt: (sequence: number) => Promise<Stamped | undefined>,
): Promise<number> {
  let low = first;
  let high = last + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = await nextAt(middle);
    if (found === undefined || found.storedAt >= at) high = middle;
    else low = found.sequence + 1;
  }
  // A gap before the answer belongs to it.
  return (await nextAt(low))?.sequence ?? last + 1;
}

async function messageAt(manager: JetStreamManager, query: object): Promise<Stamped | undefined> {
  const message = await unless(
    manager.streams.getMessage(STREAM, query as never),
    NO_MESSAGE_FOUND,
  );
  if (message === undefined) return undefined;
  return { sequence: message.seq, storedAt: parseInstant(message.timestamp) ?? 0 };
}

/**
 * Makes `sequence` the next that the durable delivers. Servers before 2.14 cannot: there the
 * durable is deleted and made again. A reset is refused, too, below the start with which a durable
 * was made. Rejects with the server's error; a repetition is right.
 */
export async function moveDurable(
  connection: NatsConnection,
  manager: JetStreamManager,
  durable: string,
  sequence: number,
): Promise<'reset' | 'recreated'> {
  if (isSince(connection, RESETS_SINCE) && (await reset(connection, durable, sequence))) {
    return 'reset';
  }
  await recreateDurable(manager, durable, sequence);
  return 'recreated';
}

/** False where the server refuses this sequence to this durable. */
async function reset(
  connection: NatsConnection,
  durable: string,
  sequence: number,
): Promise<boolean> {
  const subject = `$JS.API.CONSUMER.RESET.${STREAM}.${durable}`;
  const reply = await connection.request(subject, JSON.stringify({ seq: sequence }), {
    timeout: TIMEOUT_MS,
  });
  const { error } = reply.json<{ error?: { code: number; description: string } }>();
  if (error === undefined) return true;
  if (error.code === 400) return false;
  throw new Error(`NATS refused to move ${durable} to sequence ${sequence}: ${error.description}`);
}

/** Deletes the durable where it exists, and makes it start at `sequence`. */
export async function recreateDurable(
  manager: JetStreamManager,
  durable: string,
  sequence: number,
): Promise<void> {
  await removeDurable(manager, durable);
  await manager.consumers.add(STREAM, {
    ...durableConfig(durable),
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: Math.max(1, sequence),
  });
}

/** Deletes the durable; false where there was none. */
export async function removeDurable(manager: JetStreamManager, durable: string): Promise<boolean> {
  try {
    return await manager.consumers.delete(STREAM, durable);
  } catch (error) {
    if (jetStreamErrorCode(error) === CONSUMER_NOT_FOUND) return false;
    throw error;
  }
}

function isSince(connection: NatsConnection, [major, minor]: readonly [number, number]): boolean {
  const [thatMajor = 0, thatMinor = 0] = (connection.info?.version ?? '0.0')
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  return thatMajor > major || (thatMajor === major && thatMinor >= minor);
}
