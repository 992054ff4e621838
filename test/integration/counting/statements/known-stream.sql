SELECT
    s.stream_id, s.name,
    (extract(epoch FROM s.created_at) * 1000000)::bigint AS created,
    coalesce(max(p.highest_sequence), 0) AS highest,
    (extract(epoch FROM (array_agg(
      p.highest_published_at ORDER BY p.highest_sequence DESC, p.highest_published_at
    ))[1]) * 1000000)::bigint AS published
  FROM event_stream AS s
  LEFT JOIN ingest_progress AS p ON p.stream_id = s.stream_id AND p.generation = $1
  GROUP BY s.stream_id
  ORDER BY s.stream_id DESC
  LIMIT 1;
