-- tryRunnerLock

SELECT pg_try_advisory_lock($1::int, $2::int) AS locked;

-- beginRun

WITH taken AS (
  UPDATE etl_checkpoint
  SET epoch = epoch + 1
  WHERE target = 'clickhouse'
  RETURNING epoch
),
ended AS (
  UPDATE etl_run
  SET outcome = 'failed', failure = 'cut off', finished_at = now()
  WHERE outcome = 'running'
)
INSERT INTO etl_run (run_id, epoch)
SELECT $1::uuid, epoch
FROM taken
RETURNING epoch;

-- raiseEpoch

WITH raised AS (
  UPDATE etl_checkpoint
  SET epoch = $1::bigint + 1
  WHERE target = 'clickhouse'
    AND epoch = $2::bigint
  RETURNING epoch
)
UPDATE etl_run
SET epoch = raised.epoch
FROM raised
WHERE run_id = $3::uuid;

-- confirmEpoch

SELECT
FROM etl_checkpoint
WHERE target = 'clickhouse'
  AND epoch = $1;

-- readCheckpoint

SELECT
  c.epoch,
  c.generation,
  c.copy,
  c.snapshot::text,
  c.system_identifier,
  c.run_id,
  r.epoch AS run_epoch,
  c.pending_generation,
  c.pending_copy,
  c.verified_day::text
FROM etl_checkpoint c
LEFT JOIN etl_run r USING (run_id)
WHERE target = 'clickhouse';

-- isKnownRun

SELECT
FROM etl_run
WHERE run_id::text = $1;

-- setPendingCopy

UPDATE etl_checkpoint
SET pending_generation = $1, pending_copy = $2
WHERE target = 'clickhouse'
  AND epoch = $3;

-- beginSnapshot

SELECT
  pg_current_snapshot()::text AS snapshot,
  (SELECT system_identifier FROM pg_control_system()) AS system_identifier,
  generation,
  to_char(data_as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS data_as_of,
  revision
FROM answer_state;

-- changedSlices

WITH changed AS (
  SELECT bucket, (bucket AT TIME ZONE 'UTC')::date AS day
  FROM rollup_change
  WHERE generation = $1
    AND rollup = $2
    AND xid >= pg_snapshot_xmin($3::pg_snapshot)
    AND NOT pg_visible_in_snapshot(xid, $3::pg_snapshot)
)
SELECT
  day::text,
  array_agg(DISTINCT extract(epoch FROM bucket)::bigint) AS seconds
FROM changed
GROUP BY day
ORDER BY changed.day;

-- hasUnchangedRows

WITH changed AS (
  SELECT bucket, (bucket AT TIME ZONE 'UTC')::date AS day
  FROM rollup_change
  WHERE generation = $1
    AND rollup = $2
    AND xid >= pg_snapshot_xmin($3::pg_snapshot)
    AND NOT pg_visible_in_snapshot(xid, $3::pg_snapshot)
)
SELECT EXISTS (
  SELECT
  FROM outcome_account AS r
  WHERE generation = $1
    AND grain_minutes = 15
    AND bucket NOT IN (SELECT bucket FROM changed)
) AS found;

-- everyDay

SELECT day::date::text AS day
FROM (
    SELECT
      min(bucket) AT TIME ZONE 'UTC' AS first,
      max(bucket) AT TIME ZONE 'UTC' AS last
    FROM outcome_account
    WHERE generation = $1
      AND grain_minutes = 15
  ) AS range,
  generate_series(date_trunc('day', first), last, '1 day') AS day
ORDER BY day.day;

-- extractRows

SELECT
  set_config('etl.generation', $1, true),
  set_config('etl.copy', $2, true),
  set_config('etl.day', $3, true),
  set_config('etl.buckets', $4, true);

COPY (
  SELECT
    (SELECT current_setting('etl.generation')),
    (SELECT current_setting('etl.copy')),
    date_part('epoch', bucket)::bigint,
    account_id,
    operator_id,
    outcome,
    reason,
    messages,
    segments,
    contradicted,
    version
  FROM outcome_account
  WHERE generation = (SELECT current_setting('etl.generation')::smallint)
    AND grain_minutes = 15
    AND bucket >= (SELECT current_setting('etl.day')::timestamp AT TIME ZONE 'UTC')
    AND bucket < (SELECT current_setting('etl.day')::timestamp AT TIME ZONE 'UTC') + interval '24 hours'
  ORDER BY bucket
) TO STDOUT;

-- extractRows of some buckets

SELECT
  set_config('etl.generation', $1, true),
  set_config('etl.copy', $2, true),
  set_config('etl.day', $3, true),
  set_config('etl.buckets', $4, true);

COPY (
  SELECT
    (SELECT current_setting('etl.generation')),
    (SELECT current_setting('etl.copy')),
    date_part('epoch', bucket)::bigint,
    account_id,
    operator_id,
    outcome,
    reason,
    messages,
    segments,
    contradicted,
    version
  FROM outcome_account
  WHERE generation = (SELECT current_setting('etl.generation')::smallint)
    AND grain_minutes = 15
    AND bucket = ANY ((SELECT current_setting('etl.buckets')::timestamptz[])::timestamptz[])
  ORDER BY bucket
) TO STDOUT;

-- extractFingerprints

SELECT
  (bucket AT TIME ZONE 'UTC')::date::text,
  count(*)::text,
  trim_scale(sum(messages))::text,
  trim_scale(sum(segments))::text,
  trim_scale(sum(contradicted))::text,
  trim_scale(sum(version))::text,
  trim_scale(sum(crc32(textsend(date_part('epoch', bucket)::bigint::text || '|' || account_id || '|' || operator_id || '|' || outcome || '|' || reason)) * (((messages * 1 + segments * 31 + contradicted * 961 + version * 29791) & 2147483647))))::text
FROM outcome_account
WHERE generation = $1
  AND grain_minutes = 15
  AND bucket >= $2::timestamp AT TIME ZONE 'UTC'
  AND bucket < ($3::timestamp + interval '1 day') AT TIME ZONE 'UTC'
  AND (
    cardinality($4::bigint[]) = 0
    OR date_part('epoch', bucket)::bigint <> ALL ($4::bigint[])
  )
GROUP BY (bucket AT TIME ZONE 'UTC')::date;

-- writeCheckpoint

UPDATE etl_checkpoint
SET generation = $1,
  copy = $2,
  snapshot = $3::pg_snapshot,
  system_identifier = $4,
  run_id = $5,
  data_as_of = $6::timestamp AT TIME ZONE 'UTC',
  checkpointed_at = now(),
  pending_generation = NULL,
  pending_copy = NULL,
  verified_day = coalesce($7::date, verified_day)
WHERE target = 'clickhouse'
  AND epoch = $8;

-- pruneChanges

DELETE FROM rollup_change
WHERE xid < pg_snapshot_xmax($1::pg_snapshot)
  AND pg_visible_in_snapshot(xid, $1::pg_snapshot);

-- recordRun

UPDATE etl_run
SET finished_at = clock_timestamp(),
  outcome = $1,
  kind = $2,
  cause = $3,
  generation = $4,
  copy = $5,
  data_as_of = $6::timestamp AT TIME ZONE 'UTC',
  rows_copied = $7,
  bytes_copied = $8,
  days_verified = $9,
  days_resent = $10,
  days_different = $11,
  changes_pruned = $12,
  failure = $13
WHERE run_id = $14;

-- forgetOldRuns

DELETE FROM etl_run
WHERE started_at < now() - interval '30 days'
  AND run_id NOT IN (SELECT run_id FROM etl_checkpoint WHERE run_id IS NOT NULL);

-- readCopyLag

SELECT
  (extract(epoch FROM checkpointed_at) * 1000000)::bigint::text AS copied_at,
  (extract(epoch FROM data_as_of) * 1000000)::bigint::text AS data_as_of,
  last_outcome
FROM etl_lag;

-- releaseRunnerLock

SELECT pg_advisory_unlock($1::int, $2::int);
