// The demo traffic remembers what it published: a start continues, repeats nothing and leaves
// nothing out.

import { describe, expect, it } from 'vitest';
import { resume, type TrafficState } from '../../../deploy/local/traffic/progress-state.js';
import { publications } from '../../../deploy/local/traffic/schedule.js';

const SECOND = 1_000_000;
const HOUR = 3600 * SECOND;
const NOW = Date.UTC(2026, 10, 22, 9, 30) * 1000 + 123_456;
const WANTED = { seed: 3, eventsPerSecond: 4, backfillDays: 1 };

const ids = (state: TrafficState, to: number): string[] =>
  [...publications(state, state.publishedThrough, to)]
    .filter(({ copy, invalid }) => !copy && !invalid)
    .map(({ headers }) => headers['Nats-Msg-Id'] ?? '');

describe('the memory of the demo traffic', () => {
  it('makes up the last days on the first start, and is live from the next second on', () => {
    const state = resume(undefined, WANTED, NOW);
    expect(state.publishedThrough).toBe(NOW - 123_456 - 24 * HOUR);
    expect(state.paces.map(({ rhythm }) => rhythm)).toEqual([true, false]);
    expect(state.paces[1]?.from).toBe(NOW - 123_456 + SECOND);
  });

  it('repeats no id after a restart in the middle of a second', () => {
    const first = resume(undefined, WANTED, NOW);
    const stopped = NOW + 90 * SECOND + 7;
    const before = ids(first, stopped);
    const second = resume({ ...first, publishedThrough: stopped }, WANTED, stopped + 5 * SECOND);
    const after = ids(second, stopped + 60 * SECOND);
    const seen = new Set(before);
    expect(after.length).toBeGreaterThan(100);
    expect(after.filter((id) => seen.has(id))).toEqual([]);
  });

  it('fills a long pause in at the pace of the history', () => {
    const first = resume(undefined, WANTED, NOW);
    const later = NOW + 10 * HOUR;
    const second = resume({ ...first, publishedThrough: NOW + SECOND }, WANTED, later);
    expect(second.paces.map(({ rhythm }) => rhythm)).toEqual([true, false, true, false]);
    expect(second.paces.at(-1)?.from).toBeGreaterThan(later);
  });

  it('forgets a pace that nothing due can depend on any more', () => {
    const first = resume(undefined, WANTED, NOW);
    const much = NOW + 400 * HOUR;
    const second = resume({ ...first, publishedThrough: much }, WANTED, much + SECOND);
    expect(second.paces.map(({ rhythm }) => rhythm)).toEqual([false, false]);
  });

  it('begins anew, now, with another seed', () => {
    const first = resume(undefined, WANTED, NOW);
    const second = resume(first, { ...WANTED, seed: 4 }, NOW);
    expect(second.publishedThrough).toBeGreaterThan(NOW);
    expect(second.paces).toHaveLength(1);
  });
});
