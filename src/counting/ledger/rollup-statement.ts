// From signed cells (cell-statement.ts) to the rollups, their sums (sum-statement.ts), and the log
// of what changed. Every INSERT is in key order, so that two ingest processes lock rows in the same
// order and never deadlock.
//
// Names that the fragments of these three files and of rollups/grains.ts share:
//   :generation    the generation that is written
//   moved          the changed rows of the ledger: columns old_… (NULL for a new row) and new_…
//   moved_refund   the same of refunds
//   side           what was counted (old, sign -1) beside what is counted now (new, sign 1)
//   …_cell         sums of the sides at the base grain; `at` is where a cell begins
//   cell           a row of such sums, as BUCKET and sums() read it
//   grain          a size of grains() in minutes
//   r              the stored row that add() adds to
import {
  add,
  BASE_GRAIN_MINUTES,
  BUCKET,
  grains,
  MESSAGE_MEASURES,
  MONEY_MEASURES,
  PLATFORM_GRAINS_MINUTES,
  sums,
  THROUGHPUT_GRAINS_MINUTES,
} from '../../rollups/grains.js';
import { cellCtes } from './cell-statement.js';
import { SUM_CTES } from './sum-statement.js';

const MESSAGES = MESSAGE_MEASURES.join(', ');
const MONEY = MONEY_MEASURES.join(', ');
const THROUGHPUT_MEASURES = ['accepted', 'completed'];

const TO_OUTCOMES = `to_outcome_account AS (
  INSERT INTO outcome_account AS r (
    generation, grain_minutes, account_id, bucket, operator_id, outcome, reason,
    ${MESSAGES}
  )
  SELECT
    :generation, ${BASE_GRAIN_MINUTES}, account_id, at, operator_id, outcome, reason,
    ${MESSAGES}
  FROM outcome_cell
  ORDER BY account_id, at, operator_id, outcome, reason
  ON CONFLICT (generation, account_id, grain_minutes, bucket, operator_id, outcome, reason)
  DO UPDATE SET
    ${add(MESSAGE_MEASURES)}
),
to_outcome_platform AS (
  INSERT INTO outcome_platform AS r (
    generation, grain_minutes, bucket, operator_id, outcome, reason,
    ${MESSAGES}
  )
  SELECT
    :generation, grain, ${BUCKET} AS bucket, operator_id, outcome, reason,
    ${sums(MESSAGE_MEASURES)}
  FROM outcome_platform_cell AS cell, ${grains(PLATFORM_GRAINS_MINUTES)}
  GROUP BY grain, bucket, operator_id, outcome, reason
  ORDER BY grain, bucket, operator_id, outcome, reason
  ON CONFLICT (generation, grain_minutes, bucket, operator_id, outcome, reason)
  DO UPDATE SET
    ${add(MESSAGE_MEASURES)}
)`;

const TO_MONEY = `to_money_account AS (
  INSERT INTO money_account AS r (
    generation, grain_minutes, account_id, bucket, operator_id, currency,
    ${MONEY}
  )
  SELECT
    :generation, ${BASE_GRAIN_MINUTES}, account_id, at, operator_id, currency,
    ${MONEY}
  FROM money_cell
  ORDER BY account_id, at, operator_id, currency
  ON CONFLICT (generation, account_id, grain_minutes, bucket, operator_id, currency)
  DO UPDATE SET
    ${add(MONEY_MEASURES)}
)`;

const TO_LATENCY = `to_latency_platform AS (
  INSERT INTO latency_platform AS r (
    generation, grain_minutes, bucket, operator_id, bin, messages
  )
  SELECT :generation, ${BASE_GRAIN_MINUTES}, at, operator_id, bin, messages
  FROM latency_cell
  ORDER BY at, operator_id, bin
  ON CONFLICT (generation, grain_minutes, bucket, operator_id, bin)
  DO UPDATE SET
    ${add(['messages'])}
)`;

const TO_THROUGHPUT = `to_throughput_platform AS (
  INSERT INTO throughput_platform AS r (
    generation, grain_minutes, bucket, operator_id, accepted, completed
  )
  SELECT
    :generation, grain, ${BUCKET} AS bucket, operator_id,
    ${sums(THROUGHPUT_MEASURES)}
  FROM throughput_cell AS cell, ${grains(THROUGHPUT_GRAINS_MINUTES)}
  GROUP BY grain, bucket, operator_id
  ORDER BY grain, bucket, operator_id
  ON CONFLICT (generation, grain_minutes, bucket, operator_id)
  DO UPDATE SET
    ${add(THROUGHPUT_MEASURES)}
)`;

/** What the copy to ClickHouse and the memory of answers go by. */
const TO_CHANGES = `changed AS MATERIALIZED (
  SELECT DISTINCT 'outcome' AS rollup, at FROM outcome_cell
  UNION ALL
  SELECT DISTINCT 'money', at FROM money_cell
  UNION ALL
  SELECT DISTINCT 'latency', at FROM latency_cell
  UNION ALL
  SELECT DISTINCT 'throughput', at FROM throughput_cell
),
to_rollup_change AS (
  INSERT INTO rollup_change (generation, rollup, bucket)
  SELECT :generation, rollup, at
  FROM changed
),
to_day_version AS (
  INSERT INTO day_version AS r (generation, bucket)
  SELECT DISTINCT :generation::smallint, date_trunc('day', at, 'UTC') AS bucket
  FROM changed
  ORDER BY bucket
  ON CONFLICT (generation, grain_minutes, bucket)
  DO UPDATE SET version = r.version + 1
)`;

/**
 * WITH items that bring `moved` and `moved_refund` into every rollup; only the cells that begin at
 * or after `since` (a SQL expression) where one is given.
 */
export const rollupCtes = (since?: string) =>
  [cellCtes(since), TO_OUTCOMES, TO_MONEY, TO_LATENCY, TO_THROUGHPUT, SUM_CTES, TO_CHANGES].join(
    ',\n',
  );
