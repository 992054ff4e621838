SELECT (extract(epoch FROM min(published_at)) * 1000000)::bigint AS published
  FROM dead_letter
  WHERE reason = 'day_missing' AND resolution IS NULL;
