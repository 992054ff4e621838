// Sums over remembered pieces, whose names and accounts stand in dictionaries: the same in one
// dictionary or in several, and exact above 2 ** 32, where a cell has no room in 32 bits.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activeAccountsKind } from '../../../src/answers/figures/select-active.js';
import { outcomeCellsKind } from '../../../src/answers/figures/select-outcome-cells.js';
import { countActive } from '../../../src/answers/memory/active-ids.js';
import { Dictionary } from '../../../src/answers/memory/dictionary.js';
import type { ReadKind } from '../../../src/answers/memory/load-slots.js';
import {
  type AnsweredCell,
  answeredCells,
  sumOfCells,
} from '../../../src/answers/memory/outcome-cells.js';
import { MICROS_PER_DAY } from '../../../src/domain/time/instant.js';
import type { Row, Snapshot } from '../../../src/postgres/pool.js';
import type { CellRange } from '../../../src/rollups/cells.js';

/** As many pieces, each of a day; those before `settled` have settled. */
const daysOf = (pieces: number, settled = 0): CellRange => ({
  generation: 1,
  edges: Array.from({ length: pieces + 1 }, (_, i) => i * MICROS_PER_DAY),
  settledThrough: settled * MICROS_PER_DAY,
});

/** What a statement of these rows reads. */
const snapshotOf = (rows: Row[]): Snapshot => ({ rows: () => Promise.resolve(rows) });

/** Reads each piece with the dictionary that it says. */
async function readPieces<Value>(
  kind: ReadKind<Value>,
  pieces: readonly { readonly dictionary: number; readonly rows: Row[] }[],
): Promise<Value[]> {
  const range = daysOf(pieces.length);
  const dictionaries = [new Dictionary(), new Dictionary(), new Dictionary()];
  return Promise.all(
    pieces.map(async ({ dictionary, rows }, slot) => {
      const own = dictionaries[dictionary];
      if (own === undefined) throw new Error('no such dictionary');
      const read = await kind.read(snapshotOf(rows), range, [''], [slot], own);
      return read.get('')?.get(slot) ?? kind.none(own);
    }),
  );
}

describe('active accounts', () => {
  const account = fc.integer({ min: 0, max: 40 }).map((n) => `account-${n}`);
  const pieces = fc.array(
    fc.record({
      dictionary: fc.nat(2),
      accounts: fc.uniqueArray(account, { minLength: 1, maxLength: 20 }),
    }),
    { maxLength: 8 },
  );

  it('are counted once, whichever pieces and dictionaries they stand in', async () => {
    await fc.assert(
      fc.asyncProperty(pieces, async (list) => {
        const asked = list.map(({ dictionary, accounts }, i) => ({
          dictionary,
          rows: [[String(i + 1), accounts.join(',')]],
        }));
        const active = new Set(list.flatMap(({ accounts }) => accounts));
        expect(countActive(await readPieces(activeAccountsKind, asked))).toBe(BigInt(active.size));
      }),
      { seed: 6, numRuns: 300 },
    );
  });

  it('are none where no piece has any', () => {
    expect(countActive([])).toBe(0n);
    expect(countActive([activeAccountsKind.none(new Dictionary())])).toBe(0n);
  });
});

describe('answered cells', () => {
  const number = fc.oneof(
    fc.bigInt({ min: 0n, max: 1000n }),
    fc.constantFrom(999_999_999n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 40n, 2n ** 60n),
  );
  const cell = fc.record({
    operatorId: fc.constantFrom('22801', 'op-b'),
    stored: fc.constantFrom('PENDING', 'DELIVERED', 'UNKNOWN', 'EXPIRED'),
    messages: number,
    segments: number,
    contradicted: number,
  });
  const reasonOf = (stored: string) => (stored === 'EXPIRED' ? 'VALIDITY_EXPIRED' : '');
  type Cell = typeof cell extends fc.Arbitrary<infer T> ? T : never;
  const pieces = fc.array(
    fc.record({
      dictionary: fc.nat(1),
      cells: fc.uniqueArray(cell, {
        selector: ({ operatorId, stored }) => `${operatorId} ${stored}`,
        maxLength: 8,
      }),
    }),
    { maxLength: 6 },
  );

  /** By name, sums of what is not all zero. */
  function summed(cells: readonly AnsweredCell[]): Map<string, bigint[]> {
    const sums = new Map<string, bigint[]>();
    for (const { operatorId, outcome, reason, messages, segments, contradicted } of cells) {
      const name = `${operatorId} ${outcome} ${reason}`;
      const [m = 0n, s = 0n, c = 0n] = sums.get(name) ?? [];
      sums.set(name, [m + messages, s + segments, c + contradicted]);
    }
    return new Map([...sums].filter(([, all]) => all.some((one) => one !== 0n)));
  }

  const rowsOf = (cells: readonly Cell[], piece: number): Row[] => {
    if (cells.length === 0) return [];
    const names = cells.map(({ operatorId, stored }) => {
      return `${operatorId} ${stored} ${reasonOf(stored)}`;
    });
    const listOf = (measure: 'messages' | 'segments' | 'contradicted') =>
      `{${cells.map((one) => one[measure]).join(',')}}`;
    const lists = [listOf('messages'), listOf('segments'), listOf('contradicted')];
    return [[String(piece + 1), names.join(','), ...lists]];
  };

  it('are exact sums, with what is pending in a settled piece UNKNOWN', async () => {
    await fc.assert(
      fc.asyncProperty(pieces, fc.nat(6), async (list, settled) => {
        const asked = list.map(({ dictionary, cells }, i) => ({
          dictionary,
          rows: rowsOf(cells, i),
        }));
        const expected = list.flatMap(({ cells }, i) =>
          cells.map(({ stored, ...own }) => {
            const late = stored === 'PENDING' && i < settled;
            const outcome = late ? 'UNKNOWN' : stored;
            return { ...own, outcome, reason: late ? 'NO_RECEIPT' : reasonOf(stored) };
          }),
        );
        const read = await readPieces(outcomeCellsKind, asked);
        const found = answeredCells(daysOf(list.length, settled), read);
        expect(summed(found)).toEqual(summed(expected));
      }),
      { seed: 6, numRuns: 300 },
    );
  });

  it('of several pieces are those of their sum, which only one dictionary can give', async () => {
    await fc.assert(
      fc.asyncProperty(pieces, async (list) => {
        const asked = list.map(({ dictionary, cells }, i) => ({
          dictionary,
          rows: rowsOf(cells, i),
        }));
        const read = await readPieces(outcomeCellsKind, asked);
        const sum = sumOfCells(read);
        expect(sum === undefined).toBe(
          new Set(list.map(({ dictionary }) => dictionary)).size !== 1,
        );
        if (sum === undefined) return;
        const all = summed(answeredCells(daysOf(list.length), read));
        expect(summed(answeredCells(daysOf(1), [sum]))).toEqual(all);
      }),
      { seed: 6, numRuns: 300 },
    );
  });
});
