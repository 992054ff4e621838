-- Exact accounting of the stream's sequences: each commit says which it holds, so that events which leave the stream
-- before they are counted are noticed.

-- Null where the row was written by a release without the accounting: it counts through its highest sequence then.
ALTER TABLE ingest_progress ADD COLUMN committed int8multirange;

-- What of a stream needs no accounting any more, by generation: all up to counted_through, and what had left the middle
-- of the stream before the generation began to count it.
CREATE TABLE stream_account (
  generation      smallint NOT NULL REFERENCES generation ON DELETE CASCADE,
  stream_id       smallint NOT NULL REFERENCES event_stream,
  counted_through bigint NOT NULL,
  gone_before     int8multirange NOT NULL DEFAULT '{}',
  PRIMARY KEY (generation, stream_id)
) WITH (fillfactor = 50);

-- Sequences that are neither committed nor in the stream any more. Open while events are missing and nobody accepted it.
CREATE TABLE stream_gap (
  gap_id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  generation       smallint NOT NULL REFERENCES generation ON DELETE CASCADE,
  stream_id        smallint NOT NULL REFERENCES event_stream,
  sequences        int8multirange NOT NULL CHECK (NOT isempty(sequences)),
  missing          int8multirange NOT NULL,
  noticed_at       timestamptz NOT NULL DEFAULT now(),
  -- When the events before and after it were published, as far as that is known.
  published_after  timestamptz,
  published_before timestamptz,
  accepted_at      timestamptz,
  accepted_reason  text
);
-- Two processes that notice the same gap at once record it once.
CREATE UNIQUE INDEX stream_gap_beginning ON stream_gap (generation, stream_id, lower(sequences));

CREATE FUNCTION event_count(sequences int8multirange) RETURNS bigint LANGUAGE sql IMMUTABLE
  RETURN (SELECT coalesce(sum(upper(run) - lower(run)), 0)::bigint FROM unnest(sequences) AS run);

GRANT SELECT, INSERT, UPDATE ON stream_account TO analytics_ingest;
GRANT SELECT, INSERT ON stream_gap TO analytics_ingest;
GRANT UPDATE (missing) ON stream_gap TO analytics_ingest;
GRANT SELECT ON stream_account, stream_gap TO analytics_ops;
GRANT UPDATE (accepted_at, accepted_reason) ON stream_gap TO analytics_ops;
