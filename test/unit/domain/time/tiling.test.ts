// Which cells make up a bucket, and that no instant is counted twice or not at all.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MICROS_PER_MINUTE, parseInstant } from '../../../../src/domain/time/instant.js';
import { tile } from '../../../../src/domain/time/tiling.js';

const at = (text: string) => parseInstant(text) as number;
const GRAINS = [1440, 60, 15];

describe('tiling', () => {
  it('takes one run of days for days of UTC', () => {
    const edges = ['2026-03-01', '2026-03-02', '2026-03-03'].map((day) => at(`${day}T00:00:00Z`));
    expect(tile(edges, GRAINS)).toEqual([{ grainMinutes: 1440, from: edges[0], to: edges[2] }]);
  });

  it('takes quarter hours, hours and days for three days of Kathmandu', () => {
    const edges = [at('2026-03-01T18:15:00Z'), at('2026-03-04T18:15:00Z')];
    expect(tile(edges, GRAINS)).toEqual([
      { grainMinutes: 15, from: edges[0], to: at('2026-03-01T19:00:00Z') },
      { grainMinutes: 60, from: at('2026-03-01T19:00:00Z'), to: at('2026-03-02T00:00:00Z') },
      { grainMinutes: 1440, from: at('2026-03-02T00:00:00Z'), to: at('2026-03-04T00:00:00Z') },
      { grainMinutes: 60, from: at('2026-03-04T00:00:00Z'), to: at('2026-03-04T18:00:00Z') },
      { grainMinutes: 15, from: at('2026-03-04T18:00:00Z'), to: edges[1] },
    ]);
  });

  it('covers every instant once and crosses no edge', () => {
    const quarter = 15 * MICROS_PER_MINUTE;
    const someEdges = fc.uniqueArray(fc.integer({ min: 0, max: 5000 }), { minLength: 2 });
    fc.assert(
      fc.property(someEdges, (numbers) => {
        const edges = numbers.sort((a, b) => a - b).map((number) => number * quarter);
        let covered = edges[0] as number;
        for (const run of tile(edges, GRAINS)) {
          const size = run.grainMinutes * MICROS_PER_MINUTE;
          expect(run.from).toBe(covered);
          expect([run.from % size, run.to % size]).toEqual([0, 0]);
          for (const edge of edges) {
            if (run.from < edge && edge < run.to) expect(edge % size).toBe(0);
          }
          covered = run.to;
        }
        expect(covered).toBe(edges.at(-1));
      }),
    );
  });
});
