// From moved ledger rows to rollups: what each message was counted as is taken back, what it is
// counted as now is added, both as signed cells that cancel where nothing changed. Every INSERT is
// in key order, so that two ingest processes lock rows in the same order and never deadlock.
//
// Names that the fragments of a statement share, here, in sum-statement.ts and rollups/grains.ts:
//   :generation    the generation that is written
//   moved          the changed rows of the ledger: columns old_… (NULL for a new row) and new_…
//   moved_refund   the same of refunds
//   side           what was counted (old, sign -1) beside what is counted now (new, sign 1)
//   …_cell         sums of the sides at the base grain; `at` is where a cell begins
//   cell           a row of such sums, as BUCKET and sums() read it
//   grain          a size of grains() in minutes
//   r              the stored row that add() adds to
import { BASE_GRAIN_MINUTES } from '../../domain/measures/counted.js';
import {
  add,
  BUCKET,
  grains,
  MESSAGE_MEASURES,
  MONEY_MEASURES,
  minute,
  PLATFORM_GRAINS_MINUTES,
  quarterHour,
  sums,
  THROUGHPUT_GRAINS_MINUTES,
} from '../../rollups/grains.js';
import { SUM_CTES } from './sum-statement.js';

const MESSAGES = MESSAGE_MEASURES.join(', ');
const MONEY = MONEY_MEASURES.join(', ');
const THROUGHPUT_MEASURES = ['accepted', 'completed'];

/** Account: the charge's, else the report's. Operator: the report's, else the charge's. */
const counted = (side: 'old' | 'new', sign: '1' | '-1') => `
  SELECT
    ${sign} AS sign,
    CASE
      WHEN ${side}_charge_event <> '' THEN ${side}_charge_account
      ELSE ${side}_report_account
    END AS account_id,
    CASE
      WHEN ${side}_report_class > 0 THEN ${side}_report_operator
      ELSE ${side}_charge_operator
    END AS operator_id,
    ${minute(`${side}_accepted_at`)} AS accepted_minute,
    ${side}_outcome AS outcome,
    ${side}_reason AS reason,
    ${side}_segments AS segments,
    (${side}_delivered_seen AND ${side}_failure_seen)::int AS contradicted,
    ${side}_latency_bin AS bin,
    CASE
      WHEN ${side}_report_class >= 3 THEN ${minute(`${side}_reported_at`)}
    END AS completed_minute
  FROM moved
  WHERE ${side}_accepted_at IS NOT NULL`;

const charge = (side: 'old' | 'new', sign: '' | '-') => `
    SELECT
      ${side}_charge_account AS account_id,
      ${quarterHour(`${side}_charged_at`)} AS at,
      ${side}_charge_operator AS operator_id,
      ${side}_currency AS currency,
      ${sign}1 AS charges,
      ${sign}${side}_amount AS charged,
      0 AS refunds,
      NULL::numeric AS refunded
    FROM moved
    WHERE ${side}_charge_event <> ''`;

const refund = (side: 'old' | 'new', sign: '' | '-') => `
    SELECT
      ${side}_account_id,
      ${quarterHour(`${side}_refunded_at`)},
      ${side}_operator_id,
      ${side}_currency,
      0,
      NULL,
      ${sign}1,
      ${sign}${side}_amount
    FROM moved_refund
    WHERE ${side}_amount IS NOT NULL`;

/** Signed cells at the base grain, without those that cancel. */
const cells = (since: string | undefined) => {
  const where = since === undefined ? '' : `\n  WHERE at >= ${since}`;
  return `
counted AS MATERIALIZED (${counted('old', '-1')}
  UNION ALL${counted('new', '1')}
),
outcome_cell AS MATERIALIZED (
  SELECT
    account_id, at, operator_id, outcome, reason,
    sum(sign) AS messages,
    sum(sign * segments) AS segments,
    sum(sign * contradicted) AS contradicted
  FROM (
    SELECT *, ${quarterHour('accepted_minute')} AS at
    FROM counted
  ) AS side${where}
  GROUP BY account_id, at, operator_id, outcome, reason
  HAVING sum(sign) <> 0
    OR sum(sign * segments) <> 0
    OR sum(sign * contradicted) <> 0
),
money_cell AS MATERIALIZED (
  SELECT
    account_id, at, operator_id, currency,
    sum(charges) AS charges,
    coalesce(sum(charged), 0) AS charged,
    sum(refunds) AS refunds,
    coalesce(sum(refunded), 0) AS refunded
  FROM (${charge('old', '-')}
    UNION ALL${charge('new', '')}
    UNION ALL${refund('old', '-')}
    UNION ALL${refund('new', '')}
  ) AS side${where}
  GROUP BY account_id, at, operator_id, currency
  HAVING sum(charges) <> 0
    OR sum(charged) <> 0
    OR sum(refunds) <> 0
    OR sum(refunded) <> 0
),
outcome_platform_cell AS MATERIALIZED (
  SELECT
    at, operator_id, outcome, reason,
    ${sums(MESSAGE_MEASURES)}
  FROM outcome_cell AS cell
  GROUP BY at, operator_id, outcome, reason
),
money_platform_cell AS MATERIALIZED (
  SELECT
    at, operator_id, currency,
    ${sums(MONEY_MEASURES)}
  FROM money_cell AS cell
  GROUP BY at, operator_id, currency
),
latency_cell AS MATERIALIZED (
  SELECT at, operator_id, bin, sum(sign) AS messages
  FROM (
    SELECT *, ${quarterHour('accepted_minute')} AS at
    FROM counted
    WHERE bin IS NOT NULL
  ) AS side${where}
  GROUP BY at, operator_id, bin
  HAVING sum(sign) <> 0
),
throughput_cell AS MATERIALIZED (
  SELECT at, operator_id, sum(accepted) AS accepted, sum(completed) AS completed
  FROM (
    SELECT accepted_minute AS at, operator_id, sign AS accepted, 0 AS completed
    FROM counted
    UNION ALL
    SELECT completed_minute, operator_id, 0, sign
    FROM counted
    WHERE completed_minute IS NOT NULL
  ) AS side${where}
  GROUP BY at, operator_id
  HAVING sum(accepted) <> 0
    OR sum(completed) <> 0
)`;
};

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
  [cells(since), TO_OUTCOMES, TO_MONEY, TO_LATENCY, TO_THROUGHPUT, SUM_CTES, TO_CHANGES].join(
    ',\n',
  );
