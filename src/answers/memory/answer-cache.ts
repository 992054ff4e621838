// Answers that were given already. A dashboard polls the same question; as long as the revision is
// the same, so is the answer. Invariants: an answer is found only under the scope, the question and
// the revision that it was made for, so it carries its own data_as_of; memory is bounded; of
// callers who ask the same thing at once one reads the database, and who leaves does not end it for
// the others.
import type { Clock } from '../../platform/clock.js';
import { whileWaiting } from '../freshness/waiting.js';
import type { Answer, Encoded, Prepared, QueryContext } from '../question/context.js';

export interface AnswerCacheOptions {
  readonly clock: Clock;
  /** The revision that answers would have now; undefined where it cannot be told. */
  readonly currentRevision: () => Promise<string | undefined>;
  /** The same, where it is known without asking. */
  readonly recentRevision: () => string | undefined;
  /** Answers kept at most; 0 keeps none. */
  readonly maxEntries: number;
  /** Sum of their sizes at most. */
  readonly maxBytes: number;
}

/** What the cache must know of a question. */
export interface CachedQuestion<Request, Response> {
  /** Unique among the questions. */
  readonly rpc: string;
  readonly encodeRequest: (request: Request) => Uint8Array;
  /** Judges the question and the caller's scope; throws before anything is read. */
  readonly prepare: (request: Request, context: QueryContext) => Prepared<Response>;
}

/** A read that several callers may wait for. */
interface Flight {
  readonly answer: Promise<Answer<unknown>>;
  readonly controller: AbortController;
  waiters: number;
}

export interface AnswerCacheUse {
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
}

export interface AnswerCache {
  /** The same question, answered from the cache where possible. */
  cached<Request, Response>(
    question: CachedQuestion<Request, Response>,
  ): (request: Request, context: QueryContext) => Promise<Encoded<Response>>;
  use(): AnswerCacheUse;
}

/** Why a read is given up; made once, as it holds a stack trace. */
const GONE = new Error('nobody waits any longer');

/** Longer questions are answered and not remembered. */
const MAX_KEY_BYTES = 4096;

export function createAnswerCache(options: AnswerCacheOptions): AnswerCache {
  // In order of last use: a Map iterates in the order of insertion.
  const entries = new Map<string, Answer<unknown>>();
  const flights = new Map<string, Flight>();
  let bytes = 0;
  let hits = 0;
  let misses = 0;

  const forget = (key: string) => {
    const known = entries.get(key);
    if (known !== undefined) bytes -= sizeOf(key, known);
    entries.delete(key);
  };
  const remember = (key: string, answer: Answer<unknown>) => {
    const size = sizeOf(key, answer);
    if (size > options.maxBytes / 4) return;
    forget(key);
    entries.set(key, answer);
    bytes += size;
    for (const oldest of entries.keys()) {
      if (entries.size <= options.maxEntries && bytes <= options.maxBytes) break;
      forget(oldest);
    }
  };

  const fly = (
    flightKey: string,
    read: (signal: AbortSignal) => Promise<Answer<unknown>>,
  ): Flight => {
    const controller = new AbortController();
    const flight = { answer: read(controller.signal), controller, waiters: 0 };
    flights.set(flightKey, flight);
    const landed = () => {
      if (flights.get(flightKey) === flight) flights.delete(flightKey);
    };
    flight.answer.then(landed, landed);
    return flight;
  };

  return {
    use: () => ({ entries: entries.size, bytes, hits, misses }),
    cached<Request, Response>(question: CachedQuestion<Request, Response>) {
      return async (request: Request, context: QueryContext): Promise<Encoded<Response>> => {
        const answer = question.prepare(request, context);
        const asked = question.encodeRequest(request);
        if (options.maxEntries === 0 || asked.length > MAX_KEY_BYTES) {
          return (await answer(context)).bytes;
        }
        const revision =
          options.recentRevision() ??
          (await whileWaiting(options.currentRevision(), context, options.clock));
        if (revision === undefined) return (await answer(context)).bytes;
        const scope = scopeOf(context);
        const key = `${question.rpc}\n${scope}\n${Buffer.from(asked).toString('latin1')}`;
        const found = entries.get(key);
        if (found?.revision === revision) {
          hits++;
          entries.delete(key);
          entries.set(key, found);
          return found.bytes as Encoded<Response>;
        }
        misses++;
        const flightKey = `${revision}\n${key}`;
        const read = async (signal: AbortSignal) => {
          const { accountId, rowAccountId } = context;
          const made = await answer({ accountId, rowAccountId, signal, deadline: undefined });
          remember(key, made);
          return made;
        };
        const flight = flights.get(flightKey) ?? fly(flightKey, read);
        flight.waiters++;
        try {
          const made = await whileWaiting(flight.answer, context, options.clock);
          return made.bytes as Encoded<Response>;
        } finally {
          flight.waiters--;
          // Nobody waits any longer; where it has landed already, this changes nothing.
          if (flight.waiters === 0) {
            if (flights.get(flightKey) === flight) flights.delete(flightKey);
            flight.controller.abort(GONE);
          }
        }
      };
    },
  };
}

/**
 * Both accounts of a call, so that an answer made under a wrong one reaches no call that has it
 * right. Ids have no blank.
 */
const scopeOf = ({ accountId, rowAccountId }: QueryContext) =>
  accountId === undefined && rowAccountId === undefined
    ? 'platform'
    : `account ${accountId ?? ''} rows ${rowAccountId ?? ''}`;

const sizeOf = (key: string, { bytes }: Answer<unknown>) => bytes.length + key.length;
