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
  claimed_by text
);

CREATE INDEX IF NOT EXISTS sms_outbox_digest ON sms_outbox (digest);

-- What can never be counted, with ingest's reason.
CREATE TABLE IF NOT EXISTS sms_outbox_refused (
  id bigint PRIMARY KEY,
  kind text NOT NULL,
  payload text NOT NULL,
  reason text NOT NULL,
  refused_at timestamptz NOT NULL DEFAULT now()
);
