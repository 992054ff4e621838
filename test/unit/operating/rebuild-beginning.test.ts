// From which midnight on a rebuild may compute anew: only where the stream holds every event of
// every message.

import { describe, expect, it } from 'vitest';
import { type EpochMicros, formatInstant, parseInstant } from '../../../src/domain/time/instant.js';
import { beginningOf, type StreamPast } from '../../../src/operating/rebuild/start.js';

const at = (text: string) => parseInstant(text) as EpochMicros;
const past = (over: Partial<StreamPast> & { firstSequence?: number } = {}): StreamPast => ({
  stream: { createdAt: 0, firstSequence: over.firstSequence ?? 5_000, lastSequence: 9_000 },
  firstStoredAt: at('2026-11-08T10:00:00Z'),
  now: at('2026-11-22T10:00:00Z'),
  onlyStream: true,
  adoptedAt: at('2026-01-01T00:00:00Z'),
  ledgerFloor: undefined,
  ...over,
});
const from = (one: StreamPast) => formatInstant(beginningOf(one).rebuiltFrom);

describe('the beginning of a rebuild', () => {
  it('is the first UTC midnight after the first event, with a margin', () => {
    expect(from(past())).toBe('2026-11-09T00:00:00.000000Z');
    expect(from(past({ firstStoredAt: at('2026-11-08T21:59:59Z') }))).toBe(
      '2026-11-09T00:00:00.000000Z',
    );
    expect(from(past({ firstStoredAt: at('2026-11-08T22:00:00.000001Z') }))).toBe(
      '2026-11-10T00:00:00.000000Z',
    );
  });

  it('lies after the adoption of a stream: an earlier one held what this one does not', () => {
    const adopted = { onlyStream: false, adoptedAt: at('2026-11-15T08:00:00Z') };
    expect(from(past(adopted))).toBe('2026-11-16T00:00:00.000000Z');
  });

  it('lies before all events where the stream holds everything that was ever counted', () => {
    const whole = { firstSequence: 1, firstStoredAt: at('2026-11-20T10:00:00Z') };
    expect(from(past(whole))).toBe('2026-10-15T00:00:00.000000Z');
    for (const missing of [
      { ...whole, firstSequence: 2 },
      { ...whole, onlyStream: false },
      { ...whole, ledgerFloor: '2026-10-01' },
    ]) {
      expect(from(past(missing))).toBe('2026-11-21T00:00:00.000000Z');
    }
    // About to lose its first events to their age.
    expect(from(past({ firstSequence: 1, firstStoredAt: at('2026-11-08T12:00:00Z') }))).toBe(
      '2026-11-09T00:00:00.000000Z',
    );
  });
});
