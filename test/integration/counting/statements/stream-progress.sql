SELECT
    a.counted_through AS judged,
    (
      SELECT (extract(epoch FROM max(p.data_as_of)) * 1000000)::bigint
      FROM ingest_progress AS p
      WHERE p.generation = $1
    ) AS as_of
  FROM stream_account AS a
  JOIN generation AS g USING (generation)
  WHERE generation = $1
    AND a.stream_id = $2
    AND g.state = 'serving';
