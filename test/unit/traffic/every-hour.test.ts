// The tests' own traffic, drawn for every hour of a week and for the edges of months: a test that
// passes in the morning passes in the evening. The clock is given.

import { describe, expect, it } from 'vitest';
import type { Publication } from '../../../deploy/local/traffic/schedule.js';
import type { Stored } from '../../oracle/judge.js';
import { ledgerOf } from '../../oracle/ledger.js';
import { lotsAt, shuffledDays } from '../../support/traffic-of-the-hour.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MONDAY_MS = Date.UTC(2026, 10, 23);
const HOURS = Array.from({ length: 7 * 24 }, (_, hour) => MONDAY_MS + hour * HOUR_MS);
/** Around midnight, in the busiest hour, and where months and years meet. */
const EDGES = [
  '2026-11-29T18:35:00Z',
  '2026-11-30T00:05:00Z',
  '2026-11-30T23:55:00Z',
  '2026-12-31T23:55:00Z',
  '2027-01-01T00:05:00Z',
  '2027-02-28T06:50:00Z',
  '2028-02-29T23:55:00Z',
].map((instant) => Date.parse(instant));

/** Lots, size and seed of the tests in test/fault whose lots are small, which vary most. */
const SMALL_LOTS = [
  [2, 20, 31],
  [2, 20, 37],
] as const;
const LARGE_LOTS = [
  [2, 150, 29],
  [2, 300, 31],
  [7, 200, 11],
] as const;

const notFull = (
  instants: readonly number[],
  [count, size, seed]: readonly [number, number, number],
) =>
  instants
    .filter((at) => lotsAt(at, count, size, seed).some((lot) => lot.length !== size))
    .map((at) => new Date(at).toISOString());

const storedAs = (all: readonly Publication[], storedAtMs: number): Stored[] =>
  all.map(({ subject, payload, headers }) => ({
    ...{ subject, payload, contentType: headers['content-type'] ?? '' },
    storedAt: storedAtMs * 1000,
  }));

describe('in every hour of a week, and at the edges of months', () => {
  it.each(SMALL_LOTS)('%i lots of %i events with seed %i are full', (...lots) => {
    const hours = HOURS.map((at) => at + 35 * MINUTE_MS);
    expect(notFull([...hours, ...EDGES], lots)).toEqual([]);
  });

  it.each(LARGE_LOTS)('%i lots of %i events with seed %i are full', (...lots) => {
    expect(notFull(EDGES, lots)).toEqual([]);
  });

  it.each(EDGES)(
    'the days that every answer is held against have something of everything (%i)',
    (at) => {
      const published = shuffledDays(at, 20261122);
      const ledger = ledgerOf(storedAs(published, at));
      expect(new Set(ledger.messages.map(({ outcome }) => outcome)).size).toBeGreaterThanOrEqual(6);
      expect(published.length).toBeGreaterThan(5_000);
      expect(ledger.messages.some(({ contradicted }) => contradicted)).toBe(true);
      expect(ledger.refunds.length).toBeGreaterThan(0);
      expect(ledger.refused.size).toBeGreaterThan(2);
    },
  );
});
