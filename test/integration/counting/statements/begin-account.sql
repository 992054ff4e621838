INSERT INTO stream_account (generation, stream_id, counted_through, gone_before)
  SELECT
    $1, $2,
    CASE WHEN counted > 0 THEN counted ELSE $3::bigint - 1 END,
    CASE WHEN counted > 0 THEN '{}' ELSE $4::int8multirange END
  FROM (
    SELECT coalesce(max(highest_sequence), 0) AS counted
    FROM ingest_progress
    WHERE generation = $1 AND stream_id = $2 AND committed IS NULL
  ) AS before
  ON CONFLICT DO NOTHING;
