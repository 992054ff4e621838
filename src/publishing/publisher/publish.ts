// Publishes events and waits for the stream's word. A batch is atomic (NATS ADR-50, nats-server
// 2.12): all of it is stored, or nothing. No event carries `Nats-Msg-Id`: an id is one for all
// producers, so that it could swallow another's event.

import { randomBytes } from 'node:crypto';
import { ErrorCode, headers, type MsgHdrs, type NatsConnection, type NatsError } from 'nats';
import { SUBJECT_OF_KIND } from '../../nats/published-event.js';
import type { SpooledEvent } from '../spool/records.js';

const ANSWER_TIMEOUT_MS = 5_000;
/** JetStream API error code: the stream takes no batches (server/errors.json of nats-server). */
const BATCHES_DISABLED = 10_174;
/** The first server that knows batches. */
const BATCHES_SINCE = [2, 12] as const;

/** Why events were not stored. Each can be cured by a later attempt. */
export type PublishFailureKind =
  | 'permission'
  | 'no_responders'
  | 'too_large'
  | 'unanswered'
  | 'batches_disabled'
  | 'refused';

export class PublishFailure extends Error {
  override readonly name = 'PublishFailure';

  constructor(
    readonly kind: PublishFailureKind,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Whether the server behind the connection knows batches, by its version. */
export function knowsBatches(connection: NatsConnection): boolean {
  const [major = 0, minor = 0] = (connection.info?.version ?? '').split('.').map(Number);
  const [sinceMajor, sinceMinor] = BATCHES_SINCE;
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
}

/** The sequence of the stored event. Rejects with a PublishFailure. */
export function publishOne(connection: NatsConnection, event: SpooledEvent): Promise<number> {
  return request(connection, event, undefined, 1);
}

/** The sequence of the last of these events, all of which are stored. Rejects likewise. */
export async function publishBatch(
  connection: NatsConnection,
  events: readonly SpooledEvent[],
): Promise<number> {
  const id = randomBytes(16).toString('hex');
  const last = events.length - 1;
  try {
    for (let index = 0; index < last; index++) {
      const { kind, payload } = events[index] as SpooledEvent;
      connection.publish(SUBJECT_OF_KIND[kind], payload, { headers: partOfBatch(id, index + 1) });
    }
  } catch (error) {
    throw failureOf(error);
  }
  const commit = partOfBatch(id, last + 1);
  commit.set('Nats-Batch-Commit', '1');
  return request(connection, events[last] as SpooledEvent, commit, events.length);
}

function partOfBatch(id: string, sequence: number): MsgHdrs {
  const head = headers();
  head.set('Nats-Batch-Id', id);
  head.set('Nats-Batch-Sequence', String(sequence));
  return head;
}

async function request(
  connection: NatsConnection,
  { kind, payload }: SpooledEvent,
  head: MsgHdrs | undefined,
  count: number,
): Promise<number> {
  try {
    const answer = await connection.request(SUBJECT_OF_KIND[kind], payload, {
      timeout: ANSWER_TIMEOUT_MS,
      ...(head && { headers: head }),
    });
    return sequenceIn(answer.data, count);
  } catch (error) {
    throw failureOf(error);
  }
}

/** JetStream's publish acknowledgement, of which these fields are read. */
interface Acknowledgement {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly count?: number;
  readonly error?: { readonly err_code?: number; readonly description?: string };
}

function sequenceIn(answer: Uint8Array, count: number): number {
  const { seq, duplicate, error, ...rest } = JSON.parse(
    Buffer.from(answer).toString(),
  ) as Acknowledgement;
  if (error?.err_code === BATCHES_DISABLED) {
    throw new PublishFailure('batches_disabled', 'The stream takes no batches');
  }
  if (error !== undefined) {
    const text = `The stream refused: ${error.description} (${error.err_code})`;
    throw new PublishFailure('refused', text);
  }
  if (!Number.isSafeInteger(seq) || (rest.count ?? 1) !== count || duplicate === true) {
    throw new PublishFailure('refused', 'The answer is no acknowledgement of what was published');
  }
  return seq as number;
}

const KIND_OF_CODE: ReadonlyMap<string, PublishFailureKind> = new Map([
  [ErrorCode.PermissionsViolation, 'permission'],
  [ErrorCode.NoResponders, 'no_responders'],
  [ErrorCode.MaxPayloadExceeded, 'too_large'],
]);

const MEANING: Readonly<Record<string, string>> = {
  permission: 'The user may not publish these events',
  no_responders: 'No stream takes these events: run ops setup',
  too_large: "The event is larger than the server's max_payload",
  unanswered: 'The stream did not answer',
};

function failureOf(error: unknown): PublishFailure {
  if (error instanceof PublishFailure) return error;
  const kind = KIND_OF_CODE.get((error as NatsError).code) ?? 'unanswered';
  return new PublishFailure(kind, MEANING[kind] ?? kind, { cause: error });
}
