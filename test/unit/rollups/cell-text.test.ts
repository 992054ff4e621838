// The text of cells, format 1: which number stands where. test/integration/counting/add-up-day
// holds that Postgres makes these bytes. A change here is a new format, never a new expectation.
import { expect, test } from 'vitest';
import { CountTable } from '../../../src/domain/measures/count-table.js';
import type { Counts } from '../../../src/domain/measures/counts.js';
import type { CurrencySums } from '../../../src/domain/measures/money.js';
import { MICROS_PER_MINUTE } from '../../../src/domain/time/instant.js';
import {
  addCells,
  CELL_TEXT_FORMAT,
  COUNTS_OF_CELLS,
  MONEY_OF_CELLS,
  readCounts,
  readSums,
} from '../../../src/rollups/cell-text.js';

const FIRST = 29_000_000 * MICROS_PER_MINUTE;
const HOUR = 60 * MICROS_PER_MINUTE;
const RANGE = {
  generation: 1,
  edges: [FIRST, FIRST + HOUR, FIRST + 2 * HOUR],
  settledThrough: FIRST,
};

const COUNTS = '29000060 1 2 3 4 5 6 7 8 9,29000000 10 11,29000061 20 21 22 0';
const FULL = { delivered: 1n, segments: 2n, undeliverable: 3n, expired: 4n, rejected: 5n };
/** Accepted is the sum of the outcomes: 1 + 3 + 4 + 5 + 6 + 7 + 9. */
const SELDOM = { deleted: 6n, unknown: 7n, contradicted: 8n, pending: 9n, accepted: 35n };

test('it is format 1', () => {
  expect(CELL_TEXT_FORMAT).toBe(1);
});

test('counts stand behind their minute, and those left out are 0', () => {
  const read: [number, Counts][] = [];
  readCounts(COUNTS, RANGE, (slot, counts) => read.push([slot, counts]));
  const none = { rejected: 0n, deleted: 0n, unknown: 0n, contradicted: 0n, pending: 0n };
  expect(read).toEqual([
    [1, { ...FULL, ...SELDOM }],
    [0, { ...none, delivered: 10n, segments: 11n, undeliverable: 0n, expired: 0n, accepted: 10n }],
    [1, { ...none, delivered: 20n, segments: 21n, undeliverable: 22n, expired: 0n, accepted: 42n }],
  ]);
});

test('they add up by slot, of the minutes asked for', () => {
  const table = new CountTable();
  table.clear(2);
  addCells(COUNTS, RANGE, table, (minute) => minute !== 29_000_061);
  expect(table.sum(1, 2)).toEqual({ ...FULL, ...SELDOM });
  expect(table.sum(0, 1)).toMatchObject({ delivered: 10n, segments: 11n, accepted: 10n });
});

test('money stands behind its minute, its currencies beside it', () => {
  const read: [number, CurrencySums][] = [];
  const cells = '29000060 1 2.000000003 4 5.000000006,29000000 7 0.080000000';
  readSums('EURUSD', cells, RANGE, (slot, sums) => read.push([slot, sums]));
  const eur = { charges: 1n, charged: 2_000_000_003n, refunds: 4n, refunded: 5_000_000_006n };
  const usd = { charges: 7n, charged: 80_000_000n, refunds: 0n, refunded: 0n };
  expect(read).toEqual([
    [1, { currency: 'EUR', ...eur }],
    [0, { currency: 'USD', ...usd }],
  ]);
});

const SELDOM_COLUMNS = 'cell.rejected, cell.deleted, cell.unknown, cell.contradicted, cell.pending';

test('statements write the same order', () => {
  expect(COUNTS_OF_CELLS).toBe(`string_agg(concat_ws(' ',
      date_part('epoch', cell.bucket)::bigint / 60,
      cell.delivered, cell.segments,
      CASE WHEN cell.undeliverable <> 0
             OR cell.expired <> 0
             OR cell.rejected <> 0
             OR cell.deleted <> 0
             OR cell.unknown <> 0
             OR cell.contradicted <> 0
             OR cell.pending <> 0
           THEN concat_ws(' ', cell.undeliverable, cell.expired,
      CASE WHEN cell.rejected <> 0
             OR cell.deleted <> 0
             OR cell.unknown <> 0
             OR cell.contradicted <> 0
             OR cell.pending <> 0
           THEN concat_ws(' ', ${SELDOM_COLUMNS}) END) END), ',')`);
  expect(MONEY_OF_CELLS).toBe(`string_agg(cell.currency, ''),
    string_agg(concat_ws(' ',
      date_part('epoch', cell.bucket)::bigint / 60,
      cell.charges, cell.charged,
      CASE WHEN cell.refunds <> 0
             OR cell.refunded <> 0
           THEN concat_ws(' ', cell.refunds, cell.refunded) END), ',')`);
});
