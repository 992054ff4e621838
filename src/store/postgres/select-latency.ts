/**
 * Delivered messages by latency bin, slot by slot: over all operators, and by operator. Histograms are
 * the widest rows that are read, so slots that did not change since they were read are not read again:
 * see slot-memory.ts.
 */
import { MICROS_PER_MINUTE } from '../../domain/instant.js';
import { addBins, type BinCounts, noBins } from '../../domain/percentile.js';
import { type CellRange, cellValues, edgesValue, fromCells, readNumbers, slotBy } from './cells.js';
import type { Row, Snapshot } from './pool.js';
import type { RememberedSlot, SlotMemory } from './slot-memory.js';

const QUARTER = 15 * MICROS_PER_MINUTE;

// Cells of one slot are added up here rather than in Postgres: they are few, and most slots are one.
const CELLS = `SELECT ${slotBy('$5')}, cell.operator_id, cell.version, cell.bins, cell.messages`;
const ALL = `cell.operator_id <> ''`;
const SOME = 'cell.operator_id = ANY ($6::text[])';

const EVERY_OPERATOR = `${CELLS} ${fromCells('latency_histogram', ALL)}`;
const OF_OPERATORS = `${CELLS} ${fromCells('latency_histogram', SOME)}`;

// One row for each operator, whatever the number of slots.
const VERSIONS = `
  SELECT operator_id, array_agg(slot), array_agg(versions)
    FROM (SELECT ${slotBy('$5')} AS slot, cell.operator_id, sum(cell.version)::bigint AS versions
            ${fromCells('latency_histogram', SOME)}
           GROUP BY 1, 2) AS read
   GROUP BY operator_id`;

/** Bins by slot (from 0); slots without delivered messages may be missing. Not to be changed: answers share them. */
export type SlotBins = Map<number, BinCounts>;

/** Over all operators. */
export async function selectLatency(
  snapshot: Snapshot,
  range: CellRange,
  memory: SlotMemory,
): Promise<SlotBins> {
  const found = await selectOperatorLatency(snapshot, range, [''], memory);
  return found.get('') ?? new Map();
}

/** Of every operator, each with its slots. */
export async function selectEveryOperatorLatency(
  snapshot: Snapshot,
  range: CellRange,
): Promise<Map<string, SlotBins>> {
  const rows = await snapshot.rows('latency_by_every_operator', EVERY_OPERATOR, valuesOf(range));
  const found = new Map<string, SlotBins>();
  for (const [operatorId, read] of slotsIn(rows)) {
    found.set(operatorId, new Map([...read].map(([slot, { bins }]) => [slot, bins])));
  }
  return found;
}

/** Of some operators; '' is the sum over all. Operators without delivered messages may be missing. */
export async function selectOperatorLatency(
  snapshot: Snapshot,
  range: CellRange,
  operatorIds: readonly string[],
  memory: SlotMemory,
): Promise<Map<string, SlotBins>> {
  const known = recall(range, operatorIds, memory);
  const slots = range.edges.length - 1;
  // Looking at versions is a round trip more: worth it where it saves most of the reading.
  const worthwhile = known.count * 2 > slots * operatorIds.length;
  const found = new Map<string, SlotBins>();
  let missing = { slots: Array.from({ length: slots }, (_, i) => i), operatorIds };
  if (worthwhile) {
    const rows = await snapshot.rows('latency_versions', VERSIONS, [
      ...valuesOf(range),
      operatorIds,
    ]);
    missing = keepUnchanged(rows, known, found);
  }
  if (missing.slots.length === 0) return found;
  const rows = await snapshot.rows('latency_by_operator', OF_OPERATORS, [
    ...valuesOf(range, missing.slots),
    missing.operatorIds,
  ]);
  const read = slotsIn(rows);
  for (const operatorId of missing.operatorIds) {
    const own = slotsOf(found, operatorId);
    for (const slot of missing.slots) {
      // Of a slot without cells it is remembered that it has none.
      const slotBins = read.get(operatorId)?.get(slot);
      memory.keep(seriesOf(range, operatorId), keyOf(range, slot), slotBins ?? EMPTY);
      if (slotBins !== undefined) own.set(slot, slotBins.bins);
    }
  }
  return found;
}

const EMPTY: RememberedSlot = { versions: 0, bins: noBins() };

/** What is remembered of some operators: by slot, undefined where nothing is. */
interface Known {
  readonly of: ReadonlyMap<string, readonly (RememberedSlot | undefined)[]>;
  readonly count: number;
}

function recall(range: CellRange, operatorIds: readonly string[], memory: SlotMemory): Known {
  const of = new Map<string, (RememberedSlot | undefined)[]>();
  const keys = Array.from({ length: range.edges.length - 1 }, (_, slot) => keyOf(range, slot));
  let count = 0;
  for (const operatorId of operatorIds) {
    const series = seriesOf(range, operatorId);
    const slots = keys.map((key) => memory.find(series, key));
    for (const slot of slots) if (slot !== undefined) count++;
    of.set(operatorId, slots);
  }
  return { of, count };
}

/** Puts what is still as it was into `found`; the result must be read. */
function keepUnchanged(
  rows: readonly Row[],
  known: Known,
  found: Map<string, SlotBins>,
): { slots: number[]; operatorIds: string[] } {
  const slots = new Set<number>();
  const operatorIds = new Set<string>();
  for (const [operatorId, slotList, versionList] of rows) {
    const id = operatorId as string;
    const own = slotsOf(found, id);
    const remembered = known.of.get(id);
    const versions = readNumbers(versionList as string);
    const numbers = readNumbers(slotList as string);
    for (let i = 0; i < numbers.length; i++) {
      const slot = (numbers[i] as number) - 1;
      const before = remembered?.[slot];
      if (before !== undefined && before.versions === versions[i]) {
        own.set(slot, before.bins);
      } else {
        slots.add(slot);
        operatorIds.add(id);
      }
    }
  }
  return { slots: [...slots].sort((left, right) => left - right), operatorIds: [...operatorIds] };
}

function seriesOf({ generation }: CellRange, operatorId: string): string {
  return `${generation} ${operatorId}`;
}

/** One number for both edges: quarters of an hour since 1970 stay below 2^24, a range's below 2^16. */
function keyOf({ edges }: CellRange, slot: number): number {
  const [from, to] = [edges[slot] as number, edges[slot + 1] as number];
  return (from / QUARTER) * 2 ** 16 + (to - from) / QUARTER;
}

function slotsOf(found: Map<string, SlotBins>, operatorId: string): SlotBins {
  let own = found.get(operatorId);
  if (own === undefined) {
    own = new Map();
    found.set(operatorId, own);
  }
  return own;
}

/** The parameters of `fromCells` and of `slotBy`, for all slots or some of them. */
function valuesOf(range: CellRange, slots?: readonly number[]): unknown[] {
  if (slots === undefined || slots.length === range.edges.length - 1) {
    return [...cellValues('latency_histogram', range, false), edgesValue(range)];
  }
  return [...cellValues('latency_histogram', range, false, slots), edgesValue(range)];
}

/** Adds up the cells of each slot, with their versions. */
function slotsIn(rows: readonly Row[]) {
  const operators = new Map<string, Map<number, { versions: number; bins: BinCounts }>>();
  for (const [slotNumber, operatorId, version, bins, messages] of rows) {
    let own = operators.get(operatorId as string);
    if (own === undefined) {
      own = new Map();
      operators.set(operatorId as string, own);
    }
    const slot = Number(slotNumber) - 1;
    const cell = readHistogram(bins as string, messages as string);
    const before = own.get(slot);
    if (before === undefined) {
      own.set(slot, { versions: Number(version), bins: cell });
    } else {
      before.versions += Number(version);
      addBins(before.bins, cell);
    }
  }
  return operators;
}

/** Two arrays as Postgres writes them, `{3,5}` and `{10,2}`: bins ascending, and the messages of each. */
function readHistogram(bins: string, messages: string): BinCounts {
  if (bins.length <= 2) return noBins();
  const first = Number.parseInt(bins.slice(1, 8), 10);
  const last = Number.parseInt(
    bins.slice(bins.lastIndexOf(',') + (bins.includes(',') ? 1 : 2)),
    10,
  );
  const counts = new Float64Array(last - first + 1);
  let at = 1;
  for (let i = 1; i < bins.length; ) {
    let bin = 0;
    for (let digit = bins.charCodeAt(i) - 48; digit >= 0 && digit <= 9; ) {
      bin = bin * 10 + digit;
      digit = bins.charCodeAt(++i) - 48;
    }
    let count = 0;
    for (let digit = messages.charCodeAt(at) - 48; digit >= 0 && digit <= 9; ) {
      count = count * 10 + digit;
      digit = messages.charCodeAt(++at) - 48;
    }
    counts[bin - first] = count;
    i++;
    at++;
  }
  return { first, counts };
}
