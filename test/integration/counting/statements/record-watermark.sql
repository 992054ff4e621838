INSERT INTO ingest_progress AS p (
    generation, stream_id, worker, committed, data_as_of, looked_at
  )
  VALUES ($1, $2, $3, '{}', $4, now())
  ON CONFLICT (generation, stream_id, worker)
  DO UPDATE SET
    data_as_of = greatest(p.data_as_of, excluded.data_as_of),
    looked_at = excluded.looked_at;
