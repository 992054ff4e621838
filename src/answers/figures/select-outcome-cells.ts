// Messages by operator, outcome and reason, piece by piece: from them follow breakdowns and the
// totals of all operators. A piece is one cell of the coarsest grain that fits.
import { MICROS_PER_MINUTE } from '../../domain/time/instant.js';
import { sql } from '../../postgres/sql.js';
import { instants } from '../../rollups/array-text.js';
import { type CellParameters, type CellRange, cellParameters, RUNS } from '../../rollups/cells.js';
import { PLATFORM_GRAINS, runOf, runsOf } from '../../rollups/runs.js';
import type { ReadKind } from '../memory/load-slots.js';
import { bytesOfCells, cellsOf, type OutcomeCells, sumOfCells } from '../memory/outcome-cells.js';

// The cells of a piece come as one row of four lists: thousands of rows of a few letters take
// longer, on both sides.
const CELLS = sql<CellParameters & { readonly edges: string }>`
  SELECT width_bucket(run.starts_at, :edges::timestamptz[]), piece.*
    FROM ${RUNS}
   CROSS JOIN LATERAL (
     SELECT string_agg(concat_ws(' ', cell.operator_id, cell.outcome, cell.reason), ',') AS names,
            array_agg(cell.messages),
            array_agg(cell.segments),
            array_agg(cell.contradicted)
       FROM outcome_platform AS cell
      WHERE cell.generation = :generation
        AND cell.grain_minutes = run.grain_minutes
        AND cell.bucket >= run.starts_at
        AND cell.bucket < run.ends_at) AS piece
   WHERE piece.names IS NOT NULL`;

/** `range` cut into pieces; none crosses the settled boundary. */
export function piecesOf(range: CellRange): CellRange {
  const [start, end] = [range.edges[0] as number, range.edges.at(-1) as number];
  const whole = { ...range, edges: [start, end] };
  const edges = runsOf(whole, { grains: PLATFORM_GRAINS, settles: true }).flatMap((run) => {
    const size = run.grainMinutes * MICROS_PER_MINUTE;
    return Array.from({ length: (run.to - run.from) / size }, (_, i) => run.from + i * size);
  });
  return { ...range, edges: [...edges, end] };
}

/** By '' alone, then by piece (from 0). */
export const outcomeCellsKind: ReadKind<OutcomeCells> = {
  name: 'outcome cells',
  bytesOf: bytesOfCells,
  none: (names) => cellsOf(names, []),
  sum: sumOfCells,
  async read(snapshot, range, _series, slots, names) {
    const runs = (slots ?? [...range.edges.slice(1).keys()]).map((slot) => runOf(range, slot));
    const edges = instants(range.edges);
    const { text, values } = CELLS({ ...cellParameters(range, runs), edges });
    const rows = await snapshot.rows('outcome_cells', text, values);
    const pieces = rows.map(
      ([piece, ...lists]) => [Number(piece) - 1, cellsOf(names, lists)] as const,
    );
    return new Map([['', new Map(pieces)]]);
  },
};
