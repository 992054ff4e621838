// The rollup tables as a rebuild copies and compares them: their keys, their measures, their base
// grain.
import { MESSAGE_MEASURES, MONEY_MEASURES, OUTCOME_SUM_MEASURES } from './grains.js';

/** One rollup table. */
export interface RollupTable {
  readonly table: string;
  /** Beside generation, grain_minutes and bucket. */
  readonly keys: readonly string[];
  readonly measures: readonly string[];
  /**
   * Where arrays hold keys and measures: the columns that are copied, and the rows that are
   * compared.
   */
  readonly packed?: { readonly columns: readonly string[]; readonly rows: string };
}

export const ROLLUP_TABLES: readonly RollupTable[] = [
  {
    table: 'outcome_account',
    keys: ['account_id', 'operator_id', 'outcome', 'reason'],
    measures: MESSAGE_MEASURES,
  },
  {
    table: 'outcome_platform',
    keys: ['operator_id', 'outcome', 'reason'],
    measures: MESSAGE_MEASURES,
  },
  {
    table: 'money_account',
    keys: ['account_id', 'operator_id', 'currency'],
    measures: MONEY_MEASURES,
  },
  { table: 'latency_platform', keys: ['operator_id', 'bin'], measures: ['messages'] },
  { table: 'throughput_platform', keys: ['operator_id'], measures: ['accepted', 'completed'] },
  { table: 'outcome_sum', keys: ['operator_id'], measures: OUTCOME_SUM_MEASURES },
  { table: 'money_sum', keys: ['operator_id', 'currency'], measures: MONEY_MEASURES },
  { table: 'account_outcome_sum', keys: ['account_id'], measures: OUTCOME_SUM_MEASURES },
  { table: 'account_money_sum', keys: ['account_id', 'currency'], measures: MONEY_MEASURES },
  {
    table: 'latency_histogram',
    keys: ['operator_id', 'bin'],
    measures: ['count'],
    packed: {
      columns: ['operator_id', 'bins', 'messages'],
      rows: `(SELECT generation, grain_minutes, bucket, operator_id, bin, count
              FROM latency_histogram, unnest(bins, messages) AS one (bin, count))`,
    },
  },
  {
    table: 'throughput_sum',
    keys: ['minute'],
    measures: ['accepted', 'completed'],
    packed: {
      columns: ['accepted', 'completed'],
      rows: `(SELECT generation, grain_minutes, bucket, minute, a AS accepted, c AS completed
              FROM throughput_sum,
                unnest(accepted, completed) WITH ORDINALITY AS one (a, c, minute))`,
    },
  },
];
