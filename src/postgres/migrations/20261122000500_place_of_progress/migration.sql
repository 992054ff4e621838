-- When the event of the highest sequence was published: a rolled-back stream that has grown again has another event there.

ALTER TABLE ingest_progress ADD COLUMN highest_published_at timestamptz;
