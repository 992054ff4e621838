// What is read where something is not remembered: the plan, which reads nothing itself. A statement
// costs as much as hundreds of rows, and a caller who asks for one hour soon asks for the next: so
// an hour is read together with all hours of its eight days. Hours come before days, because a day
// whose hours are all known is made of them.
import { type EpochMicros, MICROS_PER_DAY, MICROS_PER_HOUR } from '../../domain/time/instant.js';
import type { Slot } from '../../rollups/slots.js';

/** One round of reads. What it wants is everything of one part that some series lacks. */
export interface LoadPlan {
  /** The series that lack anything of this part. */
  readonly series: readonly string[];
  /** Ascending; between two of them lies a wanted slot or a gap. */
  readonly edges: readonly EpochMicros[];
  /** Which of the slots between two edges are wanted, ascending. */
  readonly wanted: readonly number[];
}

/**
 * The next round, or undefined where nothing is missing. `missing`: for each series the places in
 * `slots` that it lacks, ascending. `ahead`: whether to read the hours and days around as well.
 */
export function planLoad(
  slots: readonly Slot[],
  missing: ReadonlyMap<string, readonly number[]>,
  ahead: boolean,
): LoadPlan | undefined {
  const lacked = [...new Set([...missing.values()].flat())].sort((a, b) => a - b);
  const part = firstPart(lacked.map((i) => slots[i] as Slot));
  if (part.length === 0) return undefined;
  const ofPart = new Set(part);
  const series = [...missing.keys()].filter((one) =>
    missing.get(one)?.some((i) => ofPart.has(slots[i] as Slot)),
  );
  const ends = new Map(part.map(({ from, to }) => [from, to]));
  const blocks = new Map(ahead ? part.map((slot) => [firstOfBlock(slot), slot]) : []);
  for (const [first, { from, to }] of blocks) addBlock(first, to - from, ends);
  const edges = [...new Set([...ends.keys(), ...ends.values()])].sort((a, b) => a - b);
  const places = [...edges.keys()].slice(1).map((i) => i - 1);
  const wanted = places.filter((i) => ends.get(edges[i] as EpochMicros) === edges[i + 1]);
  return { series, edges, wanted };
}

/** The same without what every series of the plan knows: for each, what is known between edges. */
export function withoutKnown(plan: LoadPlan, known: readonly (readonly unknown[])[]): LoadPlan {
  const isLacked = (i: number) => known.some((values) => values[i] === undefined);
  return { ...plan, wanted: plan.wanted.filter(isLacked) };
}

/**
 * Slots times series that one statement reads, unless one series has more: what it reads stands in
 * memory as text, until it is packed.
 */
const VALUES_AT_ONCE = 500;

/** The series of a plan, in groups for one statement each. */
export function seriesAtOnce({ series, wanted }: LoadPlan): string[][] {
  const size = Math.max(1, Math.floor(VALUES_AT_ONCE / wanted.length));
  const groups = Math.ceil(series.length / size);
  return Array.from({ length: groups }, (_, i) => series.slice(i * size, (i + 1) * size));
}

/**
 * What one read has in common with another, so that the second may wait for the first: kind,
 * series, and the block of the first missing slot.
 */
export function loadKey(kind: string, series: string, { from, to }: Omit<Slot, 'settledTo'>) {
  return `${kind} ${series} ${to - from} ${startOfBlock(from, to)}`;
}

/**
 * How many days are read at once of slots that are an hour or a day long, from a multiple of so
 * many days on. Quarters of an hour are read as they are asked for: most stand at the ends of a
 * range or at the settled boundary, and there are many in a day.
 */
const DAYS_AHEAD: ReadonlyMap<number, number> = new Map([
  [MICROS_PER_HOUR, 8],
  [MICROS_PER_DAY, 8],
]);

function startOfBlock(from: EpochMicros, to: EpochMicros): EpochMicros {
  const span = (DAYS_AHEAD.get(to - from) ?? 1) * MICROS_PER_DAY;
  return Math.floor(from / span) * span;
}

/** The first slot of the same block, of the same length and at the same time of the hour or day. */
const firstOfBlock = ({ from, to }: Slot) => startOfBlock(from, to) + (from % (to - from));

function addBlock(first: EpochMicros, size: number, ends: Map<EpochMicros, EpochMicros>): void {
  const days = DAYS_AHEAD.get(size) ?? 0;
  for (let at = first; at < first + days * MICROS_PER_DAY; at += size) ends.set(at, at + size);
}

/** The part of the shortest slot. */
function firstPart(slots: readonly Slot[]): Slot[] {
  const [first, ...others] = slots;
  if (first === undefined) return [];
  const shortest = others.reduce(
    (least, slot) => (lengthOf(slot) < lengthOf(least) ? slot : least),
    first,
  );
  return slots.filter((slot) => areOnePart(slot, shortest));
}

/**
 * Whether two slots are read in one round: both of lengths that are not read ahead, or both of one
 * such length and at one time of the hour or day, so that their blocks do not overlap.
 */
function areOnePart(one: Slot, other: Slot): boolean {
  const size = lengthOf(one);
  if (!DAYS_AHEAD.has(size)) return !DAYS_AHEAD.has(lengthOf(other));
  return size === lengthOf(other) && one.from % size === other.from % size;
}

const lengthOf = ({ from, to }: Slot) => to - from;
