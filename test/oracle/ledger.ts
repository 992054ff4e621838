// The oracle's ledger: what each message is worth, from the set of all its events at once
// (contract, section 2). No joining step by step as the service does it: all reports are sorted,
// all charges are sorted, one is taken.

import {
  type Admitted,
  type Charge,
  judge,
  NETWORKS,
  type Refund,
  type Report,
  STATES,
  type Stored,
} from './judge.js';

/** A message that was accepted. */
export interface Message {
  readonly messageId: string;
  readonly acceptedAt: number;
  readonly accountId: string;
  readonly operatorId: string;
  readonly outcome: string;
  /** '' where there is none. */
  readonly reason: string;
  /** 0 without a charge. */
  readonly segments: number;
  readonly contradicted: boolean;
  /** Of delivered messages, in microseconds. */
  readonly latency: number | undefined;
  /** When the winning final report was made. */
  readonly completedAt: number | undefined;
}

/** Everything that is counted, and everything that is not. */
export interface Ledger {
  readonly messages: readonly Message[];
  readonly charges: readonly Charge[];
  readonly refunds: readonly Refund[];
  /** Refusals by reason: one for each stored event, copies included. */
  readonly refused: ReadonlyMap<string, number>;
  /** Distinct charges and refunds that lost: what `conflict` stands for. */
  readonly conflicts: readonly (Charge | Refund)[];
}

/** The ledger of everything stored, in whatever order. */
export function ledgerOf(stored: Iterable<Stored>): Ledger {
  const refused = new Map<string, number>();
  const byMessage = new Map<string, Admitted[]>();
  for (const one of stored) {
    const event = judge(one);
    if (event.kind === 'refused') {
      refused.set(event.reason, (refused.get(event.reason) ?? 0) + 1);
      continue;
    }
    const day = new Date(event.acceptedAt / 1000).toISOString().slice(0, 10);
    const key = `${day} ${event.messageId.toLowerCase()}`;
    byMessage.set(key, [...(byMessage.get(key) ?? []), event]);
  }
  const messages: Message[] = [];
  const charges: Charge[] = [];
  const refunds: Refund[] = [];
  const conflicts: (Charge | Refund)[] = [];
  for (const events of byMessage.values()) {
    const reports = events.filter((event) => event.kind === 'report').sort(worstFirst);
    const [charge, ...losers] = distinct(
      events.filter((event) => event.kind === 'charge'),
      chargeContent,
    );
    conflicts.push(...losers);
    if (charge) charges.push(charge);
    if (charge || reports.length > 0) messages.push(messageOf(events, charge, reports));
    for (const [refund, ...others] of refundsByEvent(events)) {
      if (refund) refunds.push(refund);
      conflicts.push(...others);
    }
  }
  return { messages, charges, refunds, refused, conflicts };
}

function messageOf(
  events: readonly Admitted[],
  charge: Charge | undefined,
  reports: readonly Report[],
): Message {
  const winner = reports.at(-1);
  const known = charge ?? winner;
  if (known === undefined) throw new Error('a message of which nothing is known');
  const final = winner !== undefined && classOf(winner.state) >= 3;
  const delivered = winner?.state === 'DELIVERED';
  return {
    messageId: known.messageId.toLowerCase(),
    acceptedAt: Math.min(
      ...events.filter((event) => event.kind !== 'refund').map((event) => event.acceptedAt),
    ),
    accountId: known.accountId,
    operatorId: winner?.operatorId ?? known.operatorId,
    outcome: winner ? outcomeOf(winner.state) : 'PENDING',
    reason: winner ? reasonOf(winner) : '',
    segments: charge?.segments ?? 0,
    contradicted:
      reports.some((report) => report.state === 'DELIVERED') &&
      reports.some((report) => classOf(report.state) === 3),
    latency: delivered ? winner.reportedAt - winner.acceptedAt : undefined,
    completedAt: final ? winner.reportedAt : undefined,
  };
}

/** 1 pending, 2 unknown, 3 failure, 4 delivered. */
function classOf(state: string): number {
  if (state === 'DELIVERED') return 4;
  if (state === 'UNKNOWN') return 2;
  return ['SCHEDULED', 'ENROUTE', 'ACCEPTED'].includes(state) ? 1 : 3;
}

function outcomeOf(state: string): string {
  if (classOf(state) === 1) return 'PENDING';
  return state === 'SKIPPED' ? 'UNDELIVERABLE' : state;
}

/** The winning report comes last. */
function worstFirst(one: Report, other: Report): number {
  const byClass = classOf(one.state) - classOf(other.state);
  const later = one.reportedAt - other.reportedAt;
  return (
    byClass ||
    (one.state === 'DELIVERED' ? -later : later) ||
    STATES.indexOf(one.state) - STATES.indexOf(other.state) ||
    NETWORKS.indexOf(one.network) - NETWORKS.indexOf(other.network) ||
    one.code - other.code ||
    bytes(one.accountId, other.accountId) ||
    bytes(one.operatorId, other.operatorId) ||
    bytes(one.eventId, other.eventId) ||
    // Two copies that disagree on acceptedAt alone: the longer latency.
    other.acceptedAt - one.acceptedAt
  );
}

function bytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

type Content = readonly (string | number | bigint)[];

const chargeContent = (charge: Charge): Content => [
  charge.chargedAt,
  charge.eventId,
  charge.segments,
  charge.nanos,
  charge.currency,
  charge.accountId,
  charge.operatorId,
];

const refundContent = (refund: Refund): Content => [
  refund.refundedAt,
  refund.nanos,
  refund.currency,
  refund.accountId,
  refund.operatorId,
];

/** The different contents, the least first. */
function distinct<T>(events: readonly T[], content: (event: T) => Content): T[] {
  const byContent = new Map(events.map((event) => [content(event).join(' '), event]));
  return [...byContent.values()].sort((one, other) => compare(content(one), content(other)));
}

function compare(one: Content, other: Content): number {
  for (const [index, left] of one.entries()) {
    const right = other[index];
    if (right === undefined || left === right) continue;
    if (typeof left === 'string') return bytes(left, String(right));
    return BigInt(left) < BigInt(right) ? -1 : 1;
  }
  return 0;
}

function refundsByEvent(events: readonly Admitted[]): Refund[][] {
  const refunds = events.filter((event) => event.kind === 'refund');
  const eventIds = [...new Set(refunds.map((refund) => refund.eventId))];
  return eventIds.map((eventId) =>
    distinct(
      refunds.filter((refund) => refund.eventId === eventId),
      refundContent,
    ),
  );
}

/** The reasons of the published list, by network and code. */
const REASONS: readonly [reason: string, errorClass: string, gsmMap: number[], smpp: number[]][] = [
  ['UNKNOWN_SUBSCRIBER', 'P', [1], []],
  ['UNIDENTIFIED_SUBSCRIBER', 'T', [5], []],
  ['ABSENT_SUBSCRIBER', 'T', [6, 27], []],
  ['ILLEGAL_SUBSCRIBER', 'P', [9], []],
  ['TELESERVICE_NOT_PROVISIONED', 'P', [11], []],
  ['ILLEGAL_EQUIPMENT', 'P', [12], []],
  ['CALL_BARRED', 'T', [13], []],
  ['CUG_REJECT', 'P', [15], []],
  ['FACILITY_NOT_SUPPORTED', 'T', [21], []],
  ['SUBSCRIBER_BUSY', 'T', [31], []],
  ['DELIVERY_FAILURE', 'T', [32], []],
  ['MESSAGE_WAITING_LIST_FULL', 'T', [33], []],
  ['SYSTEM_FAILURE', 'T', [34], [0x08]],
  ['DATA_MISSING', 'T', [35], []],
  ['UNEXPECTED_DATA_VALUE', 'T', [36], []],
  ['INVALID_ADDRESS', 'P', [], [0x0a, 0x0b]],
  ['QUEUE_FULL', 'T', [], [0x14]],
  ['THROTTLED', 'T', [], [0x58]],
  ['REJECTED_BY_OPERATOR', 'P', [], [0x45, 0x65, 0x66]],
  ['TEMPORARY_APP_ERROR', 'T', [], [0x64]],
  ['VALIDITY_EXPIRED', 'T', [], []],
  ['NO_CODE', 'U', [], []],
  ['UNMAPPED', 'U', [], []],
];

function reasonOf({ state, network, code }: Report): string {
  if (classOf(state) === 1 || state === 'DELIVERED') return '';
  if (network === '' || code === 0) {
    if (state === 'EXPIRED') return 'VALIDITY_EXPIRED';
    return state === 'DELETED' ? 'DELETED_BY_OPERATOR' : 'NO_CODE';
  }
  const column = network === 'GSM_MAP' ? 2 : 3;
  const row = network === 'VENDOR' ? undefined : REASONS.find((one) => one[column].includes(code));
  return row?.[0] ?? 'UNMAPPED';
}

/** `P`, `T`, `U`, or '' for reasons without a class. */
export function errorClassOf(reason: string): string {
  return REASONS.find(([name]) => name === reason)?.[1] ?? '';
}
