// The life of one message, as the events that the gateway's services will publish about it:
// charged, reported (once, often twice, sometimes late or against itself), refunded. Pure: the same
// key gives the same life.

import { MessageState } from '../../../src/generated/proto/sms/events/v1/events.js';
import { ACCOUNTS, type Account } from './accounts.js';
import type { Charged, Dialect, EpochMicros, Refunded, Reported, SmsEvent } from './event.js';
import { type Failure, OPERATORS, type Operator } from './operators.js';
import { type Random, uuidV7 } from './random.js';

/** An event and when its producer publishes it. */
export interface Told {
  readonly event: SmsEvent;
  /** Never before the event's own instants, by the producers' clocks. */
  readonly at: EpochMicros;
}

/** A message's events, in no particular order. */
export interface Life {
  readonly dialect: Dialect;
  readonly told: readonly Told[];
}

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * Everything about a message that is not late is published this long after its acceptance, at most.
 */
export const LIFE_SPAN_MICROS = 3 * HOUR;
/** The same for a message whose final report is late. */
export const LATE_SPAN_MICROS = 81 * HOUR;

const FAILURES: ReadonlySet<MessageState> = new Set([
  MessageState.EXPIRED,
  MessageState.DELETED,
  MessageState.UNDELIVERABLE,
  MessageState.REJECTED,
  MessageState.SKIPPED,
]);

interface Subject {
  readonly account: Account;
  readonly operator: Operator;
  readonly messageId: string;
  readonly acceptedAt: EpochMicros;
  readonly draw: Random;
}

/**
 * The life of the message accepted at this instant; `late` asks for a final report after 6 to 80
 * hours.
 */
export function liveMessage(acceptedAt: EpochMicros, draw: Random, late: boolean): Life {
  const account = draw.weighted(ACCOUNTS);
  const operator = draw.weighted(OPERATORS);
  const messageId = uuidV7(Math.floor(acceptedAt / 1000), draw);
  const subject = { account, operator, messageId, acceptedAt, draw };
  const charge = draw.chance(0.985) ? charged(subject) : undefined;
  const reports = reported(subject, late);
  const told = [...(charge ? [charge] : []), ...reports];
  if (charge) told.push(...disputed(subject, charge), ...refunded(subject, charge, reports));
  return { dialect: dialectOf(subject), told };
}

function dialectOf({ account, draw }: Subject): Dialect {
  return {
    binary: account.binary,
    extraNanos: draw.chance(0.02) ? draw.between(1, 999) : 0,
    offsetMinutes: !account.binary && draw.chance(0.02) ? draw.between(-20, 22) * 30 : 0,
  };
}

/** What every event of the message says alike. */
function common(subject: Subject) {
  const { account, operator, messageId, acceptedAt } = subject;
  return { messageId, accountId: account.accountId, operatorId: operator.operatorId, acceptedAt };
}

function eventId(prefix: string, { acceptedAt, draw }: Subject): string {
  return `${prefix}:${uuidV7(Math.floor(acceptedAt / 1000), draw)}`;
}

function charged(subject: Subject): Told & { event: Charged } {
  const { account, operator, acceptedAt, draw } = subject;
  const segments = draw.chance(0.7) ? 1 : draw.between(2, account.segmentsMax);
  const event: Charged = {
    kind: 'charged',
    eventId: eventId('chg', subject),
    ...common(subject),
    // Two services, two clocks: now and then the charge claims to be older than its message.
    occurredAt: acceptedAt + draw.between(-3_000, 60_000),
    segments,
    amount: decimal(segments * operator.priceTenThousandths, 4),
    currency: operator.currency,
  };
  const slow = draw.chance(0.03);
  const delay = slow ? draw.between(2 * SECOND, 5 * MINUTE) : draw.between(80_000, 600_000);
  return { event, at: acceptedAt + delay };
}

function reported(subject: Subject, late: boolean): Told[] {
  const { operator, acceptedAt, draw } = subject;
  const told: Told[] = [];
  const add = (at: EpochMicros, state: MessageState, error?: Failure['error']): void => {
    const base = {
      kind: 'reported',
      eventId: eventId('dlr', subject),
      ...common(subject),
    } as const;
    const event: Reported = { ...base, occurredAt: at, state, ...(error ? { error } : {}) };
    told.push({ event, at: at + draw.between(10_000, 300_000) });
  };
  const latency = finalLatencyMicros(subject, late);
  if (draw.chance(0.25))
    add(acceptedAt + Math.min(Math.floor(latency / 2), SECOND), MessageState.ENROUTE);
  if (draw.chance(0.04)) add(acceptedAt + draw.between(1, 900_000), MessageState.ACCEPTED);
  if (!late && !draw.chance(operator.receiptRate)) return told;
  const finalAt = acceptedAt + latency;
  if (draw.chance(0.004)) {
    add(finalAt, MessageState.UNKNOWN);
    return told;
  }
  const arrives = draw.chance(operator.deliveryRate);
  const failure = draw.weighted(operator.failures);
  const afterwards = finalAt + draw.between(SECOND, 30 * MINUTE);
  if (arrives) add(finalAt, MessageState.DELIVERED);
  else add(finalAt, failure.state, failure.error);
  // An operator that takes its word back, in either direction.
  if (!arrives && draw.chance(0.05)) add(afterwards, MessageState.DELIVERED);
  if (arrives && draw.chance(0.002)) add(afterwards, MessageState.EXPIRED);
  return told;
}

/** Whole microseconds, at least 40 ms, and at most two hours unless late. */
function finalLatencyMicros({ operator, draw }: Subject, late: boolean): number {
  if (late) return draw.between(6 * HOUR, 80 * HOUR);
  const millis = draw.logNormal(operator.latencyMedianMs, operator.latencySigma);
  const micros = Math.round(millis * 1000);
  return Math.min(Math.max(micros, 40_000), 2 * HOUR - draw.between(0, HOUR));
}

/** Rarely the billing service charges twice, under another id and another amount. */
function disputed(subject: Subject, charge: Told & { event: Charged }): Told[] {
  const { draw } = subject;
  if (!draw.chance(0.0008)) return [];
  const later = draw.between(SECOND, 10 * MINUTE);
  const event: Charged = {
    ...charge.event,
    eventId: eventId('chg', subject),
    occurredAt: charge.event.occurredAt + later,
    segments: charge.event.segments + 1,
  };
  return [{ event, at: charge.at + later }];
}

/**
 * Failures of accounts that pay on delivery are given back whole; others get a part back, rarely
 * too much.
 */
function refunded(subject: Subject, charge: { event: Charged }, reports: Told[]): Told[] {
  const { account, acceptedAt, operator, draw } = subject;
  const final = reports.map((told) => told.event).findLast((event) => event.kind === 'reported');
  const failed = final?.kind === 'reported' && FAILURES.has(final.state);
  const price = charge.event.segments * operator.priceTenThousandths;
  const share = failed && account.paysOnDelivery ? 1 : goodwill(draw);
  if (share === 0) return [];
  const occurredAt =
    Math.max(final?.occurredAt ?? acceptedAt, acceptedAt) + draw.between(0, 5 * MINUTE);
  const event: Refunded = {
    kind: 'refunded',
    eventId: eventId('rfd', subject),
    ...common(subject),
    occurredAt,
    amount: decimal(Math.round(price * share * 100), 6),
    currency: charge.event.currency,
  };
  return [{ event, at: occurredAt + draw.between(50_000, 2 * SECOND) }];
}

function goodwill(draw: Random): number {
  if (draw.chance(0.003)) return 0.25 + draw.unit() / 2;
  return draw.chance(0.0002) ? 1.5 : 0;
}

/** `decimal(790, 4)` is `0.0790`. */
function decimal(units: number, scale: number): string {
  const digits = String(units).padStart(scale + 1, '0');
  return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
