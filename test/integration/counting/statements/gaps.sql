SELECT
    gap_id AS "gapId", generation, stream_id AS "streamId", s.name AS stream, sequences::text,
    event_count(sequences) AS events,
    event_count(missing) AS missing,
    to_char(noticed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "noticedAt",
    to_char(published_after AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "publishedAfter",
    to_char(published_before AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "publishedBefore",
    CASE
      WHEN accepted_at IS NOT NULL THEN 'accepted'
      WHEN isempty(missing) THEN 'counted'
      ELSE 'open'
    END AS state,
    accepted_reason AS reason
  FROM stream_gap
  JOIN event_stream AS s USING (stream_id)
  WHERE NOT $1 OR accepted_at IS NULL AND NOT isempty(missing)
  ORDER BY gap_id;
