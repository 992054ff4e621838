/** The rollup tables as a rebuild copies and compares them: their keys, their measures, their base grain. */

/** One rollup table. */
export interface RollupTable {
  readonly table: string;
  /** Beside generation, grain_minutes and bucket. */
  readonly keys: readonly string[];
  readonly measures: readonly string[];
}

const OUTCOME = ['messages', 'segments', 'contradicted'];
const MONEY = ['charges', 'charged', 'refunds', 'refunded'];

export const ROLLUP_TABLES: readonly RollupTable[] = [
  {
    table: 'outcome_account',
    keys: ['account_id', 'operator_id', 'outcome', 'reason'],
    measures: OUTCOME,
  },
  { table: 'outcome_platform', keys: ['operator_id', 'outcome', 'reason'], measures: OUTCOME },
  { table: 'money_account', keys: ['account_id', 'operator_id', 'currency'], measures: MONEY },
  { table: 'money_platform', keys: ['operator_id', 'currency'], measures: MONEY },
  { table: 'latency_platform', keys: ['operator_id', 'bin'], measures: ['messages'] },
  { table: 'throughput_platform', keys: ['operator_id'], measures: ['accepted', 'completed'] },
];
