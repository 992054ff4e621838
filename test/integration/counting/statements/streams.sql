SELECT stream_id, (extract(epoch FROM created_at) * 1000000)::bigint AS created, epoch, (extract(epoch FROM first_seen_at) * 1000000)::bigint AS seen
  FROM event_stream
  WHERE name = $1
  ORDER BY stream_id;
