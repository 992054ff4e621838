// The demo traffic in publishing order. Every second of acceptance is drawn from its own key (seed,
// second), so any window can be produced again, alike, without what came before it: that is how a
// restart continues where the last run stopped and never gives out an id twice.

import { type EpochMicros, encode, headersOf, type SmsEvent, subjectOf } from './event.js';
import { LATE_SPAN_MICROS, LIFE_SPAN_MICROS, type Life, liveMessage } from './message.js';
import { MinHeap } from './min-heap.js';
import { type Random, random } from './random.js';
import { type Spoiling, spoil } from './spoilt.js';

/** What to publish, and when. */
export interface Publication {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly at: EpochMicros;
  /** A repetition of an earlier publication. */
  readonly copy: boolean;
  /** Breaks the contract; ingestion must refuse it. */
  readonly invalid: boolean;
}

/** From an instant on (a whole second), this many events are published per second on average. */
export interface Pace {
  readonly from: EpochMicros;
  readonly eventsPerSecond: number;
  /** Busy by day and quiet by night, instead of even. */
  readonly rhythm: boolean;
}

/** Everything that decides the traffic. Two equal plans give equal publications. */
export interface Plan {
  readonly seed: number;
  /** In order of `from`; nothing is accepted before the first. */
  readonly paces: readonly Pace[];
}

/** Publications per message, on average: measured, see the unit test. */
export const EVENTS_PER_MESSAGE = 2.35;

const SECOND = 1_000_000;
/** Messages whose final report comes after hours or days, for each ordinary one. */
const LATE_SHARE = 0.004;
const COPY_SHARE = 0.015;
const COPY_DELAY_MAX_MICROS = 600 * SECOND;
const SPOILT_SHARE = 0.0015;

interface Due {
  readonly at: EpochMicros;
  readonly event: SmsEvent;
  readonly life: Life;
  readonly copy: boolean;
  readonly spoiling: { readonly draw: Random; readonly how?: Spoiling } | undefined;
}

/** All publications due in [from, to), in order of `at`. */
export function* publications(
  plan: Plan,
  from: EpochMicros,
  to: EpochMicros,
): Generator<Publication> {
  const schedule = new Schedule(plan, from);
  // In steps, so that what waits is never more than what a few hours bring.
  for (let step = Math.min(from, to); step < to; ) {
    step = Math.min(step + SECOND, to);
    yield* schedule.until(step);
  }
}

/**
 * The same, step by step: for whoever follows a clock. Memory: what a few hours of the pace bring.
 */
export class Schedule {
  readonly #plan: Plan;
  readonly #from: EpochMicros;
  readonly #waiting = new MinHeap<Due>((one, other) => one.at < other.at);
  #nextSecond: EpochMicros;

  /** Begins with what is due at `from`. */
  constructor(plan: Plan, from: EpochMicros) {
    this.#plan = plan;
    this.#from = from;
    const earliest = floorSecond(from - LATE_SPAN_MICROS);
    this.#nextSecond = Math.max(plan.paces[0]?.from ?? earliest, earliest);
  }

  /** What is due before `to` and was not given yet, in order of `at`. */
  *until(to: EpochMicros): Generator<Publication> {
    const waiting = this.#waiting;
    for (; this.#nextSecond < to; this.#nextSecond += SECOND) {
      for (const due of secondOf(this.#plan, this.#nextSecond, this.#from)) {
        if (due.at >= this.#from) waiting.push(due);
      }
    }
    for (let next = waiting.peek(); next !== undefined && next.at < to; next = waiting.peek()) {
      waiting.pop();
      yield publication(next);
    }
  }
}

/** Everything about the messages accepted in this second that can be due at `from` or after. */
function* secondOf(plan: Plan, second: EpochMicros, from: EpochMicros): Generator<Due> {
  const expected = messagesExpected(plan, second);
  if (expected === 0) return;
  const epochSecond = second / SECOND;
  const draw = random(plan.seed, epochSecond);
  const ordinary = count(expected * (0.6 + 0.8 * draw.unit()), draw);
  const late = count(expected * LATE_SHARE, draw);
  if (second + SECOND + LIFE_SPAN_MICROS >= from) {
    for (let index = 0; index < ordinary; index += 1) {
      yield* messageOf(random(plan.seed, epochSecond, index), second, false);
    }
  }
  for (let index = 0; index < late; index += 1) {
    yield* messageOf(random(plan.seed, epochSecond, 1e9 + index), second, true);
  }
}

/** A whole number with this expectation. */
function count(expected: number, draw: Random): number {
  return Math.floor(expected + draw.unit());
}

function* messageOf(draw: Random, second: EpochMicros, late: boolean): Generator<Due> {
  const life = liveMessage(second + draw.between(0, SECOND - 1), draw, late);
  for (const { event, at } of life.told) {
    yield { at, event, life, copy: false, spoiling: undefined };
    if (draw.chance(COPY_SHARE)) {
      const after = Math.min(Math.round(draw.logNormal(4 * SECOND, 1.5)), COPY_DELAY_MAX_MICROS);
      yield { at: at + after + 1, event, life, copy: true, spoiling: undefined };
    }
    if (draw.chance(SPOILT_SHARE)) {
      const spoiling = { draw: random(draw.bits(), draw.bits()) };
      yield { at: at + 1, event, life, copy: false, spoiling };
    }
  }
}

function publication(due: Due): Publication {
  const { event, life, at, copy } = due;
  if (due.spoiling !== undefined) {
    const spoilt = spoil(event, due.spoiling.draw, due.spoiling.how);
    const headers = { 'content-type': spoilt.contentType };
    return { ...spoilt, headers, at, copy, invalid: true };
  }
  const headers = headersOf(event, life.dialect);
  // A quick copy with an id would never get past the broker, and the ledger's own dedupe would stay
  // idle.
  if (copy) delete headers['Nats-Msg-Id'];
  const payload = encode(event, life.dialect);
  return { subject: subjectOf(event), payload, headers, at, copy, invalid: false };
}

/** Messages accepted in this second, by the pace that holds then. */
function messagesExpected(plan: Plan, second: EpochMicros): number {
  const pace = plan.paces.findLast((candidate) => candidate.from <= second);
  if (pace === undefined) return 0;
  const factor = pace.rhythm ? rhythm(second) : 1;
  return (pace.eventsPerSecond / EVENTS_PER_MESSAGE) * factor;
}

/**
 * A day of a gateway that sells mostly in Europe: 1 on average, 0.2 by night, 1.8 in the afternoon.
 */
function rhythm(at: EpochMicros): number {
  const dayMicros = 86_400 * SECOND;
  const phase = (at % dayMicros) / dayMicros;
  return 1 - 0.7 * Math.cos(2 * Math.PI * (phase - 0.08)) - 0.1 * Math.cos(4 * Math.PI * phase);
}

/** The second that this instant is in. */
export function floorSecond(at: EpochMicros): EpochMicros {
  return at - (at % SECOND);
}
