// Messages by operator, outcome and reason, piece by piece: from them follow breakdowns and the
// totals of all operators. A piece is one cell of the coarsest grain that fits.
import { MICROS_PER_MINUTE } from '../../domain/time/instant.js';
import type { Row, Snapshot } from '../../postgres/pool.js';
import {
  type CellRange,
  cellValues,
  edgesValue,
  PLATFORM_GRAINS,
  runOf,
  runsOf,
} from '../../rollups/cells.js';
import { type Slot, slotsOf } from '../../rollups/slots.js';
import { type Dictionary, dictionaries, TEXT_BYTES } from './dictionary.js';

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

type Measure = 'messages' | 'segments' | 'contradicted';

/** Messages as answered. */
export interface AnsweredCell {
  readonly operatorId: string;
  readonly outcome: string;
  readonly reason: string;
  readonly messages: bigint;
  readonly segments: bigint;
  readonly contradicted: bigint;
}

// The cells of a piece come as one row of four lists: thousands of rows of a few letters take
// longer, on both sides.
const CELLS = `
  SELECT width_bucket(run.starts_at, $5::timestamptz[]), piece.*
    FROM unnest($2::smallint[], $3::timestamptz[], $4::timestamptz[]) AS run (grain_minutes, starts_at, ends_at)
   CROSS JOIN LATERAL (
     SELECT string_agg(concat_ws(' ', cell.operator_id, cell.outcome, cell.reason), ',') AS names,
            array_agg(cell.messages), array_agg(cell.segments), array_agg(cell.contradicted)
       FROM outcome_platform AS cell
      WHERE cell.generation = $1
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
export function outcomeCellsKind() {
  const dictionary = dictionaries();
  return {
    name: 'outcome cells',
    bytesOf: ({ names, messages, newTexts }: OutcomeCells) =>
      names.byteLength + 3 * messages.byteLength + newTexts * TEXT_BYTES + 500,
    none: (): OutcomeCells => cellsOf(dictionary(), []),
    sum: sumOfCells,
    async read(
      snapshot: Snapshot,
      range: CellRange,
      _series: readonly string[],
      slots: readonly number[] | undefined,
    ): Promise<Map<string, Map<number, OutcomeCells>>> {
      const runs = (slots ?? [...range.edges.slice(1).keys()]).map((slot) => runOf(range, slot));
      const values = [...cellValues(range, runs), edgesValue(range)];
      const rows = await snapshot.rows('outcome_cells', CELLS, values);
      const pieces = rows.map((row) => [Number(row[0]) - 1, cellsOf(dictionary(), row)] as const);
      return new Map([['', new Map(pieces)]]);
    },
  };
}

function cellsOf(dictionary: Dictionary, row: Row): OutcomeCells {
  const [, names, messages, segments, contradicted] = row as readonly string[];
  const before = dictionary.texts.length;
  const numbers = names?.split(',').map((name) => dictionary.numberOf(name)) ?? [];
  return {
    dictionary,
    names: Uint32Array.from(numbers),
    messages: numbersIn(messages),
    segments: numbersIn(segments),
    contradicted: numbersIn(contradicted),
    newTexts: dictionary.texts.length - before,
  };
}

/** Of an array as Postgres writes it. */
const numbersIn = (list = '{}') => numbersOf(list.length > 2 ? list.slice(1, -1).split(',') : []);

function numbersOf(texts: readonly string[]): Numbers {
  const short = texts.every((text) => text.length < 10);
  return short ? Uint32Array.from(texts, Number) : BigInt64Array.from(texts, BigInt);
}

/** Some pieces as one; undefined where they know names by different numbers. */
function sumOfCells(pieces: readonly OutcomeCells[]): OutcomeCells | undefined {
  const [dictionary, ...others] = new Set(pieces.map((piece) => piece.dictionary));
  if (dictionary === undefined || others.length > 0) return undefined;
  const sums = new CellSums(dictionary, false);
  for (const piece of pieces) sums.add(piece);
  const named = [...sums.named()];
  const numbers = (measure: Measure) => numbersOf(named.map((one) => String(one[measure])));
  return {
    dictionary,
    names: Uint32Array.from(named, (one) => one.name),
    messages: numbers('messages'),
    segments: numbers('segments'),
    contradicted: numbers('contradicted'),
    newTexts: 0,
  };
}

/**
 * The sums over some pieces of `range`, as answered: what is pending in settled pieces is UNKNOWN.
 */
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

/**
 * Sums by name. Of short numbers, as there are at most some thousand pieces, exact in floating
 * point.
 */
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

  /** The sums of every name that has any. */
  *named(): Iterable<{ name: number } & Record<Measure, bigint>> {
    const [messages, segments, contradicted] = this.#small as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (let name = 0; name < messages.length; name++) {
      const big = this.#big.get(name);
      if (messages[name] === 0 && segments[name] === 0 && contradicted[name] === 0 && !big)
        continue;
      yield {
        name,
        messages: BigInt(messages[name] as number) + (big?.[0] ?? 0n),
        segments: BigInt(segments[name] as number) + (big?.[1] ?? 0n),
        contradicted: BigInt(contradicted[name] as number) + (big?.[2] ?? 0n),
      };
    }
  }

  cells(): AnsweredCell[] {
    return Array.from(this.named(), ({ name, ...measures }) => {
      const { operatorId, outcome, reason } = namedCell(this.dictionary, name);
      const unanswered = this.settled && outcome === 'PENDING';
      return {
        operatorId,
        outcome: unanswered ? 'UNKNOWN' : outcome,
        reason: unanswered ? 'NO_RECEIPT' : reason,
        ...measures,
      };
    });
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
