INSERT INTO stream_gap (
    generation, stream_id, sequences, missing, published_after, published_before
  )
  VALUES ($1, $2, $3, $3, $4, $5)
  ON CONFLICT DO NOTHING;
