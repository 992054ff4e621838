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

// Cells of one slot are added up here rather than in Postgres: they are few, and most slots are one.
const COLUMNS = `${slotBy('$5')}, cell.operator_id, cell.bins, cell.messages`;

const OF_PLATFORM = `
  SELECT ${COLUMNS}
    ${fromCells('latency_histogram', `cell.operator_id = ''`)}`;

const EVERY_OPERATOR = `
  SELECT ${COLUMNS}
    ${fromCells('latency_histogram', `cell.operator_id <> ''`)}`;

const OF_OPERATORS = `
  SELECT ${COLUMNS}
    ${fromCells('latency_histogram', 'cell.operator_id = ANY ($6::text[])')}`;

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
  const values = valuesOf(range);
  const rows =
    operatorIds === undefined
      ? await snapshot.rows('latency_by_every_operator', EVERY_OPERATOR, values)
      : await snapshot.rows('latency_by_operator', OF_OPERATORS, [...values, operatorIds]);
  return new Map([...groupRows(rows, 1)].map(([operatorId, own]) => [operatorId, bySlot(own)]));
}

function valuesOf(range: CellRange): unknown[] {
  return [...cellValues('latency_histogram', range, false), edgesValue(range)];
}

function bySlot(rows: readonly Row[]): SlotBins {
  const slots: SlotBins = new Map();
  for (const [slot, , bins, messages] of rows) {
    const index = Number(slot) - 1;
    let own = slots.get(index);
    if (own === undefined) {
      own = new Map();
      slots.set(index, own);
    }
    if (bins === '{}') continue;
    const counts = readNumbers(messages as string);
    for (const [i, bin] of readNumbers(bins as string).entries()) {
      own.set(bin, (own.get(bin) ?? 0) + (counts[i] ?? 0));
    }
  }
  return slots;
}
