// The guard's verdict on every combination of evidence that has a name.

import { describe, expect, it } from 'vitest';
import { contradiction, type Evidence } from '../../../src/counting/guard/guard.js';

const CREATED = 1_790_000_000_000_000;
const known = (highestSequence: number) => ({
  streamId: 1,
  name: 'SMS_EVENTS',
  createdAt: CREATED,
  highestSequence,
  highestPublishedAt: CREATED + highestSequence,
});
const stream = (firstSequence: number, lastSequence: number, createdAt = CREATED) => ({
  createdAt,
  firstSequence,
  lastSequence,
});
const durable = (ackFloor: number, deliveredSequence = ackFloor, unacknowledgedCount = 0) => ({
  dataAsOf: CREATED,
  pendingCount: 0,
  unacknowledgedCount,
  ackFloor,
  deliveredSequence,
});
const calm: Evidence = {
  before: known(90),
  stream: stream(1, 100),
  durable: durable(80),
  after: known(90),
};

const cases: readonly [title: string, evidence: Partial<Evidence>, says: string | undefined][] = [
  ['all is well', {}, undefined],
  [
    'a stream of which nothing was counted',
    { before: undefined, after: undefined, durable: durable(0) },
    undefined,
  ],
  [
    'acks, and a Postgres that knows of no stream',
    { before: undefined, after: undefined },
    'after sequence 0 .* Run: ops seek --to-data-as-of$',
  ],
  [
    'a recreated stream',
    { stream: stream(1, 100, CREATED + 1) },
    'recreated: .* Run: ops adopt-stream$',
  ],
  [
    'a recreated stream that has grown past the old one',
    { stream: stream(1, 900, CREATED + 1), durable: durable(0) },
    'recreated: .* Run: ops adopt-stream$',
  ],
  [
    'a stream that ends before what is counted',
    { stream: stream(1, 89) },
    'rolled back: .* Run: ops adopt-stream$',
  ],
  [
    'a rolled-back stream that has grown past what is counted',
    { foundAt: CREATED + 5_000 },
    'rolled back: .* Run: ops adopt-stream$',
  ],
  ['a stream in which the highest counted event stands', { foundAt: CREATED + 90 }, undefined],
  [
    'another event where nobody knows when the counted one was published',
    { foundAt: CREATED + 5_000, before: { ...known(90), highestPublishedAt: undefined } },
    undefined,
  ],
  ['a stream that ends with what is counted', { stream: stream(1, 90) }, undefined],
  [
    'acks of what is not in Postgres',
    { durable: durable(91) },
    'after sequence 90 .* Run: ops seek --to-data-as-of$',
  ],
  ['acks of all that is in Postgres', { durable: durable(90) }, undefined],
  [
    'a batch in the hands of a process that sleeps, and acks of what is in Postgres after it',
    { durable: durable(10, 90, 20) },
    undefined,
  ],
  ['a batch that is not committed yet', { durable: durable(90, 110, 20) }, undefined],
  [
    'a batch in the hands of a process that sleeps, and acks of what is not in Postgres after it',
    { durable: durable(10, 150, 20) },
    'after sequence 90 .* Run: ops seek --to-data-as-of$',
  ],
  [
    'a Postgres that knows less than this process has seen in it, after as many batches in hand as it has lost',
    { durable: durable(10, 150, 60), last: known(150) },
    'after sequence 90 .* Run: ops seek --to-data-as-of$',
  ],
  [
    'a Postgres that knows less, and a durable that was moved back',
    { durable: durable(40), last: known(150) },
    undefined,
  ],
  [
    'less of another stream than of the one before',
    { durable: durable(10, 150, 60), last: { ...known(150), streamId: 0 } },
    undefined,
  ],
  [
    'the same of a generation that is being built',
    { durable: durable(91), building: 2 },
    'Run: ops seek --to-data-as-of --generation 2$',
  ],
  [
    'a batch committed and acked between the readings',
    { durable: durable(95), after: known(95) },
    undefined,
  ],
  [
    'old events that were removed before they were counted',
    { stream: stream(96, 100), durable: durable(95) },
    undefined,
  ],
  [
    'removed events and, after them, acks of what is not in Postgres',
    { stream: stream(96, 100), durable: durable(96) },
    'Run: ops seek --to-data-as-of$',
  ],
  [
    'an emptied stream that keeps its sequences',
    { stream: stream(101, 100), durable: durable(100) },
    undefined,
  ],
];

describe('the guard', () => {
  it.each(cases)('judges %s', (_, evidence, says) => {
    const verdict = contradiction({ ...calm, ...evidence });
    if (says === undefined) expect(verdict).toBeUndefined();
    else expect(verdict).toMatch(new RegExp(says));
  });
});
