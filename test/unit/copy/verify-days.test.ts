import { describe, expect, test } from 'vitest';
import { spansOf } from '../../../src/copy/postgres/extract-fingerprints.js';
import { rotatingSlice } from '../../../src/copy/verify-days.js';
import {
  COPIED_ROLLUPS,
  type CopiedRollup,
  differences,
  sameDay,
  weightOf,
} from '../../../src/rollups/copied-rollup.js';

const days = ['2026-11-01', '2026-11-02', '2026-11-03', '2026-11-04'];
const throughput = COPIED_ROLLUPS.at(-1) as CopiedRollup;

describe('rotatingSlice', () => {
  test('goes round: after the last day comes the first', () => {
    expect(rotatingSlice(days, undefined, 1)).toEqual(['2026-11-01']);
    expect(rotatingSlice(days, '2026-11-02', 1)).toEqual(['2026-11-03']);
    expect(rotatingSlice(days, '2026-11-03', 2)).toEqual(['2026-11-04', '2026-11-01']);
    expect(rotatingSlice(days, '2026-11-04', 1)).toEqual(['2026-11-01']);
  });

  test('takes no day twice, and copes with a last day that is no longer retained', () => {
    expect(rotatingSlice(days, '2026-11-02', 9)).toHaveLength(4);
    expect(rotatingSlice(days, '2026-10-01', 1)).toEqual(['2026-11-01']);
    expect(rotatingSlice([], '2026-10-01', 3)).toEqual([]);
  });
});

describe('spansOf', () => {
  test('joins days without gaps, across the end of a month', () => {
    const some = ['2026-02-27', '2026-02-28', '2026-03-01', '2026-03-03'];
    expect(spansOf(some)).toEqual([
      ['2026-02-27', '2026-03-01'],
      ['2026-03-03', '2026-03-03'],
    ]);
    expect(spansOf([])).toEqual([]);
  });
});

describe('fingerprints', () => {
  const one = { day: '2026-11-01', rows: '2', sums: ['10', '7', '2'], checksum: '123' };

  test('are equal only where rows, sums and checksums are; no rows equal an absent day', () => {
    expect(sameDay(one, { ...one })).toBe(true);
    expect(sameDay(one, { ...one, checksum: '124' })).toBe(false);
    expect(sameDay(one, undefined)).toBe(false);
    expect(sameDay(undefined, { ...one, rows: '0' })).toBe(true);
  });

  test('say what differs, Postgres first', () => {
    const other = { ...one, rows: '1', sums: ['9', '7', '1'] };
    expect(differences(throughput, one, other)).toBe('rows 2 ≠ 1, accepted 10 ≠ 9, version 2 ≠ 1');
    expect(differences(throughput, one, { ...one, checksum: '0' })).toBe('checksum');
    expect(differences(throughput, one, undefined)).toContain('rows 2 ≠ 0');
  });

  test('weigh every count and the version', () => {
    expect(weightOf(throughput)).toEqual({
      counts: 'accepted * 1 + completed * 31 + version * 961',
      money: [],
    });
  });
});
