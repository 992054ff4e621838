// What ingest says of its batches: each at once while they are rare, their sums once a second while
// they are many.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Committed } from '../../../src/counting/commit.js';
import type { Decided } from '../../../src/counting/count.js';
import { BatchLines } from '../../../src/counting/telemetry/batch-lines.js';
import type { Envelope } from '../../../src/nats/envelope.js';
import { systemClock } from '../../../src/platform/clock.js';
import { createLog } from '../../../src/platform/log.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function envelopes(count: number, redelivered = false): Envelope[] {
  const traceparent = `00-${TRACE}-b7ad6b7169203331-01`;
  return Array.from({ length: count }, () => ({ redelivered, traceparent }) as Envelope);
}

/**
 * `refused` of its events on arrival, one more by the database, and two conflicts; one message was
 * known.
 */
function committed(refused: number): Committed {
  const decided = { deadLetters: Array.from({ length: refused }) } as unknown as Decided;
  const counts = { unstorableCount: 1, conflictCount: 2, duplicateCount: 1 };
  return { decided, ...counts };
}

function start() {
  const said: Record<string, unknown>[] = [];
  const write = (line: string) => {
    const { level: _, time, service, msg, ...fields } = JSON.parse(line);
    expect([service, msg]).toEqual(['ingest', 'batch committed']);
    said.push(fields);
  };
  const log = createLog({ service: 'ingest', level: 'info' }, { write });
  const lines = new BatchLines({ log, monotonicMs: systemClock.monotonicMs });
  return { lines, said };
}

it('says a batch at once, with what was refused and what waits', () => {
  const { lines, said } = start();
  lines.noteDurable({ pendingCount: 70 } as never);
  lines.note(envelopes(5, true), committed(3), 12.3456789);
  // Refused: 3 on arrival, 1 by the database, 2 conflicts.
  const counts = { count: 1, batchSize: 5, deadLetters: 6, duplicates: 1, redelivered: 5 };
  expect(said).toEqual([{ ...counts, durationMs: 12.346, lag: 70 }]);
});

it('names the trace of an event that is alone', () => {
  const { lines, said } = start();
  lines.note(envelopes(1), committed(0), 1);
  expect(said).toMatchObject([{ batchSize: 1, traceId: TRACE }]);
});

it('says many batches as their sums, once a second', () => {
  const { lines, said } = start();
  // A batch every 100 ms, 0 to 2,000 ms: the first at once, then ten a second.
  for (let at = 0; at <= 20; at++) {
    lines.note(envelopes(at % 2 === 0 ? 10 : 20, at === 1), committed(0), 90);
    vi.advanceTimersByTime(100);
  }
  // At 100, 200, … 900 ms five batches of 20 and four of 10, and what the timer of 1,000 ms finds;
  // so nine.
  expect(said).toMatchObject([
    { count: 1, batchSize: 10, redelivered: 0, durationMs: 90 },
    { count: 9, batchSize: 140, redelivered: 20, durationMs: 810, deadLetters: 27, duplicates: 9 },
    { count: 10, batchSize: 150, redelivered: 0, durationMs: 900 },
  ]);
  vi.advanceTimersByTime(10_000);
  // Everything is said in the end, and only once.
  expect(said.reduce((sum, { count }) => sum + Number(count), 0)).toBe(21);
  expect(said).toHaveLength(4);
});

it('says at the end what has not been said', () => {
  const { lines, said } = start();
  lines.note(envelopes(2), committed(0), 1);
  lines.note(envelopes(1), committed(0), 1);
  lines.flush();
  lines.flush();
  expect(said).toMatchObject([{ batchSize: 2 }, { batchSize: 1, traceId: TRACE }]);
  vi.advanceTimersByTime(10_000);
  expect(said).toHaveLength(2);
});
