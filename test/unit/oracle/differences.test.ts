// How far an answer may be from the oracle's: the change of a median is checked, with room for the
// two estimates only.
import { describe, expect, it } from 'vitest';
import type { Latency } from '../../../src/generated/proto/sms/analytics/v1/common.js';
import { differences } from '../../oracle/differences.js';
import { changesOf, countsOf, ratesOf } from '../../oracle/figures.js';

function periodOf(medianSeconds: bigint | undefined) {
  const counts = countsOf([]);
  const p50 = { seconds: medianSeconds ?? 0n, nanos: 0 };
  const latency: Latency = { delivered: 1n, p50, p90: p50, p95: p50, p99: p50 };
  const money: [] = [];
  const known = medianSeconds !== undefined;
  return { counts, rates: ratesOf(counts), latency: known ? latency : undefined, money };
}

const changed = (from: bigint | undefined, to: bigint | undefined) =>
  changesOf(periodOf(to), periodOf(from)).latencyP50Percent;

describe('the change of a median', () => {
  it('is a share of the earlier one, absent where either is or the earlier is 0', () => {
    expect(changed(4n, 6n)).toBe(50);
    expect(changed(6n, 3n)).toBe(-50);
    expect([changed(undefined, 6n), changed(4n, undefined), changed(0n, 6n)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('may be off by what 5 % of each median make of it', () => {
    // From 4 s to 6 s, each told 5 % off: at most 6.3 / 3.8, which is 66 % more, at least 5.7 /
    // 4.2, 36 % more.
    const off = (latencyP50Percent: number | undefined) =>
      differences({ latencyP50Percent }, { latencyP50Percent: 50 });
    for (const near of [36, 50, 65]) expect(off(near)).toEqual([]);
    for (const far of [35, 67, -50, undefined]) expect(off(far)).toHaveLength(1);
    expect(differences({ latencyP50Percent: 0 }, { latencyP50Percent: undefined })).toHaveLength(1);
  });
});
