// The rows that the rollup tables must hold for a ledger, at every grain that is kept: what the
// fault suite holds Postgres against, to the last unit. A cell is a line of text, so that a
// difference can be read.

import type { Pool } from 'pg';
import { decimal } from './figures.js';
import type { Ledger } from './ledger.js';

const MINUTE = 60_000_000;
const OUTCOMES = 'PENDING DELIVERED UNDELIVERABLE EXPIRED REJECTED DELETED UNKNOWN'.split(' ');

/** Cell to counts; a cell whose counts are all zero is as good as none. */
export type Cells = ReadonlyMap<string, string>;

class Sums {
  readonly #cells = new Map<string, bigint[]>();

  add(key: readonly (string | number)[], amounts: readonly bigint[]): void {
    const text = key.join('|');
    const sums = this.#cells.get(text) ?? amounts.map(() => 0n);
    this.#cells.set(
      text,
      sums.map((sum, index) => sum + (amounts[index] ?? 0n)),
    );
  }

  /** Amounts at these places are money. */
  lines(money: readonly number[] = []): [string, string][] {
    return [...this.#cells].map(([key, sums]) => [
      key,
      sums.map((sum, index) => (money.includes(index) ? decimal(sum) : String(sum))).join(' '),
    ]);
  }
}

/** What the tables must hold: the cells of each, under `table|grain|bucket|…`. */
export function cellsOf(ledger: Ledger): Cells {
  const [counts, money, throughput] = [new Sums(), new Sums(), new Sums()];
  for (const message of ledger.messages) {
    const { accountId, operatorId, outcome, reason, latency, completedAt } = message;
    const amounts = [1n, BigInt(message.segments), message.contradicted ? 1n : 0n];
    const cell = [operatorId, outcome, reason];
    const base = bucket(message.acceptedAt, 15);
    const bin = latency === undefined ? undefined : binOf(latency);
    counts.add(['outcome_account', 15, base, accountId, ...cell], amounts);
    const sums = [...OUTCOMES.map((name) => (name === outcome ? 1n : 0n)), ...amounts.slice(1)];
    counts.add(['account_outcome_sum', 60, bucket(message.acceptedAt, 60), accountId], sums);
    for (const grain of [15, 60, 1440]) {
      const at = bucket(message.acceptedAt, grain);
      counts.add(['outcome_platform', grain, at, ...cell], amounts);
      for (const whose of [operatorId, '']) {
        counts.add(['outcome_sum', grain, at, whose], sums);
        if (bin !== undefined) counts.add(['latency_histogram', grain, at, whose, bin], [1n]);
      }
    }
    if (bin !== undefined) counts.add(['latency_platform', 15, base, operatorId, bin], [1n]);
    for (const grain of [1, 60, 1440]) {
      const key = (at: number) => ['throughput_platform', grain, bucket(at, grain), operatorId];
      throughput.add(key(message.acceptedAt), [1n, 0n]);
      if (completedAt !== undefined) throughput.add(key(completedAt), [0n, 1n]);
    }
    const minute = (at: number) => ['throughput_sum', 60, bucket(at, 60), bucket(at, 1)];
    throughput.add(minute(message.acceptedAt), [1n, 0n]);
    if (completedAt !== undefined) throughput.add(minute(completedAt), [0n, 1n]);
  }
  const moved = (
    event: { accountId: string; operatorId: string; currency: string },
    at: number,
    amounts: readonly bigint[],
  ) => {
    const { accountId, operatorId, currency } = event;
    money.add(['money_account', 15, bucket(at, 15), accountId, operatorId, currency], amounts);
    for (const grain of [15, 60, 1440]) {
      for (const whose of [operatorId, '']) {
        money.add(['money_sum', grain, bucket(at, grain), whose, currency], amounts);
      }
    }
    money.add(['account_money_sum', 60, bucket(at, 60), accountId, currency], amounts);
  };
  for (const charge of ledger.charges) moved(charge, charge.chargedAt, [1n, charge.nanos, 0n, 0n]);
  for (const refund of ledger.refunds) moved(refund, refund.refundedAt, [0n, 0n, 1n, refund.nanos]);
  return new Map([...counts.lines(), ...money.lines([1, 3]), ...throughput.lines()]);
}

function bucket(at: number, grainMinutes: number): string {
  const size = grainMinutes * MINUTE;
  return new Date((Math.floor(at / size) * size) / 1000).toISOString();
}

/**
 * Bins grow by the factor 1.025 / 0.975; bin i + 1 ends at the i-th power. Found by counting up.
 */
function binOf(latencyMicros: number): number {
  if (latencyMicros < 1) return 0;
  let bin = 1;
  while ((1.025 / 0.975) ** (bin - 1) < latencyMicros) bin += 1;
  return bin;
}

const ISO = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"';
const BUCKET = `to_char(bucket AT TIME ZONE 'UTC', '${ISO}')`;
const MONEY = 'charges, round(charged, 9) AS charged, refunds, round(refunded, 9) AS refunded';
const TABLES: readonly [table: string, key: string, counts: string, unpacked?: string][] = [
  [
    'outcome_account',
    'account_id, operator_id, outcome, reason',
    'messages, segments, contradicted',
  ],
  ['outcome_platform', 'operator_id, outcome, reason', 'messages, segments, contradicted'],
  ['money_account', 'account_id, operator_id, currency', MONEY],
  ['latency_platform', 'operator_id, bin', 'messages'],
  ['throughput_platform', 'operator_id', 'accepted, completed'],
  ['outcome_sum', 'operator_id', `${OUTCOMES.join(', ')}, segments, contradicted`],
  ['money_sum', 'operator_id, currency', MONEY],
  ['account_outcome_sum', 'account_id', `${OUTCOMES.join(', ')}, segments, contradicted`],
  ['account_money_sum', 'account_id, currency', MONEY],
  ['latency_histogram', 'operator_id, bin', 'count', 'unnest(bins, messages) AS bins (bin, count)'],
  [
    'throughput_sum',
    `to_char((bucket + (i - 1) * interval '1 min') AT TIME ZONE 'UTC', '${ISO}')`,
    'a, c',
    'unnest(accepted, completed) WITH ORDINALITY AS minute (a, c, i)',
  ],
];

/** What the tables of the serving generation do hold, in the same form; rows of zeros left out. */
export async function readCells(pool: Pick<Pool, 'query'>): Promise<Cells> {
  const cells = new Map<string, string>();
  for (const [table, key, counts, unpacked] of TABLES) {
    const { rows } = await pool.query<unknown[]>({
      text: `SELECT '${table}', grain_minutes, ${BUCKET}, ${key}, ${counts}
             FROM ${table} ${unpacked === undefined ? '' : `CROSS JOIN LATERAL ${unpacked}`}
             WHERE generation = (SELECT generation FROM generation WHERE state = 'serving')`,
      rowMode: 'array',
    });
    const width = 3 + (table === 'throughput_sum' ? 1 : key.split(', ').length);
    for (const row of rows) {
      const values = row.slice(width).map(String);
      if (values.every((value) => /^0(\.0+)?$/.test(value))) continue;
      const name = row.slice(0, width).map(String).join('|');
      cells.set(name, values.join(' '));
    }
  }
  return cells;
}

/** Lines that say where the tables differ from what they must hold. */
export function cellDifferences(actual: Cells, expected: Cells): string[] {
  const names = new Set([...actual.keys(), ...expected.keys()]);
  return [...names]
    .filter((name) => actual.get(name) !== expected.get(name))
    .map((name) => `${name}: ${actual.get(name)} where the oracle has ${expected.get(name)}`)
    .sort();
}
