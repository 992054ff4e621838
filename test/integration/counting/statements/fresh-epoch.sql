SELECT coalesce(max(epoch) + 1, 0)::int AS epoch
  FROM event_stream
  WHERE name = $1 AND created_at = $2;
