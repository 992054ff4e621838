/** Delivered messages by latency bin, slot by slot: over all operators, and by operator. */
import type { BinCounts } from '../../domain/percentile.js';
import {
  type CellRange,
  cellValues,
  edgesValue,
  fromCells,
  groupRows,
  readNumbers,
  slotBy,
} from './cells.js';
import type { Row, Snapshot } from './pool.js';

// Bins are packed into one row for each slot: a row costs more to send than a bin.
const OF_PLATFORM = `
  SELECT slot, '', array_agg(bin), array_agg(messages)
    FROM (SELECT ${slotBy('$5')} AS slot, cell.bin, sum(cell.messages)::bigint AS messages
            ${fromCells('latency_platform')}
           GROUP BY 1, 2) AS bins
   GROUP BY slot`;

const OF_OPERATORS = `
  SELECT slot, operator_id, array_agg(bin), array_agg(messages)
    FROM (SELECT ${slotBy('$5')} AS slot, cell.operator_id, cell.bin, sum(cell.messages)::bigint AS messages
            ${fromCells('latency_platform', '($6::text[] IS NULL OR cell.operator_id = ANY ($6::text[]))')}
           GROUP BY 1, 2, 3) AS bins
   GROUP BY slot, operator_id`;

/** Bins by slot (from 0); slots without delivered messages are missing. */
export type SlotBins = Map<number, BinCounts>;

/** Over all operators. */
export async function selectLatency(snapshot: Snapshot, range: CellRange): Promise<SlotBins> {
  const values = valuesOf(range);
  return bySlot(await snapshot.rows('latency', OF_PLATFORM, values));
}

/** Of each operator; of all operators where `operatorIds` is undefined. */
export async function selectOperatorLatency(
  snapshot: Snapshot,
  range: CellRange,
  operatorIds: readonly string[] | undefined,
): Promise<Map<string, SlotBins>> {
  const values = [...valuesOf(range), operatorIds ?? null];
  const rows = await snapshot.rows('latency_by_operator', OF_OPERATORS, values);
  return new Map([...groupRows(rows, 1)].map(([operatorId, own]) => [operatorId, bySlot(own)]));
}

function valuesOf(range: CellRange): unknown[] {
  return [...cellValues('latency_platform', range, false), edgesValue(range)];
}

function bySlot(rows: readonly Row[]): SlotBins {
  return new Map(
    rows.map(([slot, , bins, messages]) => {
      const counts = readNumbers(messages as string);
      const pairs = readNumbers(bins as string).map((bin, i) => [bin, counts[i] ?? 0] as const);
      return [Number(slot) - 1, new Map(pairs)];
    }),
  );
}
