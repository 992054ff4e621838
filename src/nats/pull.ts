// Pulls envelopes from a durable with bounded requests: nothing arrives that was not asked for, so
// memory is bounded at any backlog. First all that waits (`no_wait`, up to the batch size); only
// where nothing is, a wait for a single message: a trickle is counted at once, a flood in full
// batches.
import { createInbox, type Msg, type NatsConnection } from 'nats';
import { type Envelope, envelopeOf } from './envelope.js';

/** Where to pull from. */
export interface PullSource {
  readonly connection: NatsConnection;
  readonly stream: string;
  readonly durable: string;
  readonly inboxPrefix: string;
}

/**
 * The durable does not exist (any more), or its cluster has no leader just now. The guard tells
 * which.
 */
export class DurableMissing extends Error {
  constructor(durable: string) {
    super(`The durable ${durable} does not exist. Create it: ops setup`);
    this.name = 'DurableMissing';
  }
}

/** Most bytes that one pull may bring into memory. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024;
const WAIT_MS = 1_000;
/**
 * A pull whose answer does not come (the server restarts) ends after so many beats without a word.
 * Beats, not one time-out: a process that stood still for long (a paused machine) hears one beat,
 * and then reads what came meanwhile. Ending at once would drop it, and it would come again only
 * after ack_wait.
 */
const SILENT_BEATS = 3;
const BEAT_MS = 1_000;
/** Status of a message that ends a pull: ADR-13 of nats-io/nats-architecture-and-design. */
const NO_RESPONDERS = 503;

/**
 * The next envelopes, at most `size`, in stream order but for redeliveries; none after a second
 * without messages, or while the server is away. Rejects with DurableMissing, or where the
 * connection is closed.
 */
export async function pull(source: PullSource, size: number): Promise<Envelope[]> {
  const waiting = await request(source, { batch: size, no_wait: true, max_bytes: MAX_BATCH_BYTES });
  if (waiting.length > 0) return waiting;
  return request(source, { batch: 1, expires: WAIT_MS * 1_000_000 });
}

interface PullRequest {
  readonly batch: number;
  readonly no_wait?: boolean;
  readonly max_bytes?: number;
  /** Nanoseconds. */
  readonly expires?: number;
}

function request(source: PullSource, wanted: PullRequest): Promise<Envelope[]> {
  const { connection, stream, durable } = source;
  return new Promise((resolve, reject) => {
    const envelopes: Envelope[] = [];
    const inbox = createInbox(source.inboxPrefix);
    let due = wanted.batch;
    let silentBeats = 0;
    const end = (failure?: Error) => {
      clearInterval(beat);
      subscription.unsubscribe();
      if (failure && envelopes.length === 0) reject(failure);
      else resolve(envelopes);
    };
    const subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error) return end(error);
        const status = statusOf(message);
        if (status === NO_RESPONDERS) return end(new DurableMissing(durable));
        if (status === undefined) envelopes.push(envelopeOf(message));
        else due = dueOf(message, wanted) ?? envelopes.length;
        silentBeats = 0;
        if (envelopes.length >= due) end();
      },
    });
    const beat = setInterval(() => {
      if (++silentBeats === SILENT_BEATS) end();
    }, BEAT_MS);
    connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`, JSON.stringify(wanted), {
      reply: inbox,
    });
  });
}

/**
 * How many messages a pull brings, by the status that ends it. A replicated consumer sends the
 * status at once and the messages when a majority has them: who leaves at the status gets those
 * only after ack_wait. Undefined where the server does not say.
 */
function dueOf({ headers }: Msg, wanted: PullRequest): number | undefined {
  const pending = headers?.get('Nats-Pending-Messages') ?? '';
  return pending === '' ? undefined : wanted.batch - Number(pending);
}

/** The code of a message that is no event but the server's word on the pull. */
function statusOf(message: Msg): number | undefined {
  if (message.data.length > 0 || message.headers === undefined) return undefined;
  return message.headers.code === 0 ? undefined : message.headers.code;
}
