// From signed cells to the narrow sums that series are answered from: one row for each bucket (and
// operator; '' is all of them), where the rollups hold one for each reason, bin or minute. Every
// INSERT is in key order, as in rollup-statement.ts, whose WITH list this is a part of.
import { OUTCOMES } from '../../domain/message/outcome.js';
import {
  ACCOUNT_GRAINS_MINUTES,
  add,
  BUCKET,
  grains,
  MONEY_MEASURES,
  PLATFORM_GRAINS_MINUTES,
  sums,
} from '../../rollups/grains.js';

/** Columns of outcome_sum: one for each outcome, then what lies across them. */
const OUTCOME_COLUMNS = OUTCOMES.map((outcome) => outcome.toLowerCase());
const OUTCOME_MEASURES = [...OUTCOME_COLUMNS, 'segments', 'contradicted'];
const byOutcome = OUTCOMES.map(
  (outcome) => `coalesce(sum(cell.messages) FILTER (WHERE outcome = '${outcome}'), 0)`,
).join(', ');

const GRAINS = grains(PLATFORM_GRAINS_MINUTES);
/** At the base grain the sums of an account are few rows of its rollup already. */
const ACCOUNT_GRAINS = grains(ACCOUNT_GRAINS_MINUTES.slice(1));
const HOUR = `date_trunc('hour', at, 'UTC')`;

/** Adds arrays of bins; a bin that falls to zero goes. */
const ADD_BINS = `(bins, messages) = (
    SELECT coalesce(array_agg(bin ORDER BY bin), '{}'), coalesce(array_agg(n ORDER BY bin), '{}')
    FROM (SELECT bin, sum(n)::bigint AS n
          FROM (SELECT * FROM unnest(r.bins, r.messages) UNION ALL
                SELECT * FROM unnest(excluded.bins, excluded.messages)) AS side (bin, n)
          GROUP BY bin HAVING sum(n) <> 0) AS added)`;

/**
 * Reads outcome_cell, money_cell, outcome_platform_cell, money_platform_cell, latency_cell and
 * throughput_cell.
 */
export const SUM_CTES = `to_outcome_sum AS (
  INSERT INTO outcome_sum AS r (generation, grain_minutes, operator_id, bucket, ${OUTCOME_MEASURES.join(', ')})
  SELECT $1, grain, coalesce(operator_id, ''), bucket, ${byOutcome}, ${sums(['segments', 'contradicted'])}
  FROM (SELECT cell.*, grain, ${BUCKET} AS bucket FROM outcome_platform_cell AS cell, ${GRAINS}) AS cell
  GROUP BY GROUPING SETS ((grain, bucket, operator_id), (grain, bucket)) ORDER BY 2, 3, 4
  ON CONFLICT (generation, grain_minutes, operator_id, bucket) DO UPDATE SET ${add(OUTCOME_MEASURES)}),
to_money_sum AS (
  INSERT INTO money_sum AS r (generation, grain_minutes, operator_id, bucket, currency, ${MONEY_MEASURES.join(', ')})
  SELECT $1, grain, coalesce(operator_id, ''), bucket, currency, ${sums(MONEY_MEASURES)}
  FROM (SELECT cell.*, grain, ${BUCKET} AS bucket FROM money_platform_cell AS cell, ${GRAINS}) AS cell
  GROUP BY GROUPING SETS ((grain, bucket, currency, operator_id), (grain, bucket, currency)) ORDER BY 2, 3, 4, 5
  ON CONFLICT (generation, grain_minutes, operator_id, bucket, currency) DO UPDATE SET ${add(MONEY_MEASURES)}),
to_latency_histogram AS (
  INSERT INTO latency_histogram AS r (generation, grain_minutes, operator_id, bucket, bins, messages)
  SELECT $1, grain, operator_id, bucket, array_agg(bin ORDER BY bin), array_agg(n ORDER BY bin)
  FROM (SELECT grain, coalesce(operator_id, '') AS operator_id, bucket, bin, sum(messages)::bigint AS n
        FROM (SELECT cell.*, grain, ${BUCKET} AS bucket FROM latency_cell AS cell, ${GRAINS}) AS cell
        GROUP BY GROUPING SETS ((grain, bucket, bin, operator_id), (grain, bucket, bin))
        HAVING sum(messages) <> 0) AS by_bin
  GROUP BY 2, 3, 4 ORDER BY 2, 3, 4
  ON CONFLICT (generation, grain_minutes, operator_id, bucket) DO UPDATE SET ${ADD_BINS}, version = r.version + 1),
to_throughput_sum AS (
  INSERT INTO throughput_sum AS r (generation, grain_minutes, bucket, accepted, completed)
  SELECT $1, 60, hour, array_agg(coalesce(accepted, 0) ORDER BY minute),
         array_agg(coalesce(completed, 0) ORDER BY minute)
  FROM (SELECT DISTINCT ${HOUR} AS hour FROM throughput_cell) AS hours
  CROSS JOIN generate_series(0, 59) AS minute
  LEFT JOIN (SELECT at, sum(accepted)::bigint AS accepted, sum(completed)::bigint AS completed
             FROM throughput_cell GROUP BY at) AS cell ON cell.at = hour + minute * interval '1 min'
  GROUP BY 3 ORDER BY 3
  ON CONFLICT (generation, grain_minutes, bucket) DO UPDATE SET
    accepted = add_minutes(r.accepted, excluded.accepted),
    completed = add_minutes(r.completed, excluded.completed), version = r.version + 1),
to_account_outcome_sum AS (
  INSERT INTO account_outcome_sum AS r (generation, grain_minutes, account_id, bucket, ${OUTCOME_MEASURES.join(', ')})
  SELECT $1, grain, account_id, ${BUCKET}, ${byOutcome}, ${sums(['segments', 'contradicted'])}
  FROM outcome_cell AS cell, ${ACCOUNT_GRAINS} GROUP BY 2, 3, 4 ORDER BY 2, 3, 4
  ON CONFLICT (generation, grain_minutes, account_id, bucket) DO UPDATE SET ${add(OUTCOME_MEASURES)}),
to_account_money_sum AS (
  INSERT INTO account_money_sum AS r (generation, grain_minutes, account_id, bucket, currency, ${MONEY_MEASURES.join(', ')})
  SELECT $1, grain, account_id, ${BUCKET}, currency, ${sums(MONEY_MEASURES)}
  FROM money_cell AS cell, ${ACCOUNT_GRAINS} GROUP BY 2, 3, 4, 5 ORDER BY 2, 3, 4, 5
  ON CONFLICT (generation, grain_minutes, account_id, bucket, currency) DO UPDATE SET ${add(MONEY_MEASURES)})`;
