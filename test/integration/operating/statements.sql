-- listDeadLetters

SELECT
  stream_id,
  sequence,
  (extract(epoch FROM published_at) * 1000000)::bigint AS published_at,
  (extract(epoch FROM recorded_at) * 1000000)::bigint AS recorded_at,
  subject,
  reason,
  field,
  event_id,
  message_id,
  payload_digest,
  resolution,
  (extract(epoch FROM resolved_at) * 1000000)::bigint AS resolved_at
FROM dead_letter
WHERE ($1::text IS NULL OR reason = $1)
  AND ($2::timestamptz IS NULL OR recorded_at >= $2)
  AND (NOT $3 OR resolution IS NULL)
ORDER BY recorded_at DESC, stream_id DESC, sequence DESC
LIMIT $4;

-- nextDeadLetters

SELECT
  stream_id,
  sequence,
  (extract(epoch FROM published_at) * 1000000)::bigint AS published_at,
  (extract(epoch FROM recorded_at) * 1000000)::bigint AS recorded_at,
  subject,
  reason,
  field,
  event_id,
  message_id,
  payload_digest,
  resolution,
  (extract(epoch FROM resolved_at) * 1000000)::bigint AS resolved_at
FROM dead_letter
WHERE ($1::text IS NULL OR reason = $1)
  AND ($2::timestamptz IS NULL OR recorded_at >= $2)
  AND (NOT $3 OR resolution IS NULL)
  AND (stream_id, sequence) > ($4, $5)
ORDER BY stream_id, sequence
LIMIT $6;

-- countDeadLetters

SELECT count(*) AS count
FROM dead_letter
WHERE ($1::text IS NULL OR reason = $1)
  AND ($2::timestamptz IS NULL OR recorded_at >= $2)
  AND (NOT $3 OR resolution IS NULL);

-- readDeadLetter

SELECT
  stream_id,
  sequence,
  (extract(epoch FROM published_at) * 1000000)::bigint AS published_at,
  (extract(epoch FROM recorded_at) * 1000000)::bigint AS recorded_at,
  subject,
  reason,
  field,
  event_id,
  message_id,
  payload_digest,
  resolution,
  (extract(epoch FROM resolved_at) * 1000000)::bigint AS resolved_at
FROM dead_letter
WHERE stream_id = $1
  AND sequence = $2;

-- resolveDeadLetter

UPDATE "public"."dead_letter" SET "resolution" = $1, "resolved_at" = $2 WHERE ("public"."dead_letter"."stream_id" = $3 AND "public"."dead_letter"."sequence" = $4 AND "public"."dead_letter"."resolution" IS NULL);

-- countByReason

SELECT
  reason,
  (count(*) FILTER (WHERE resolution IS NULL))::int AS open,
  count(resolution)::int AS resolved
FROM dead_letter
GROUP BY reason
ORDER BY open DESC, reason;

-- isCounted

SELECT
FROM ledger
WHERE generation = $1
  AND accepted_day = $2
  AND message_id = $3
  AND charged_at = $4::timestamptz
  AND charge_event = $5::text
  AND segments = $6::smallint
  AND amount = $7::numeric
  AND currency = $8::text
  AND charge_account = $9::text
  AND charge_operator = $10::text;

SELECT
FROM refund
WHERE generation = $1
  AND accepted_day = $2
  AND message_id = $3
  AND event_id = $4
  AND refunded_at = $5::timestamptz
  AND amount = $6::numeric
  AND currency = $7::text
  AND account_id = $8::text
  AND operator_id = $9::text;

-- insertBuilding

INSERT INTO generation
  (generation, state, durable, ledger_floor, base_generation, rebuilt_from)
SELECT
  next,
  'building',
  'analytics-rollup-g' || next,
  ledger_floor,
  generation,
  $1
FROM generation, LATERAL (SELECT max(generation) + 1 AS next FROM generation) AS n
WHERE generation = $2
  AND state = 'serving'
  AND NOT EXISTS (SELECT FROM generation WHERE state = 'building')
RETURNING generation;

-- setRebuiltFrom

UPDATE "public"."generation" SET "rebuilt_from" = $1 WHERE ("public"."generation"."generation" = $2 AND "public"."generation"."copied_at" IS NULL);

-- prepareGeneration

SELECT create_generation_partitions($1);

SELECT create_ledger_days($1, coalesce(first_day, today), today + 2)
FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS t,
  (
    SELECT min(to_date(right(c.relname, 8), 'YYYYMMDD')) AS first_day
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass('ledger_g' || $2::int)
  ) AS of_base;

-- copyGeneration

SELECT DISTINCT to_date(right(c.relname, 8), 'YYYYMMDD')::text AS day
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent IN (
    to_regclass('ledger_g' || $1::int),
    to_regclass('refund_g' || $1::int)
  )
  AND right(c.relname, 8) < to_char($2::date, 'YYYYMMDD')
ORDER BY day;

INSERT INTO outcome_account (
  generation,
  grain_minutes,
  bucket,
  account_id,
  operator_id,
  outcome,
  reason,
  messages,
  segments,
  contradicted
)
SELECT
  $1::smallint,
  grain_minutes,
  bucket,
  account_id,
  operator_id,
  outcome,
  reason,
  messages,
  segments,
  contradicted
FROM outcome_account
WHERE generation = $2
  AND bucket < $3::timestamptz
  AND (messages <> 0 OR segments <> 0 OR contradicted <> 0);

INSERT INTO outcome_platform (
  generation,
  grain_minutes,
  bucket,
  operator_id,
  outcome,
  reason,
  messages,
  segments,
  contradicted
)
SELECT
  $1::smallint,
  grain_minutes,
  bucket,
  operator_id,
  outcome,
  reason,
  messages,
  segments,
  contradicted
FROM outcome_platform
WHERE generation = $2
  AND bucket < $3::timestamptz
  AND (messages <> 0 OR segments <> 0 OR contradicted <> 0);

INSERT INTO money_account (
  generation,
  grain_minutes,
  bucket,
  account_id,
  operator_id,
  currency,
  charges,
  charged,
  refunds,
  refunded
)
SELECT
  $1::smallint,
  grain_minutes,
  bucket,
  account_id,
  operator_id,
  currency,
  charges,
  charged,
  refunds,
  refunded
FROM money_account
WHERE generation = $2
  AND bucket < $3::timestamptz
  AND (charges <> 0 OR charged <> 0 OR refunds <> 0 OR refunded <> 0);

INSERT INTO latency_platform (
  generation,
  grain_minutes,
  bucket,
  operator_id,
  bin,
  messages
)
SELECT
  $1::smallint,
  grain_minutes,
  bucket,
  operator_id,
  bin,
  messages
FROM latency_platform
WHERE generation = $2
  AND bucket < $3::timestamptz
  AND (messages <> 0);

INSERT INTO throughput_platform (
  generation,
  grain_minutes,
  bucket,
  operator_id,
  accepted,
  completed
)
SELECT
  $1::smallint,
  grain_minutes,
  bucket,
  operator_id,
  accepted,
  completed
FROM throughput_platform
WHERE generation = $2
  AND bucket < $3::timestamptz
  AND (accepted <> 0 OR completed <> 0);

INSERT INTO outcome_sum (
  generation,
  grain_minutes,
  bucket,
  operator_id,
  pending,
  delivered,
  undeliverable,
  expired,
  rejected,
  deleted,
  unknown,
  segments,
  contradicted
)
SELECT
  $1::smallint,
  grain_minutes,
  bucket,
  operator_id,
  pending,
  delivered,
  undeliverable,
  expired,
  rejected,
  deleted,
  unknown,
  segments,
  contradicted
FROM outcome_sum
WHERE generation = $2
  AND bucket < $3::timestamptz
  AND (pending <> 0 OR delivered <> 0 OR undeliverable <> 0 OR expired <> 0 OR rejected <> 0 OR deleted <> 0 OR unknown <> 0 OR segments <> 0 OR contradicted <> 0);

INSERT INTO money_sum (
  generation,
  grain_minutes,
  bucket,
  operator_id,
  currency,
  charges,
  charged,
  refunds,
  refunded
)
SELECT
  $1::smallint,
  grain_minutes,
  bucket,
  operator_id,
  currency,
  charges,
  charged,
  refunds,
  refunded
FROM money_sum
WHERE generation = $2
  AND bucket < $3::timestamptz
  AND (charges <> 0 OR charged <> 0 OR refunds <> 0 OR refunded <> 0);

INSERT INTO account_outcome_sum (
  generation,
  grain_minutes,
  bucket,
  account_id,
  pending,
  delivered,
  undeliverable,
  expired,
  rejected,
  deleted,
  unknown,
  segments,
  contradicted
)
SELECT
  $1::smallint,
  grain_minutes,
  bucket,
  account_id,
  pending,
  delivered,
  undeliverable,
  expired,
  rejected,
  deleted,
  unknown,
  segments,
  contradicted
FROM account_outcome_sum
WHERE generation = $2
  AND bucket < $3::timestamptz
  AND (pending <> 0 OR delivered <> 0 OR undeliverable <> 0 OR expired <> 0 OR rejected <> 0 OR deleted <> 0 OR unknown <> 0 OR segments <> 0 OR contradicted <> 0);

INSERT INTO account_money_sum (
  generation,
  grain_minutes,
  bucket,
  account_id,
  currency,
  charges,
  charged,
  refunds,
  refunded
)
SELECT
  $1::smallint,
  grain_minutes,
  bucket,
  account_id,
  currency,
  charges,
  charged,
  refunds,
  refunded
FROM account_money_sum
WHERE generation = $2
  AND bucket < $3::timestamptz
  AND (charges <> 0 OR charged <> 0 OR refunds <> 0 OR refunded <> 0);

INSERT INTO latency_histogram (
  generation,
  grain_minutes,
  bucket,
  operator_id,
  bins,
  messages
)
SELECT
  $1::smallint,
  grain_minutes,
  bucket,
  operator_id,
  bins,
  messages
FROM latency_histogram
WHERE generation = $2
  AND bucket < $3::timestamptz;

INSERT INTO throughput_sum (
  generation,
  grain_minutes,
  bucket,
  accepted,
  completed
)
SELECT
  $1::smallint,
  grain_minutes,
  bucket,
  accepted,
  completed
FROM throughput_sum
WHERE generation = $2
  AND bucket < $3::timestamptz;

UPDATE generation
SET copied_at = now(),
  ledger_floor = (SELECT ledger_floor FROM generation WHERE generation = $1)
WHERE generation = $2
  AND state = 'building';

-- differingBuckets

WITH mark AS (
  SELECT
    generation,
    grain_minutes,
    bucket,
    sum(hashtextextended(concat_ws('|',
      account_id,
      operator_id,
      outcome,
      reason,
      trim_scale(messages::numeric),
      trim_scale(segments::numeric),
      trim_scale(contradicted::numeric)), 0)::numeric)::text AS mark
  FROM outcome_account AS r
  WHERE generation IN ($1, $2)
    AND bucket + grain_minutes * interval '1 min' <= $3
    AND ($4::timestamptz[] IS NULL OR bucket = ANY ($4))
    AND (messages <> 0 OR segments <> 0 OR contradicted <> 0)
  GROUP BY generation, grain_minutes, bucket
),
both_marks AS (
  SELECT
    grain_minutes,
    bucket,
    coalesce(max(mark) FILTER (WHERE generation = $1), '') AS old,
    coalesce(max(mark) FILTER (WHERE generation = $2), '') AS new
  FROM mark
  GROUP BY grain_minutes, bucket
)
SELECT
  'outcome_account' AS table,
  grain_minutes,
  (extract(epoch FROM bucket) * 1000000)::bigint AS bucket,
  old,
  new
FROM both_marks
WHERE old <> new;

WITH mark AS (
  SELECT
    generation,
    grain_minutes,
    bucket,
    sum(hashtextextended(concat_ws('|',
      operator_id,
      outcome,
      reason,
      trim_scale(messages::numeric),
      trim_scale(segments::numeric),
      trim_scale(contradicted::numeric)), 0)::numeric)::text AS mark
  FROM outcome_platform AS r
  WHERE generation IN ($1, $2)
    AND bucket + grain_minutes * interval '1 min' <= $3
    AND ($4::timestamptz[] IS NULL OR bucket = ANY ($4))
    AND (messages <> 0 OR segments <> 0 OR contradicted <> 0)
  GROUP BY generation, grain_minutes, bucket
),
both_marks AS (
  SELECT
    grain_minutes,
    bucket,
    coalesce(max(mark) FILTER (WHERE generation = $1), '') AS old,
    coalesce(max(mark) FILTER (WHERE generation = $2), '') AS new
  FROM mark
  GROUP BY grain_minutes, bucket
)
SELECT
  'outcome_platform' AS table,
  grain_minutes,
  (extract(epoch FROM bucket) * 1000000)::bigint AS bucket,
  old,
  new
FROM both_marks
WHERE old <> new;

WITH mark AS (
  SELECT
    generation,
    grain_minutes,
    bucket,
    sum(hashtextextended(concat_ws('|',
      account_id,
      operator_id,
      currency,
      trim_scale(charges::numeric),
      trim_scale(charged::numeric),
      trim_scale(refunds::numeric),
      trim_scale(refunded::numeric)), 0)::numeric)::text AS mark
  FROM money_account AS r
  WHERE generation IN ($1, $2)
    AND bucket + grain_minutes * interval '1 min' <= $3
    AND ($4::timestamptz[] IS NULL OR bucket = ANY ($4))
    AND (charges <> 0 OR charged <> 0 OR refunds <> 0 OR refunded <> 0)
  GROUP BY generation, grain_minutes, bucket
),
both_marks AS (
  SELECT
    grain_minutes,
    bucket,
    coalesce(max(mark) FILTER (WHERE generation = $1), '') AS old,
    coalesce(max(mark) FILTER (WHERE generation = $2), '') AS new
  FROM mark
  GROUP BY grain_minutes, bucket
)
SELECT
  'money_account' AS table,
  grain_minutes,
  (extract(epoch FROM bucket) * 1000000)::bigint AS bucket,
  old,
  new
FROM both_marks
WHERE old <> new;

WITH mark AS (
  SELECT
    generation,
    grain_minutes,
    bucket,
    sum(hashtextextended(concat_ws('|',
      operator_id,
      bin,
      trim_scale(messages::numeric)), 0)::numeric)::text AS mark
  FROM latency_platform AS r
  WHERE generation IN ($1, $2)
    AND bucket + grain_minutes * interval '1 min' <= $3
    AND ($4::timestamptz[] IS NULL OR bucket = ANY ($4))
    AND (messages <> 0)
  GROUP BY generation, grain_minutes, bucket
),
both_marks AS (
  SELECT
    grain_minutes,
    bucket,
    coalesce(max(mark) FILTER (WHERE generation = $1), '') AS old,
    coalesce(max(mark) FILTER (WHERE generation = $2), '') AS new
  FROM mark
  GROUP BY grain_minutes, bucket
)
SELECT
  'latency_platform' AS table,
  grain_minutes,
  (extract(epoch FROM bucket) * 1000000)::bigint AS bucket,
  old,
  new
FROM both_marks
WHERE old <> new;

WITH mark AS (
  SELECT
    generation,
    grain_minutes,
    bucket,
    sum(hashtextextended(concat_ws('|',
      operator_id,
      trim_scale(accepted::numeric),
      trim_scale(completed::numeric)), 0)::numeric)::text AS mark
  FROM throughput_platform AS r
  WHERE generation IN ($1, $2)
    AND bucket + grain_minutes * interval '1 min' <= $3
    AND ($4::timestamptz[] IS NULL OR bucket = ANY ($4))
    AND (accepted <> 0 OR completed <> 0)
  GROUP BY generation, grain_minutes, bucket
),
both_marks AS (
  SELECT
    grain_minutes,
    bucket,
    coalesce(max(mark) FILTER (WHERE generation = $1), '') AS old,
    coalesce(max(mark) FILTER (WHERE generation = $2), '') AS new
  FROM mark
  GROUP BY grain_minutes, bucket
)
SELECT
  'throughput_platform' AS table,
  grain_minutes,
  (extract(epoch FROM bucket) * 1000000)::bigint AS bucket,
  old,
  new
FROM both_marks
WHERE old <> new;

WITH mark AS (
  SELECT
    generation,
    grain_minutes,
    bucket,
    sum(hashtextextended(concat_ws('|',
      operator_id,
      trim_scale(pending::numeric),
      trim_scale(delivered::numeric),
      trim_scale(undeliverable::numeric),
      trim_scale(expired::numeric),
      trim_scale(rejected::numeric),
      trim_scale(deleted::numeric),
      trim_scale(unknown::numeric),
      trim_scale(segments::numeric),
      trim_scale(contradicted::numeric)), 0)::numeric)::text AS mark
  FROM outcome_sum AS r
  WHERE generation IN ($1, $2)
    AND bucket + grain_minutes * interval '1 min' <= $3
    AND ($4::timestamptz[] IS NULL OR bucket = ANY ($4))
    AND (pending <> 0 OR delivered <> 0 OR undeliverable <> 0 OR expired <> 0 OR rejected <> 0 OR deleted <> 0 OR unknown <> 0 OR segments <> 0 OR contradicted <> 0)
  GROUP BY generation, grain_minutes, bucket
),
both_marks AS (
  SELECT
    grain_minutes,
    bucket,
    coalesce(max(mark) FILTER (WHERE generation = $1), '') AS old,
    coalesce(max(mark) FILTER (WHERE generation = $2), '') AS new
  FROM mark
  GROUP BY grain_minutes, bucket
)
SELECT
  'outcome_sum' AS table,
  grain_minutes,
  (extract(epoch FROM bucket) * 1000000)::bigint AS bucket,
  old,
  new
FROM both_marks
WHERE old <> new;

WITH mark AS (
  SELECT
    generation,
    grain_minutes,
    bucket,
    sum(hashtextextended(concat_ws('|',
      operator_id,
      currency,
      trim_scale(charges::numeric),
      trim_scale(charged::numeric),
      trim_scale(refunds::numeric),
      trim_scale(refunded::numeric)), 0)::numeric)::text AS mark
  FROM money_sum AS r
  WHERE generation IN ($1, $2)
    AND bucket + grain_minutes * interval '1 min' <= $3
    AND ($4::timestamptz[] IS NULL OR bucket = ANY ($4))
    AND (charges <> 0 OR charged <> 0 OR refunds <> 0 OR refunded <> 0)
  GROUP BY generation, grain_minutes, bucket
),
both_marks AS (
  SELECT
    grain_minutes,
    bucket,
    coalesce(max(mark) FILTER (WHERE generation = $1), '') AS old,
    coalesce(max(mark) FILTER (WHERE generation = $2), '') AS new
  FROM mark
  GROUP BY grain_minutes, bucket
)
SELECT
  'money_sum' AS table,
  grain_minutes,
  (extract(epoch FROM bucket) * 1000000)::bigint AS bucket,
  old,
  new
FROM both_marks
WHERE old <> new;

WITH mark AS (
  SELECT
    generation,
    grain_minutes,
    bucket,
    sum(hashtextextended(concat_ws('|',
      account_id,
      trim_scale(pending::numeric),
      trim_scale(delivered::numeric),
      trim_scale(undeliverable::numeric),
      trim_scale(expired::numeric),
      trim_scale(rejected::numeric),
      trim_scale(deleted::numeric),
      trim_scale(unknown::numeric),
      trim_scale(segments::numeric),
      trim_scale(contradicted::numeric)), 0)::numeric)::text AS mark
  FROM account_outcome_sum AS r
  WHERE generation IN ($1, $2)
    AND bucket + grain_minutes * interval '1 min' <= $3
    AND ($4::timestamptz[] IS NULL OR bucket = ANY ($4))
    AND (pending <> 0 OR delivered <> 0 OR undeliverable <> 0 OR expired <> 0 OR rejected <> 0 OR deleted <> 0 OR unknown <> 0 OR segments <> 0 OR contradicted <> 0)
  GROUP BY generation, grain_minutes, bucket
),
both_marks AS (
  SELECT
    grain_minutes,
    bucket,
    coalesce(max(mark) FILTER (WHERE generation = $1), '') AS old,
    coalesce(max(mark) FILTER (WHERE generation = $2), '') AS new
  FROM mark
  GROUP BY grain_minutes, bucket
)
SELECT
  'account_outcome_sum' AS table,
  grain_minutes,
  (extract(epoch FROM bucket) * 1000000)::bigint AS bucket,
  old,
  new
FROM both_marks
WHERE old <> new;

WITH mark AS (
  SELECT
    generation,
    grain_minutes,
    bucket,
    sum(hashtextextended(concat_ws('|',
      account_id,
      currency,
      trim_scale(charges::numeric),
      trim_scale(charged::numeric),
      trim_scale(refunds::numeric),
      trim_scale(refunded::numeric)), 0)::numeric)::text AS mark
  FROM account_money_sum AS r
  WHERE generation IN ($1, $2)
    AND bucket + grain_minutes * interval '1 min' <= $3
    AND ($4::timestamptz[] IS NULL OR bucket = ANY ($4))
    AND (charges <> 0 OR charged <> 0 OR refunds <> 0 OR refunded <> 0)
  GROUP BY generation, grain_minutes, bucket
),
both_marks AS (
  SELECT
    grain_minutes,
    bucket,
    coalesce(max(mark) FILTER (WHERE generation = $1), '') AS old,
    coalesce(max(mark) FILTER (WHERE generation = $2), '') AS new
  FROM mark
  GROUP BY grain_minutes, bucket
)
SELECT
  'account_money_sum' AS table,
  grain_minutes,
  (extract(epoch FROM bucket) * 1000000)::bigint AS bucket,
  old,
  new
FROM both_marks
WHERE old <> new;

WITH mark AS (
  SELECT
    generation,
    grain_minutes,
    bucket,
    sum(hashtextextended(concat_ws('|',
      operator_id,
      bin,
      trim_scale(count::numeric)), 0)::numeric)::text AS mark
  FROM (SELECT generation, grain_minutes, bucket, operator_id, bin, count
              FROM latency_histogram, unnest(bins, messages) AS one (bin, count)) AS r
  WHERE generation IN ($1, $2)
    AND bucket + grain_minutes * interval '1 min' <= $3
    AND ($4::timestamptz[] IS NULL OR bucket = ANY ($4))
    AND (count <> 0)
  GROUP BY generation, grain_minutes, bucket
),
both_marks AS (
  SELECT
    grain_minutes,
    bucket,
    coalesce(max(mark) FILTER (WHERE generation = $1), '') AS old,
    coalesce(max(mark) FILTER (WHERE generation = $2), '') AS new
  FROM mark
  GROUP BY grain_minutes, bucket
)
SELECT
  'latency_histogram' AS table,
  grain_minutes,
  (extract(epoch FROM bucket) * 1000000)::bigint AS bucket,
  old,
  new
FROM both_marks
WHERE old <> new;

WITH mark AS (
  SELECT
    generation,
    grain_minutes,
    bucket,
    sum(hashtextextended(concat_ws('|',
      minute,
      trim_scale(accepted::numeric),
      trim_scale(completed::numeric)), 0)::numeric)::text AS mark
  FROM (SELECT generation, grain_minutes, bucket, minute, a AS accepted, c AS completed
              FROM throughput_sum,
                unnest(accepted, completed) WITH ORDINALITY AS one (a, c, minute)) AS r
  WHERE generation IN ($1, $2)
    AND bucket + grain_minutes * interval '1 min' <= $3
    AND ($4::timestamptz[] IS NULL OR bucket = ANY ($4))
    AND (accepted <> 0 OR completed <> 0)
  GROUP BY generation, grain_minutes, bucket
),
both_marks AS (
  SELECT
    grain_minutes,
    bucket,
    coalesce(max(mark) FILTER (WHERE generation = $1), '') AS old,
    coalesce(max(mark) FILTER (WHERE generation = $2), '') AS new
  FROM mark
  GROUP BY grain_minutes, bucket
)
SELECT
  'throughput_sum' AS table,
  grain_minutes,
  (extract(epoch FROM bucket) * 1000000)::bigint AS bucket,
  old,
  new
FROM both_marks
WHERE old <> new;

-- rollupTotals

SELECT
  g.generation,
  trim_scale(coalesce(sum(messages), 0))::text AS messages,
  trim_scale(coalesce(sum(segments), 0))::text AS segments,
  trim_scale(coalesce(sum(contradicted), 0))::text AS contradicted
FROM unnest(ARRAY[$1, $2]::smallint[]) AS g (generation)
LEFT JOIN outcome_account AS t
  ON t.generation = g.generation
  AND t.grain_minutes = (
    SELECT min(grain_minutes)
    FROM outcome_account
    WHERE generation = g.generation
  )
GROUP BY g.generation;

SELECT
  g.generation,
  trim_scale(coalesce(sum(messages), 0))::text AS messages,
  trim_scale(coalesce(sum(segments), 0))::text AS segments,
  trim_scale(coalesce(sum(contradicted), 0))::text AS contradicted
FROM unnest(ARRAY[$1, $2]::smallint[]) AS g (generation)
LEFT JOIN outcome_platform AS t
  ON t.generation = g.generation
  AND t.grain_minutes = (
    SELECT min(grain_minutes)
    FROM outcome_platform
    WHERE generation = g.generation
  )
GROUP BY g.generation;

SELECT
  g.generation,
  trim_scale(coalesce(sum(charges), 0))::text AS charges,
  trim_scale(coalesce(sum(charged), 0))::text AS charged,
  trim_scale(coalesce(sum(refunds), 0))::text AS refunds,
  trim_scale(coalesce(sum(refunded), 0))::text AS refunded
FROM unnest(ARRAY[$1, $2]::smallint[]) AS g (generation)
LEFT JOIN money_account AS t
  ON t.generation = g.generation
  AND t.grain_minutes = (
    SELECT min(grain_minutes)
    FROM money_account
    WHERE generation = g.generation
  )
GROUP BY g.generation;

SELECT
  g.generation,
  trim_scale(coalesce(sum(messages), 0))::text AS messages
FROM unnest(ARRAY[$1, $2]::smallint[]) AS g (generation)
LEFT JOIN latency_platform AS t
  ON t.generation = g.generation
  AND t.grain_minutes = (
    SELECT min(grain_minutes)
    FROM latency_platform
    WHERE generation = g.generation
  )
GROUP BY g.generation;

SELECT
  g.generation,
  trim_scale(coalesce(sum(accepted), 0))::text AS accepted,
  trim_scale(coalesce(sum(completed), 0))::text AS completed
FROM unnest(ARRAY[$1, $2]::smallint[]) AS g (generation)
LEFT JOIN throughput_platform AS t
  ON t.generation = g.generation
  AND t.grain_minutes = (
    SELECT min(grain_minutes)
    FROM throughput_platform
    WHERE generation = g.generation
  )
GROUP BY g.generation;

SELECT
  g.generation,
  trim_scale(coalesce(sum(pending), 0))::text AS pending,
  trim_scale(coalesce(sum(delivered), 0))::text AS delivered,
  trim_scale(coalesce(sum(undeliverable), 0))::text AS undeliverable,
  trim_scale(coalesce(sum(expired), 0))::text AS expired,
  trim_scale(coalesce(sum(rejected), 0))::text AS rejected,
  trim_scale(coalesce(sum(deleted), 0))::text AS deleted,
  trim_scale(coalesce(sum(unknown), 0))::text AS unknown,
  trim_scale(coalesce(sum(segments), 0))::text AS segments,
  trim_scale(coalesce(sum(contradicted), 0))::text AS contradicted
FROM unnest(ARRAY[$1, $2]::smallint[]) AS g (generation)
LEFT JOIN outcome_sum AS t
  ON t.generation = g.generation
  AND t.grain_minutes = (
    SELECT min(grain_minutes)
    FROM outcome_sum
    WHERE generation = g.generation
  )
GROUP BY g.generation;

SELECT
  g.generation,
  trim_scale(coalesce(sum(charges), 0))::text AS charges,
  trim_scale(coalesce(sum(charged), 0))::text AS charged,
  trim_scale(coalesce(sum(refunds), 0))::text AS refunds,
  trim_scale(coalesce(sum(refunded), 0))::text AS refunded
FROM unnest(ARRAY[$1, $2]::smallint[]) AS g (generation)
LEFT JOIN money_sum AS t
  ON t.generation = g.generation
  AND t.grain_minutes = (
    SELECT min(grain_minutes)
    FROM money_sum
    WHERE generation = g.generation
  )
GROUP BY g.generation;

SELECT
  g.generation,
  trim_scale(coalesce(sum(pending), 0))::text AS pending,
  trim_scale(coalesce(sum(delivered), 0))::text AS delivered,
  trim_scale(coalesce(sum(undeliverable), 0))::text AS undeliverable,
  trim_scale(coalesce(sum(expired), 0))::text AS expired,
  trim_scale(coalesce(sum(rejected), 0))::text AS rejected,
  trim_scale(coalesce(sum(deleted), 0))::text AS deleted,
  trim_scale(coalesce(sum(unknown), 0))::text AS unknown,
  trim_scale(coalesce(sum(segments), 0))::text AS segments,
  trim_scale(coalesce(sum(contradicted), 0))::text AS contradicted
FROM unnest(ARRAY[$1, $2]::smallint[]) AS g (generation)
LEFT JOIN account_outcome_sum AS t
  ON t.generation = g.generation
  AND t.grain_minutes = (
    SELECT min(grain_minutes)
    FROM account_outcome_sum
    WHERE generation = g.generation
  )
GROUP BY g.generation;

SELECT
  g.generation,
  trim_scale(coalesce(sum(charges), 0))::text AS charges,
  trim_scale(coalesce(sum(charged), 0))::text AS charged,
  trim_scale(coalesce(sum(refunds), 0))::text AS refunds,
  trim_scale(coalesce(sum(refunded), 0))::text AS refunded
FROM unnest(ARRAY[$1, $2]::smallint[]) AS g (generation)
LEFT JOIN account_money_sum AS t
  ON t.generation = g.generation
  AND t.grain_minutes = (
    SELECT min(grain_minutes)
    FROM account_money_sum
    WHERE generation = g.generation
  )
GROUP BY g.generation;

SELECT
  g.generation,
  trim_scale(coalesce(sum(count), 0))::text AS count
FROM unnest(ARRAY[$1, $2]::smallint[]) AS g (generation)
LEFT JOIN (SELECT generation, grain_minutes, bucket, operator_id, bin, count
              FROM latency_histogram, unnest(bins, messages) AS one (bin, count)) AS t
  ON t.generation = g.generation
  AND t.grain_minutes = (
    SELECT min(grain_minutes)
    FROM latency_histogram
    WHERE generation = g.generation
  )
GROUP BY g.generation;

SELECT
  g.generation,
  trim_scale(coalesce(sum(accepted), 0))::text AS accepted,
  trim_scale(coalesce(sum(completed), 0))::text AS completed
FROM unnest(ARRAY[$1, $2]::smallint[]) AS g (generation)
LEFT JOIN (SELECT generation, grain_minutes, bucket, minute, a AS accepted, c AS completed
              FROM throughput_sum,
                unnest(accepted, completed) WITH ORDINALITY AS one (a, c, minute)) AS t
  ON t.generation = g.generation
  AND t.grain_minutes = (
    SELECT min(grain_minutes)
    FROM throughput_sum
    WHERE generation = g.generation
  )
GROUP BY g.generation;

-- swapGenerations

SELECT
FROM generation
WHERE generation IN ($1, $2)
ORDER BY generation
FOR UPDATE;

SELECT
  max(data_as_of) FILTER (WHERE generation = $1)
    >= coalesce(max(data_as_of) FILTER (WHERE generation = $2), '-infinity') AS reached
FROM ingest_progress;

UPDATE generation
SET state = 'retired'
WHERE generation = $1
  AND state = 'serving';

UPDATE generation
SET state = 'serving', served_at = now()
WHERE generation = $1
  AND state = 'building'
  AND copied_at IS NOT NULL;

-- retireBuilding

UPDATE "public"."generation" SET "state" = $1 WHERE ("public"."generation"."generation" = $2 AND "public"."generation"."state" = $3);

-- readUncleaned

SELECT generation, durable
FROM generation
WHERE state = 'retired'
  AND coalesce(
    to_regclass('ledger_g' || generation),
    to_regclass('throughput_platform_g' || generation)
  ) IS NOT NULL
ORDER BY generation;

-- secondsSinceLook

SELECT extract(epoch FROM now() - max(looked_at)) AS age
FROM ingest_progress
WHERE generation = $1;

-- countOlderReaders

SELECT pg_current_xact_id()::text AS xid;

SELECT count(*)::int AS count
FROM pg_stat_activity
WHERE datname = current_database()
  AND pid <> pg_backend_pid()
  AND backend_type = 'client backend'
  AND age(backend_xmin) > age($1::text::xid8::xid);

-- dropGeneration

SELECT drop_generation_partitions($1) AS name;

-- ledgerDaysBelow

SELECT DISTINCT to_date(right(c.relname, 8), 'YYYYMMDD')::text AS day
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent IN (
    to_regclass('ledger_g' || $1::int),
    to_regclass('refund_g' || $1::int)
  )
  AND right(c.relname, 8) < to_char($2::date, 'YYYYMMDD')
ORDER BY day;

-- dropLedgerDays

SELECT drop_ledger_days($1, $2) AS name;

-- oldestRollupDay

SELECT (min(bucket) AT TIME ZONE 'UTC')::date - date '1970-01-01' AS day
FROM outcome_account
WHERE generation = $1
  AND grain_minutes > 1
  AND bucket < $2::date::timestamp AT TIME ZONE 'UTC';

-- deleteRollupDay

DELETE FROM outcome_account
WHERE generation = $1
  AND grain_minutes > 1
  AND bucket >= $2::date::timestamp AT TIME ZONE 'UTC'
  AND bucket < ($2::date + 1)::timestamp AT TIME ZONE 'UTC';

-- countDeadWorkers

SELECT count(*)::int AS count
FROM ingest_progress
WHERE worker NOT IN ('retired', 'ops')
  AND looked_at < now() - interval '1 day';

-- foldDeadWorkers

WITH gone AS (
  DELETE FROM ingest_progress
  WHERE worker NOT IN ('retired', 'ops')
  AND looked_at < now() - interval '1 day'
  RETURNING *
),
folded AS (
  INSERT INTO ingest_progress AS p (
    worker,
    generation,
    stream_id,
    revision,
    highest_sequence,
    highest_published_at,
    committed,
    data_as_of,
    looked_at
  )
  SELECT
    'retired',
    generation,
    stream_id,
    sum(revision),
    max(highest_sequence),
    (array_agg(highest_published_at ORDER BY highest_sequence DESC))[1],
    range_agg(committed),
    max(data_as_of),
    max(looked_at)
  FROM gone
  GROUP BY generation, stream_id
  ON CONFLICT (generation, stream_id, worker) DO UPDATE
  SET revision = p.revision + excluded.revision,
    highest_sequence = greatest(p.highest_sequence, excluded.highest_sequence),
    highest_published_at = CASE
      WHEN excluded.highest_sequence > p.highest_sequence THEN excluded.highest_published_at
      ELSE p.highest_published_at
    END,
    committed = coalesce(p.committed, '{}') + coalesce(excluded.committed, '{}'),
    data_as_of = greatest(p.data_as_of, excluded.data_as_of),
    looked_at = greatest(p.looked_at, excluded.looked_at)
)
SELECT count(*)::int AS count
FROM gone;

-- readIngestWorkers

SELECT
  worker,
  p.generation,
  stream_id,
  revision,
  highest_sequence,
  (extract(epoch FROM data_as_of) * 1000000)::bigint AS data_as_of,
  (extract(epoch FROM looked_at) * 1000000)::bigint AS looked_at,
  round(extract(epoch FROM now() - looked_at), 1) AS age
FROM ingest_progress p
JOIN generation g USING (generation)
WHERE g.state <> 'retired'
ORDER BY looked_at DESC NULLS LAST, worker;

-- readLedgerDays

WITH day AS (
  SELECT ledger_days($1::smallint, 'ledger') AS day
),
gone AS (
  SELECT missing_ledger_days($1::smallint) AS day
),
span AS (
  SELECT least(today, (SELECT min(day) FROM day)) AS first, today + 2 AS last
  FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS t
),
missing AS (
  SELECT wanted::date AS day
  FROM span, generate_series(first, last, '1 day') AS wanted
  WHERE wanted::date NOT IN (SELECT day FROM day)
  UNION
  SELECT day
  FROM gone
)
SELECT
  count(*)::int AS count,
  min(day)::text AS first,
  max(day)::text AS last,
  ARRAY(SELECT day::text FROM missing ORDER BY missing.day) AS missing,
  ARRAY(SELECT day::text FROM gone ORDER BY gone.day) AS gone
FROM day;

-- idsOnTwoDays

WITH odd AS MATERIALIZED (
  SELECT message_id
  FROM (
    SELECT accepted_day, message_id
    FROM ledger
    WHERE generation = $1
    UNION
    SELECT accepted_day, message_id
    FROM refund
    WHERE generation = $1
  ) AS message
  GROUP BY message_id
  HAVING count(*) > 1
)
SELECT
  (SELECT count(*) FROM odd)::int AS count,
  ARRAY(
    SELECT message_id::text
    FROM odd
    ORDER BY odd.message_id
    LIMIT 5
  ) AS sample;

-- overRefunded

WITH odd AS MATERIALIZED (
  SELECT r.message_id
  FROM (
    SELECT
      accepted_day,
      message_id,
      sum(amount) AS refunded,
      min(currency) AS least,
      max(currency) AS most
    FROM refund
    WHERE generation = $1
    GROUP BY accepted_day, message_id
  ) AS r
  JOIN ledger l
    ON l.generation = $1
    AND l.accepted_day = r.accepted_day
    AND l.message_id = r.message_id
  WHERE l.charge_event <> ''
    AND (r.least <> l.currency OR r.most <> l.currency OR r.refunded > l.amount)
)
SELECT
  (SELECT count(*) FROM odd)::int AS count,
  ARRAY(
    SELECT message_id::text
    FROM odd
    ORDER BY odd.message_id
    LIMIT 5
  ) AS sample;
