// Events of the ingest benchmark: 500 accounts and 20 operators, both Zipf-distributed (exponent 1,
// as the demo traffic: a few large, many small), messages of the last hour, random UUIDs.
import { randomUUID } from 'node:crypto';
import type { ChargedEvent, ReportedEvent } from '../../src/domain/message/event.js';

const ACCOUNTS = 500;
const OPERATORS = 20;
const zipf = (count: number) => {
  const weights = Array.from({ length: count }, (_, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  const cumulative = weights.map((weight) => {
    sum += weight / total;
    return sum;
  });
  return () => {
    const at = Math.random();
    const rank = cumulative.findIndex((bound) => bound > at);
    return rank < 0 ? count - 1 : rank;
  };
};
const SOURCE = { sequence: 1, digest: 1n };
const anyAccount = zipf(ACCOUNTS);
const anyOperator = zipf(OPERATORS);
let at = Date.now() * 1_000 - 3_600_000_000;

/**
 * `count` batches of `size` charges; acceptance moves on as in live traffic, a quarter of a second
 * a batch, over ten seconds each.
 */
export function chargeBatches(count: number, size: number): ChargedEvent[][] {
  return Array.from({ length: count }, () => {
    at += 250_000;
    return Array.from({ length: size }, () => charge(at + Math.floor(Math.random() * 10_000_000)));
  });
}

function charge(acceptedAt: number): ChargedEvent {
  const messageId = randomUUID();
  return {
    kind: 'charged',
    eventId: `c-${messageId}`,
    messageId,
    accountId: `account-${anyAccount()}`,
    operatorId: `${22_800 + anyOperator()}`,
    acceptedAt,
    chargedAt: acceptedAt,
    segments: 1,
    amount: 79_000_000n,
    currency: 'EUR',
    source: SOURCE,
  };
}

/** The receipt of a charge: DELIVERED nine times out of ten, after 4 to 14 seconds. */
export function receiptOf(charged: ChargedEvent): ReportedEvent {
  const { messageId, accountId, operatorId, acceptedAt } = charged;
  const delivered = Math.random() < 0.9;
  return {
    kind: 'reported',
    eventId: `r-${messageId}`,
    messageId,
    accountId,
    operatorId,
    acceptedAt,
    reportedAt: acceptedAt + 4_000_000 + Math.floor(Math.random() * 10_000_000),
    state: delivered ? 2 : 5,
    network: delivered ? 0 : 1,
    code: delivered ? 0 : 6,
    source: SOURCE,
  };
}
