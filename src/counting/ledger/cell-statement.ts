// From moved ledger rows to cells at the base grain. The statement takes back what each message was
// counted as and adds what it is counted as now; both cancel where nothing changed. These items
// begin the WITH list of rollup-statement.ts, which explains the names that they share.
import {
  MESSAGE_MEASURES,
  MONEY_MEASURES,
  minute,
  quarterHour,
  sums,
} from '../../rollups/grains.js';

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

const PLATFORM_CELLS = `outcome_platform_cell AS MATERIALIZED (
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
)`;

const cellsOfTimes = (where: string) => `latency_cell AS MATERIALIZED (
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

/**
 * WITH items that make the cells of `moved` and `moved_refund`, without those that cancel; only the
 * cells that begin at or after `since` (a SQL expression) where one is given.
 */
export const cellCtes = (since: string | undefined) => {
  const where = since === undefined ? '' : `\n  WHERE at >= ${since}`;
  return `counted AS MATERIALIZED (${counted('old', '-1')}
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
${PLATFORM_CELLS},
${cellsOfTimes(where)}`;
};
