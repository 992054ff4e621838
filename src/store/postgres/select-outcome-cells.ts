/**
 * Messages by operator, outcome and reason, piece by piece: from them follow breakdowns, the totals of
 * all operators and their failure reasons. A piece is one cell of the coarsest grain that fits.
 */
import { MICROS_PER_MINUTE } from '../../domain/instant.js';
import {
  type CellRange,
  cellValues,
  edgesValue,
  fromCells,
  groupRows,
  PLATFORM_GRAINS,
  runsOf,
  slotBy,
} from './cells.js';
import { type Dictionary, dictionaries, TEXT_BYTES } from './dictionary.js';
import type { Row, Snapshot } from './pool.js';
import { type Slot, slotsOf } from './slot-memory.js';

/** The cells of one piece, as stored: what is pending is pending, whatever has settled. */
export interface OutcomeCells {
  /** Knows operator, outcome and reason of each number of `names`, separated by blanks. */
  readonly dictionary: Dictionary;
  readonly names: Uint32Array;
  readonly messages: Numbers;
  readonly segments: Numbers;
  readonly contradicted: Numbers;
  readonly newTexts: number;
}

/** The smallest array that holds all of them exactly. */
type Numbers = Uint32Array | BigInt64Array;

/** Messages as answered. */
export interface AnsweredCell {
  readonly operatorId: string;
  readonly outcome: string;
  readonly reason: string;
  readonly messages: bigint;
  readonly segments: bigint;
  readonly contradicted: bigint;
}

const cellsWhere = (where?: string) => `
  SELECT ${slotBy('$5')}, concat_ws(' ', cell.operator_id, cell.outcome, cell.reason),
         cell.messages, cell.segments, cell.contradicted
    ${fromCells('outcome_platform', where)}`;
const OF_ALL = cellsWhere();
const OF_OPERATOR = cellsWhere('cell.operator_id = $6');

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

/** By operator, '' for all of them, then by piece (from 0). */
export function outcomeCellsKind() {
  const dictionary = dictionaries();
  return {
    name: 'outcome cells',
    bytesOf: ({ names, messages, newTexts }: OutcomeCells) =>
      names.byteLength + 3 * messages.byteLength + newTexts * TEXT_BYTES + 500,
    none: (): OutcomeCells => cellsOf(dictionary(), []),
    async read(
      snapshot: Snapshot,
      range: CellRange,
      operatorIds: readonly string[],
      slots: readonly number[] | undefined,
    ): Promise<Map<string, Map<number, OutcomeCells>>> {
      const values = [...cellValues(range, runsOf(range, { slots })), edgesValue(range)];
      const read = operatorIds.map(async (id) => {
        const rows =
          id === ''
            ? await snapshot.rows('outcome_cells', OF_ALL, values)
            : await snapshot.rows('outcome_cells_of_operator', OF_OPERATOR, [...values, id]);
        return [id, piecesIn(rows, dictionary())] as const;
      });
      return new Map(await Promise.all(read));
    },
  };
}

function piecesIn(rows: readonly Row[], dictionary: Dictionary): Map<number, OutcomeCells> {
  const pieces = [...groupRows(rows, 0)];
  return new Map(pieces.map(([slot, own]) => [Number(slot) - 1, cellsOf(dictionary, own)]));
}

function cellsOf(dictionary: Dictionary, rows: readonly Row[]): OutcomeCells {
  const before = dictionary.texts.length;
  const names = Uint32Array.from(rows, ([, name]) => dictionary.numberOf(name as string));
  const numbers = (column: number) => numbersOf(rows.map((row) => row[column] as string));
  return {
    dictionary,
    names,
    messages: numbers(2),
    segments: numbers(3),
    contradicted: numbers(4),
    newTexts: dictionary.texts.length - before,
  };
}

function numbersOf(texts: readonly string[]): Numbers {
  const short = texts.every((text) => text.length < 10);
  return short ? Uint32Array.from(texts, Number) : BigInt64Array.from(texts, BigInt);
}

/** The sums over some pieces of `range`, as answered: what is pending in settled pieces is UNKNOWN. */
export function answeredCells(range: CellRange, pieces: readonly OutcomeCells[]): AnsweredCell[] {
  const sums: CellSums[] = [];
  const slots = slotsOf(range);
  pieces.forEach((piece, i) => {
    const { settledTo, to } = slots[i] as Slot;
    const settled = settledTo === to;
    const { dictionary } = piece;
    let own = sums.find((one) => one.dictionary === dictionary && one.settled === settled);
    if (own === undefined) {
      own = new CellSums(dictionary, settled);
      sums.push(own);
    }
    own.add(piece);
  });
  return sums.flatMap((one) => one.cells());
}

/** Sums by name. Of short numbers, as there are at most some thousand pieces, exact in floating point. */
class CellSums {
  readonly #small: Float64Array[];
  readonly #big = new Map<number, bigint[]>();

  constructor(
    readonly dictionary: Dictionary,
    readonly settled: boolean,
  ) {
    this.#small = Array.from({ length: 3 }, () => new Float64Array(dictionary.texts.length));
  }

  add({ names, messages, segments, contradicted }: OutcomeCells): void {
    const measures = [messages, segments, contradicted];
    for (const [measure, numbers] of measures.entries()) {
      if (numbers instanceof BigInt64Array) {
        this.#addBig(names, numbers, measure);
        continue;
      }
      const sums = this.#small[measure] as Float64Array;
      for (let i = 0; i < names.length; i++) {
        const name = names[i] as number;
        sums[name] = (sums[name] as number) + (numbers[i] as number);
      }
    }
  }

  #addBig(names: Uint32Array, numbers: BigInt64Array, measure: number): void {
    names.forEach((name, i) => {
      const sums = this.#big.get(name) ?? [0n, 0n, 0n];
      sums[measure] = (sums[measure] as bigint) + (numbers[i] as bigint);
      this.#big.set(name, sums);
    });
  }

  cells(): AnsweredCell[] {
    const found: AnsweredCell[] = [];
    const [messages, segments, contradicted] = this.#small as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (let name = 0; name < messages.length; name++) {
      const big = this.#big.get(name);
      if (messages[name] === 0 && segments[name] === 0 && contradicted[name] === 0 && !big)
        continue;
      const { operatorId, outcome, reason } = namedCell(this.dictionary, name);
      const unanswered = this.settled && outcome === 'PENDING';
      found.push({
        operatorId,
        outcome: unanswered ? 'UNKNOWN' : outcome,
        reason: unanswered ? 'NO_RECEIPT' : reason,
        messages: BigInt(messages[name] as number) + (big?.[0] ?? 0n),
        segments: BigInt(segments[name] as number) + (big?.[1] ?? 0n),
        contradicted: BigInt(contradicted[name] as number) + (big?.[2] ?? 0n),
      });
    }
    return found;
  }
}

type CellName = Pick<AnsweredCell, 'operatorId' | 'outcome' | 'reason'>;
const cellNames = new WeakMap<Dictionary, CellName[]>();

/** What a number of a dictionary stands for, taken apart once. */
function namedCell(dictionary: Dictionary, name: number): CellName {
  let known = cellNames.get(dictionary);
  if (known === undefined) {
    known = [];
    cellNames.set(dictionary, known);
  }
  for (let next = known.length; next <= name; next++) {
    const [operatorId = '', outcome = '', reason = ''] = dictionary.texts[next]?.split(' ') ?? [];
    known.push({ operatorId, outcome, reason });
  }
  return known[name] as CellName;
}
