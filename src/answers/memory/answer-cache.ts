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

/** Longer questions are answered and not remembered. */
const MAX_KEY_BYTES = 4096;

export function createAnswerCache(options: AnswerCacheOptions): AnswerCache {
  const { clock, maxEntries, recentRevision, currentRevision } = options;
  const kept = new KeptAnswers(options);
  const flights = new Flights(clock);
  let hits = 0;
  let misses = 0;
  return {
    use: () => ({ ...kept.use(), hits, misses }),
    cached<Request, Response>(question: CachedQuestion<Request, Response>) {
      return async (request: Request, context: QueryContext): Promise<Encoded<Response>> => {
        const answer = question.prepare(request, context);
        const asked = question.encodeRequest(request);
        const isKept = maxEntries > 0 && asked.length <= MAX_KEY_BYTES;
        const revision = isKept
          ? (recentRevision() ?? (await whileWaiting(currentRevision(), context, clock)))
          : undefined;
        if (revision === undefined) return (await answer(context)).bytes;
        const bytes = Buffer.from(asked).toString('latin1');
        const key = `${question.rpc}\n${scopeOf(context)}\n${bytes}`;
        const found = kept.find(key, revision);
        if (found !== undefined) {
          hits++;
          return found.bytes as Encoded<Response>;
        }
        misses++;
        const { accountId, rowAccountId } = context;
        const made = await flights.share(`${revision}\n${key}`, context, async (signal) => {
          const own = await answer({ accountId, rowAccountId, signal, deadline: undefined });
          kept.keep(key, own);
          return own;
        });
        return made.bytes as Encoded<Response>;
      };
    },
  };
}

/** The answers themselves: where there are too many, those go first that were used longest ago. */
class KeptAnswers {
  /** In order of last use: a Map iterates in the order of insertion. */
  readonly #entries = new Map<string, Answer<unknown>>();
  #bytes = 0;

  constructor(private readonly most: Pick<AnswerCacheOptions, 'maxEntries' | 'maxBytes'>) {}

  use() {
    return { entries: this.#entries.size, bytes: this.#bytes };
  }

  find(key: string, revision: string): Answer<unknown> | undefined {
    const found = this.#entries.get(key);
    if (found?.revision !== revision) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, found);
    return found;
  }

  keep(key: string, answer: Answer<unknown>): void {
    const { maxEntries, maxBytes } = this.most;
    const size = sizeOf(key, answer);
    if (size > maxBytes / 4) return;
    this.#forget(key);
    this.#entries.set(key, answer);
    this.#bytes += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= maxEntries && this.#bytes <= maxBytes) break;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    const known = this.#entries.get(key);
    if (known !== undefined) this.#bytes -= sizeOf(key, known);
    this.#entries.delete(key);
  }
}

/** A read that several callers may wait for. */
interface Flight {
  readonly answer: Promise<Answer<unknown>>;
  readonly controller: AbortController;
  waiters: number;
}

/** Why a read is given up; made once, as it holds a stack trace. */
const GONE = new Error('nobody waits any longer');

/** Reads under way. A read lands, or is given up when the last caller has left it. */
class Flights {
  readonly #flights = new Map<string, Flight>();

  constructor(private readonly clock: Clock) {}

  /** What `read` resolves to. Callers with the same key share one read, each with its deadline. */
  async share(
    key: string,
    context: QueryContext,
    read: (signal: AbortSignal) => Promise<Answer<unknown>>,
  ): Promise<Answer<unknown>> {
    const flight = this.#flights.get(key) ?? this.#begin(key, read);
    flight.waiters++;
    try {
      return await whileWaiting(flight.answer, context, this.clock);
    } finally {
      flight.waiters--;
      if (flight.waiters === 0) {
        this.#end(key, flight);
        // Where the read has landed already, this changes nothing.
        flight.controller.abort(GONE);
      }
    }
  }

  #begin(key: string, read: (signal: AbortSignal) => Promise<Answer<unknown>>): Flight {
    const controller = new AbortController();
    const flight = { answer: read(controller.signal), controller, waiters: 0 };
    this.#flights.set(key, flight);
    const landed = () => this.#end(key, flight);
    flight.answer.then(landed, landed);
    return flight;
  }

  /** Another read of the same key may have begun meanwhile. */
  #end(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
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
