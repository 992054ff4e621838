// From signed cells to the narrow sums that series are answered from: one row for each bucket (and
// operator; '' is all of them), where the rollups hold one for each reason, bin or minute. Every
// INSERT is in key order. Its items belong to the WITH list of rollup-statement.ts, which says what
// the names mean that they share.
import { OUTCOMES } from '../../domain/message/outcome.js';
import {
  ACCOUNT_GRAINS_MINUTES,
  add,
  BUCKET,
  grains,
  HOUR_MINUTES,
  MONEY_MEASURES,
  OUTCOME_SUM_MEASURES,
  PLATFORM_GRAINS_MINUTES,
  sums,
} from '../../rollups/grains.js';

const OUTCOMES_BY_COLUMN = OUTCOME_SUM_MEASURES.join(', ');
const MONEY = MONEY_MEASURES.join(', ');
/** The values of OUTCOME_SUM_MEASURES from a group of cells. */
const OUTCOME_SUMS = [
  ...OUTCOMES.map(
    (outcome) => `coalesce(sum(cell.messages) FILTER (WHERE outcome = '${outcome}'), 0)`,
  ),
  sums(['segments', 'contradicted']),
].join(',\n    ');

const PLATFORM_GRAINS = grains(PLATFORM_GRAINS_MINUTES);
/** At the base grain the sums of an account are few rows of its rollup already. */
const ACCOUNT_GRAINS = grains(ACCOUNT_GRAINS_MINUTES.slice(1));

/** A FROM item: each cell once for each grain, with its bucket. */
const atEachGrain = (cells: string) => `(
    SELECT cell.*, grain, ${BUCKET} AS bucket
    FROM ${cells} AS cell, ${PLATFORM_GRAINS}
  ) AS cell`;

/** Adds arrays of bins; a bin that falls to zero goes. */
const ADD_BINS = `(bins, messages) = (
      SELECT
        coalesce(array_agg(bin ORDER BY bin), '{}'),
        coalesce(array_agg(n ORDER BY bin), '{}')
      FROM (
        SELECT bin, sum(n)::bigint AS n
        FROM (
          SELECT * FROM unnest(r.bins, r.messages)
          UNION ALL
          SELECT * FROM unnest(excluded.bins, excluded.messages)
        ) AS side (bin, n)
        GROUP BY bin
        HAVING sum(n) <> 0
      ) AS added
    )`;

const PLATFORM_SUMS = `to_outcome_sum AS (
  INSERT INTO outcome_sum AS r (
    generation, grain_minutes, operator_id, bucket,
    ${OUTCOMES_BY_COLUMN}
  )
  SELECT
    :generation, grain, coalesce(operator_id, '') AS one_or_all, bucket,
    ${OUTCOME_SUMS}
  FROM ${atEachGrain('outcome_platform_cell')}
  GROUP BY GROUPING SETS ((grain, bucket, operator_id), (grain, bucket))
  ORDER BY grain, one_or_all, bucket
  ON CONFLICT (generation, grain_minutes, operator_id, bucket)
  DO UPDATE SET
    ${add(OUTCOME_SUM_MEASURES)}
),
to_money_sum AS (
  INSERT INTO money_sum AS r (
    generation, grain_minutes, operator_id, bucket, currency,
    ${MONEY}
  )
  SELECT
    :generation, grain, coalesce(operator_id, '') AS one_or_all, bucket, currency,
    ${sums(MONEY_MEASURES)}
  FROM ${atEachGrain('money_platform_cell')}
  GROUP BY GROUPING SETS ((grain, bucket, currency, operator_id), (grain, bucket, currency))
  ORDER BY grain, one_or_all, bucket, currency
  ON CONFLICT (generation, grain_minutes, operator_id, bucket, currency)
  DO UPDATE SET
    ${add(MONEY_MEASURES)}
)`;

const LATENCY_HISTOGRAM = `to_latency_histogram AS (
  INSERT INTO latency_histogram AS r (
    generation, grain_minutes, operator_id, bucket, bins, messages
  )
  SELECT
    :generation, grain, operator_id, bucket,
    array_agg(bin ORDER BY bin),
    array_agg(n ORDER BY bin)
  FROM (
    SELECT
      grain, coalesce(operator_id, '') AS operator_id, bucket, bin,
      sum(messages)::bigint AS n
    FROM ${atEachGrain('latency_cell')}
    GROUP BY GROUPING SETS ((grain, bucket, bin, operator_id), (grain, bucket, bin))
    HAVING sum(messages) <> 0
  ) AS by_bin
  GROUP BY grain, operator_id, bucket
  ORDER BY grain, operator_id, bucket
  ON CONFLICT (generation, grain_minutes, operator_id, bucket)
  DO UPDATE SET
    ${ADD_BINS},
    version = r.version + 1
)`;

const THROUGHPUT_SUM = `to_throughput_sum AS (
  INSERT INTO throughput_sum AS r (generation, grain_minutes, bucket, accepted, completed)
  SELECT
    :generation, ${HOUR_MINUTES}, hour,
    array_agg(coalesce(accepted, 0) ORDER BY minute),
    array_agg(coalesce(completed, 0) ORDER BY minute)
  FROM (
    SELECT DISTINCT date_trunc('hour', at, 'UTC') AS hour
    FROM throughput_cell
  ) AS hours
  CROSS JOIN generate_series(0, ${HOUR_MINUTES - 1}) AS minute
  LEFT JOIN (
    SELECT at, sum(accepted)::bigint AS accepted, sum(completed)::bigint AS completed
    FROM throughput_cell
    GROUP BY at
  ) AS cell ON cell.at = hour + minute * interval '1 min'
  GROUP BY hour
  ORDER BY hour
  ON CONFLICT (generation, grain_minutes, bucket)
  DO UPDATE SET
    accepted = add_minutes(r.accepted, excluded.accepted),
    completed = add_minutes(r.completed, excluded.completed),
    version = r.version + 1
)`;

const ACCOUNT_SUMS = `to_account_outcome_sum AS (
  INSERT INTO account_outcome_sum AS r (
    generation, grain_minutes, account_id, bucket,
    ${OUTCOMES_BY_COLUMN}
  )
  SELECT
    :generation, grain, account_id, ${BUCKET} AS bucket,
    ${OUTCOME_SUMS}
  FROM outcome_cell AS cell, ${ACCOUNT_GRAINS}
  GROUP BY grain, account_id, bucket
  ORDER BY grain, account_id, bucket
  ON CONFLICT (generation, grain_minutes, account_id, bucket)
  DO UPDATE SET
    ${add(OUTCOME_SUM_MEASURES)}
),
to_account_money_sum AS (
  INSERT INTO account_money_sum AS r (
    generation, grain_minutes, account_id, bucket, currency,
    ${MONEY}
  )
  SELECT
    :generation, grain, account_id, ${BUCKET} AS bucket, currency,
    ${sums(MONEY_MEASURES)}
  FROM money_cell AS cell, ${ACCOUNT_GRAINS}
  GROUP BY grain, account_id, bucket, currency
  ORDER BY grain, account_id, bucket, currency
  ON CONFLICT (generation, grain_minutes, account_id, bucket, currency)
  DO UPDATE SET
    ${add(MONEY_MEASURES)}
)`;

/**
 * Reads outcome_cell, money_cell, outcome_platform_cell, money_platform_cell, latency_cell and
 * throughput_cell.
 */
export const SUM_CTES = [PLATFORM_SUMS, LATENCY_HISTOGRAM, THROUGHPUT_SUM, ACCOUNT_SUMS].join(
  ',\n',
);
