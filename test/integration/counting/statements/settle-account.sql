WITH progress AS (
    SELECT
      coalesce(range_agg(committed), '{}') AS committed,
      coalesce(max(highest_sequence) FILTER (WHERE committed IS NULL), 0) AS unaccounted
    FROM ingest_progress
    WHERE generation = $1 AND stream_id = $2
  ),
  gaps AS (
    SELECT
      coalesce(range_agg(sequences), '{}') AS noticed,
      coalesce(range_agg(missing) FILTER (WHERE accepted_at IS NULL), '{}') AS open
    FROM stream_gap
    WHERE generation = $1 AND stream_id = $2
  ),
  held AS (
    SELECT
      committed + gone_before + noticed
        + int8multirange(int8range(0, greatest(counted_through, unaccounted), '[]')) AS held,
      committed,
      open
    FROM stream_account, progress, gaps
    WHERE generation = $1 AND stream_id = $2
  )
  UPDATE stream_gap AS g
  SET missing = g.missing - held.committed
  FROM held
  WHERE generation = $1 AND stream_id = $2 AND g.missing && held.committed;

WITH progress AS (
    SELECT
      coalesce(range_agg(committed), '{}') AS committed,
      coalesce(max(highest_sequence) FILTER (WHERE committed IS NULL), 0) AS unaccounted
    FROM ingest_progress
    WHERE generation = $1 AND stream_id = $2
  ),
  gaps AS (
    SELECT
      coalesce(range_agg(sequences), '{}') AS noticed,
      coalesce(range_agg(missing) FILTER (WHERE accepted_at IS NULL), '{}') AS open
    FROM stream_gap
    WHERE generation = $1 AND stream_id = $2
  ),
  held AS (
    SELECT
      committed + gone_before + noticed
        + int8multirange(int8range(0, greatest(counted_through, unaccounted), '[]')) AS held,
      committed,
      open
    FROM stream_account, progress, gaps
    WHERE generation = $1 AND stream_id = $2
  ),
  prefix AS (
    SELECT upper(run) - 1 AS through
    FROM held, unnest(held) AS run
    WHERE run @> 0::bigint
  ),
  raised AS (
    UPDATE stream_account AS a
    SET counted_through = through
    FROM prefix
    WHERE generation = $1 AND stream_id = $2 AND counted_through < through
  ),
  covered AS (
    SELECT int8multirange(int8range(0, through, '[]')) - open AS covered
    FROM prefix, held
  ),
  trimmed AS (
    UPDATE ingest_progress AS p
    SET committed = p.committed - covered
    FROM covered
    WHERE generation = $1
      AND stream_id = $2
      AND worker = $3
      AND p.committed && covered
  )
  SELECT event_count(open) AS missing
  FROM held;
