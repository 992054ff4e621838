// The guard's verdict on every combination of evidence that has a name.

import { describe, expect, it } from 'vitest';
import { contradiction, type Evidence } from '../../../src/ingest/guard.js';

const CREATED = 1_790_000_000_000_000;
const known = (highestSequence: number) => ({
  streamId: 1,
  name: 'SMS_EVENTS',
  createdAt: CREATED,
  highestSequence,
});
const stream = (firstSequence: number, lastSequence: number, createdAt = CREATED) => ({
  createdAt,
  firstSequence,
  lastSequence,
});
const look = (ackFloor: number) => ({
  dataAsOf: CREATED,
  pendingCount: 0,
  unacknowledgedCount: 0,
  ackFloor,
});
const calm: Evidence = {
  before: known(90),
  stream: stream(1, 100),
  look: look(80),
  after: known(90),
};

const cases: readonly [title: string, evidence: Partial<Evidence>, says: string | undefined][] = [
  ['all is well', {}, undefined],
  [
    'a stream of which nothing was counted',
    { before: undefined, after: undefined, look: look(0) },
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
    { stream: stream(1, 900, CREATED + 1), look: look(0) },
    'recreated: .* Run: ops adopt-stream$',
  ],
  [
    'a stream that ends before what is counted',
    { stream: stream(1, 89) },
    'rolled back: .* Run: ops adopt-stream$',
  ],
  ['a stream that ends with what is counted', { stream: stream(1, 90) }, undefined],
  [
    'acks of what is not in Postgres',
    { look: look(91) },
    'after sequence 90 .* Run: ops seek --to-data-as-of$',
  ],
  ['acks of all that is in Postgres', { look: look(90) }, undefined],
  [
    'a batch committed and acked between the readings',
    { look: look(95), after: known(95) },
    undefined,
  ],
  [
    'old events that were removed before they were counted',
    { stream: stream(96, 100), look: look(95) },
    undefined,
  ],
  [
    'removed events and, after them, acks of what is not in Postgres',
    { stream: stream(96, 100), look: look(96) },
    'Run: ops seek --to-data-as-of$',
  ],
  [
    'an emptied stream that keeps its sequences',
    { stream: stream(101, 100), look: look(100) },
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
