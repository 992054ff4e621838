/** Messages by outcome, slot by slot: of the platform, of its operators, of one account. */
import { addOutcome, type Counts, noCounts } from '../../domain/counts.js';
import type { Outcome } from '../../domain/outcome.js';
import {
  type CellRange,
  cellValues,
  edgesValue,
  fromCells,
  groupRows,
  outcomeBy,
  type Rollup,
  settledValue,
  slotBy,
} from './cells.js';
import type { Row, Snapshot } from './pool.js';

const SUMS = `sum(cell.messages)::bigint, sum(cell.segments)::bigint, sum(cell.contradicted)::bigint`;

// One row holds every outcome of a bucket; what is pending in settled cells is UNKNOWN.
const SETTLED = `cell.bucket < $6::timestamptz`;
const ALL_OUTCOMES = `
         coalesce(sum(cell.pending) FILTER (WHERE NOT ${SETTLED}), 0)::bigint, sum(cell.delivered)::bigint,
         sum(cell.undeliverable)::bigint, sum(cell.expired)::bigint, sum(cell.rejected)::bigint,
         sum(cell.deleted)::bigint,
         (sum(cell.unknown) + coalesce(sum(cell.pending) FILTER (WHERE ${SETTLED}), 0))::bigint,
         sum(cell.contradicted)::bigint, sum(cell.segments)::bigint`;

const OF_PLATFORM = `
  SELECT ${slotBy('$5')}, '', ${ALL_OUTCOMES}
    ${fromCells('outcome_sum', `cell.operator_id = ''`)}
   GROUP BY 1`;

const EVERY_OPERATOR = `
  SELECT ${slotBy('$5')}, cell.operator_id, ${ALL_OUTCOMES}
    ${fromCells('outcome_sum', `cell.operator_id <> ''`)}
   GROUP BY 1, 2`;

const OF_OPERATORS = `
  SELECT ${slotBy('$5')}, cell.operator_id, ${ALL_OUTCOMES}
    ${fromCells('outcome_sum', 'cell.operator_id = ANY ($7::text[])')}
   GROUP BY 1, 2`;

const OF_ACCOUNT = `
  SELECT ${slotBy('$5')}, '', ${outcomeBy('$6')}, ${SUMS}
    ${fromCells('outcome_account', 'cell.account_id = $7')}
   GROUP BY 1, 3`;

/** Counts by slot (from 0); slots without messages are missing. */
export type SlotCounts = Map<number, Counts>;

/** All messages. */
export async function selectOutcomes(snapshot: Snapshot, range: CellRange): Promise<SlotCounts> {
  const values = valuesOf('outcome_sum', range);
  return bySlotOfSums(await snapshot.rows('outcomes', OF_PLATFORM, values));
}

/** Messages of each operator; of all operators where `operatorIds` is undefined. */
export async function selectOperatorOutcomes(
  snapshot: Snapshot,
  range: CellRange,
  operatorIds: readonly string[] | undefined,
): Promise<Map<string, SlotCounts>> {
  const values = valuesOf('outcome_sum', range);
  const rows =
    operatorIds === undefined
      ? await snapshot.rows('outcomes_by_every_operator', EVERY_OPERATOR, values)
      : await snapshot.rows('outcomes_by_operator', OF_OPERATORS, [...values, operatorIds]);
  return new Map(
    [...groupRows(rows, 1)].map(([operatorId, own]) => [operatorId, bySlotOfSums(own)]),
  );
}

/** Messages of one account; the snapshot must be scoped to it. */
export async function selectAccountOutcomes(
  snapshot: Snapshot,
  range: CellRange,
  accountId: string,
): Promise<SlotCounts> {
  const values = [...valuesOf('outcome_account', range), accountId];
  return bySlot(await snapshot.rows('outcomes_of_account', OF_ACCOUNT, values));
}

function valuesOf(rollup: Rollup, range: CellRange): unknown[] {
  return [...cellValues(rollup, range, true), edgesValue(range), settledValue(range)];
}

function bySlotOfSums(rows: readonly Row[]): SlotCounts {
  return new Map(
    rows.map(([slot, , ...sums]) => {
      const [pending, delivered, undeliverable, expired, rejected, deleted, unknown, ...across] =
        sums.map((sum) => BigInt(sum as string)) as SevenAndTwo;
      const failed = undeliverable + expired + rejected + deleted;
      const counts: Counts = {
        accepted: pending + delivered + failed + unknown,
        pending,
        delivered,
        undeliverable,
        expired,
        rejected,
        deleted,
        unknown,
        contradicted: across[0],
        segments: across[1],
      };
      return [Number(slot) - 1, counts];
    }),
  );
}

type SevenAndTwo = [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint];

function bySlot(rows: readonly Row[]): SlotCounts {
  const slots: SlotCounts = new Map();
  for (const [slot, , outcome, messages, segments, contradicted] of rows) {
    const index = Number(slot) - 1;
    let counts = slots.get(index);
    if (counts === undefined) {
      counts = noCounts();
      slots.set(index, counts);
    }
    addOutcome(
      counts,
      outcome as Outcome,
      BigInt(messages as string),
      BigInt(segments as string),
      BigInt(contradicted as string),
    );
  }
  return slots;
}
