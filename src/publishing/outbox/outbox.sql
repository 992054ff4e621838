-- The outbox of a producer whose charges are rows of its own Postgres: `enqueue` writes an event in
-- the transaction of the charge, `relayOutbox` publishes it. Run once, in the producer's database.

CREATE TABLE IF NOT EXISTS sms_outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('charged', 'refunded', 'reported')),
  payload text NOT NULL,
  -- First 8 bytes of the payload's SHA-256.
  digest bytea NOT NULL,
  -- A relay publishes the row until then; afterwards any relay may.
  claimed_until timestamptz,
  claimed_by text,
  -- Where the row is kept until it is counted: the sequence of its acknowledgement, or of a later
  -- one of its batch, and the stream's incarnation, where it was known. No relay publishes the row
  -- while this sequence is set.
  stored_sequence bigint,
  stored_in text
);

-- A table of an earlier version lacks them.
ALTER TABLE sms_outbox ADD COLUMN IF NOT EXISTS stored_sequence bigint;
ALTER TABLE sms_outbox ADD COLUMN IF NOT EXISTS stored_in text;

CREATE INDEX IF NOT EXISTS sms_outbox_digest ON sms_outbox (digest);
-- Neither the search for rows to publish nor that for rows to publish again passes the others.
CREATE INDEX IF NOT EXISTS sms_outbox_waiting ON sms_outbox (id) WHERE stored_sequence IS NULL;
CREATE INDEX IF NOT EXISTS sms_outbox_stored ON sms_outbox (stored_sequence)
  WHERE stored_sequence IS NOT NULL;

-- What can never be counted, with ingest's reason.
CREATE TABLE IF NOT EXISTS sms_outbox_refused (
  id bigint PRIMARY KEY,
  kind text NOT NULL,
  payload text NOT NULL,
  reason text NOT NULL,
  refused_at timestamptz NOT NULL DEFAULT now()
);
