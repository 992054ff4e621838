WITH added AS (
    INSERT INTO event_stream (name, created_at, epoch)
    VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING
    RETURNING stream_id
  )
  SELECT stream_id
  FROM added
  UNION ALL
  SELECT stream_id
  FROM event_stream
  WHERE name = $1 AND created_at = $2 AND epoch = $3;
