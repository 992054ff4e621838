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
  lacking AS (
    SELECT int8multirange(int8range(0, $3, '[]')) - held AS lacking
    FROM held
  ),
  gone AS (
    SELECT
      lacking,
      lacking * ($4::int8multirange + int8multirange(int8range(0, $5))) AS gone
    FROM lacking
  )
  SELECT
    gone::text AS gone,
    (gone * $6::int8multirange)::text AS "goneStill",
    coalesce(upper(lacking) > $5, false) AS "maybeInMiddle"
  FROM gone;
