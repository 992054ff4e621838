// Which rollup cells make up a series. A bucket of any length and alignment is tiled by the
// coarsest cells that fit, so that a year costs days and a month in Kathmandu costs days with a few
// quarter hours at its ends. Invariant: the runs cover exactly what the edges span, each instant
// once.
import { type EpochMicros, MICROS_PER_MINUTE } from './instant.js';

/** Consecutive cells of one grain that fill [from, to). */
export interface Run {
  readonly grainMinutes: number;
  readonly from: EpochMicros;
  readonly to: EpochMicros;
}

/**
 * The fewest cells that fill every [edges[i], edges[i + 1]) without crossing an edge, as runs.
 * `grains` are UTC-aligned cell sizes in minutes, coarsest first, each a multiple of the next; the
 * edges, ascending, are multiples of the last one.
 */
export function tile(edges: readonly EpochMicros[], grains: readonly number[]): Run[] {
  const runs: Run[] = [];
  for (let i = 1; i < edges.length; i++) {
    fill(runs, edges[i - 1] as EpochMicros, edges[i] as EpochMicros, grains, 0);
  }
  return runs;
}

/** With the grains from `level` on. */
function fill(
  runs: Run[],
  from: EpochMicros,
  to: EpochMicros,
  grains: readonly number[],
  level: number,
): void {
  const grainMinutes = grains[level];
  if (from >= to || grainMinutes === undefined) return;
  const size = grainMinutes * MICROS_PER_MINUTE;
  const first = Math.ceil(from / size) * size;
  const last = Math.floor(to / size) * size;
  if (first >= last) {
    fill(runs, from, to, grains, level + 1);
    return;
  }
  fill(runs, from, first, grains, level + 1);
  append(runs, grainMinutes, first, last);
  fill(runs, last, to, grains, level + 1);
}

function append(runs: Run[], grainMinutes: number, from: EpochMicros, to: EpochMicros): void {
  const before = runs.at(-1) as { grainMinutes: number; to: EpochMicros } | undefined;
  if (before?.grainMinutes === grainMinutes && before.to === from) before.to = to;
  else runs.push({ grainMinutes, from, to });
}
