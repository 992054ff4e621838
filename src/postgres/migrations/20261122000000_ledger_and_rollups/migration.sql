-- The ledger (what of each message is counted), the rollups (the counts), and what stands beside them.
-- Every identifier column compares bytewise (COLLATE "C"): the contract's order over events depends on it.

-- A generation is one complete set of ledger and rollups. Exactly one is serving; a rebuild fills the next.
CREATE TABLE generation (
  generation smallint PRIMARY KEY CHECK (generation > 0),
  state      text COLLATE "C" NOT NULL CHECK (state IN ('building', 'serving', 'retired')),
  durable    text COLLATE "C" NOT NULL UNIQUE,
  -- Ledger days before it were dropped: an event of theirs can no longer be told from its copy, so it is refused.
  ledger_floor date NOT NULL DEFAULT '-infinity',
  created_at timestamptz NOT NULL DEFAULT now(),
  served_at  timestamptz
);
CREATE UNIQUE INDEX generation_one_serving ON generation (state) WHERE state = 'serving';

-- The streams that events came from. A recreated stream is another stream, and so is (by its epoch) one whose store
-- was rolled back: both reuse sequences.
CREATE TABLE event_stream (
  stream_id  smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  epoch      smallint NOT NULL DEFAULT 0,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (name, created_at, epoch)
);

-- One row per message: the join of its distinct charges and reports, and exactly what of it is counted.
-- No report: class 0. No charge: charged_at infinity (so that the least charge is simply the least).
CREATE TABLE ledger (
  generation      smallint NOT NULL,
  accepted_day    date NOT NULL,
  message_id      uuid NOT NULL,
  accepted_at     timestamptz NOT NULL,
  reported_at     timestamptz NOT NULL,
  charged_at      timestamptz NOT NULL,
  report_code     bigint NOT NULL,
  charge_sequence bigint NOT NULL,
  charge_digest   bigint NOT NULL,
  report_class    smallint NOT NULL,
  report_state    smallint NOT NULL,
  report_network  smallint NOT NULL,
  latency_bin     smallint,
  segments        smallint NOT NULL,
  charge_stream   smallint NOT NULL,
  delivered_seen  boolean NOT NULL,
  failure_seen    boolean NOT NULL,
  report_account  text COLLATE "C" NOT NULL,
  report_operator text COLLATE "C" NOT NULL,
  report_event    text COLLATE "C" NOT NULL,
  outcome         text COLLATE "C" NOT NULL,
  reason          text COLLATE "C" NOT NULL,
  charge_event    text COLLATE "C" NOT NULL,
  charge_account  text COLLATE "C" NOT NULL,
  charge_operator text COLLATE "C" NOT NULL,
  currency        text COLLATE "C" NOT NULL,
  amount          numeric(27, 9) NOT NULL,
  PRIMARY KEY (generation, accepted_day, message_id)
) PARTITION BY LIST (generation);

-- One row per refund event; of two contents under one event id the least counts.
CREATE TABLE refund (
  generation   smallint NOT NULL,
  accepted_day date NOT NULL,
  message_id   uuid NOT NULL,
  event_id     text COLLATE "C" NOT NULL,
  refunded_at  timestamptz NOT NULL,
  sequence     bigint NOT NULL,
  digest       bigint NOT NULL,
  stream       smallint NOT NULL,
  amount       numeric(27, 9) NOT NULL,
  currency     text COLLATE "C" NOT NULL,
  account_id   text COLLATE "C" NOT NULL,
  operator_id  text COLLATE "C" NOT NULL,
  PRIMARY KEY (generation, accepted_day, message_id, event_id)
) PARTITION BY LIST (generation);

-- Rollups. grain_minutes is the bucket size (UTC-aligned): the same counts stand at several sizes, so that the cost of
-- an answer follows the points it returns. Rows may fall to zero; only retention deletes them. version grows by one
-- with every change of a row.
CREATE TABLE outcome_account (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL,
  bucket        timestamptz NOT NULL,
  account_id    text COLLATE "C" NOT NULL,
  operator_id   text COLLATE "C" NOT NULL,
  outcome       text COLLATE "C" NOT NULL,
  reason        text COLLATE "C" NOT NULL,
  messages      bigint NOT NULL,
  segments      bigint NOT NULL,
  contradicted  bigint NOT NULL,
  version       bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (generation, account_id, grain_minutes, bucket, operator_id, outcome, reason)
) PARTITION BY LIST (generation);

CREATE TABLE outcome_platform (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL,
  bucket        timestamptz NOT NULL,
  operator_id   text COLLATE "C" NOT NULL,
  outcome       text COLLATE "C" NOT NULL,
  reason        text COLLATE "C" NOT NULL,
  messages      bigint NOT NULL,
  segments      bigint NOT NULL,
  contradicted  bigint NOT NULL,
  version       bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (generation, grain_minutes, bucket, operator_id, outcome, reason)
) PARTITION BY LIST (generation);

CREATE TABLE money_account (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL,
  bucket        timestamptz NOT NULL,
  account_id    text COLLATE "C" NOT NULL,
  operator_id   text COLLATE "C" NOT NULL,
  currency      text COLLATE "C" NOT NULL,
  charges       bigint NOT NULL,
  charged       numeric(38, 9) NOT NULL,
  refunds       bigint NOT NULL,
  refunded      numeric(38, 9) NOT NULL,
  version       bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (generation, account_id, grain_minutes, bucket, operator_id, currency)
) PARTITION BY LIST (generation);

CREATE TABLE money_platform (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL,
  bucket        timestamptz NOT NULL,
  operator_id   text COLLATE "C" NOT NULL,
  currency      text COLLATE "C" NOT NULL,
  charges       bigint NOT NULL,
  charged       numeric(38, 9) NOT NULL,
  refunds       bigint NOT NULL,
  refunded      numeric(38, 9) NOT NULL,
  version       bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (generation, grain_minutes, bucket, operator_id, currency)
) PARTITION BY LIST (generation);

-- Delivered messages by latency bin (src/domain/latency.ts).
CREATE TABLE latency_platform (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL,
  bucket        timestamptz NOT NULL,
  operator_id   text COLLATE "C" NOT NULL,
  bin           smallint NOT NULL,
  messages      bigint NOT NULL,
  version       bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (generation, grain_minutes, bucket, operator_id, bin)
) PARTITION BY LIST (generation);

CREATE TABLE throughput_platform (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL,
  bucket        timestamptz NOT NULL,
  operator_id   text COLLATE "C" NOT NULL,
  accepted      bigint NOT NULL,
  completed     bigint NOT NULL,
  version       bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (generation, grain_minutes, bucket, operator_id)
) PARTITION BY LIST (generation);

-- Which base-grain buckets a transaction changed; the copy to ClickHouse reads it by snapshot difference.
CREATE TABLE rollup_change (
  xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
  generation smallint NOT NULL,
  rollup     text COLLATE "C" NOT NULL,
  bucket     timestamptz NOT NULL
);
CREATE INDEX rollup_change_xid ON rollup_change (xid);

-- Events that were refused: never their payload, which stays in the stream only.
CREATE TABLE dead_letter (
  stream_id      smallint NOT NULL REFERENCES event_stream,
  sequence       bigint NOT NULL,
  published_at   timestamptz,
  recorded_at    timestamptz NOT NULL DEFAULT now(),
  subject        text COLLATE "C" NOT NULL,
  reason         text COLLATE "C" NOT NULL,
  field          text COLLATE "C",
  event_id       text COLLATE "C",
  message_id     uuid,
  payload_digest bigint NOT NULL,
  resolution     text COLLATE "C" CHECK (resolution IN ('replayed', 'discarded')),
  resolved_at    timestamptz,
  PRIMARY KEY (stream_id, sequence)
);
COMMENT ON COLUMN dead_letter.payload_digest IS 'First 64 bits of the SHA-256 of the payload';

-- One row per ingest process, so that processes never wait for each other here.
CREATE TABLE ingest_progress (
  worker           text COLLATE "C" NOT NULL,
  generation       smallint NOT NULL REFERENCES generation,
  stream_id        smallint NOT NULL REFERENCES event_stream,
  revision         bigint NOT NULL DEFAULT 0,
  highest_sequence bigint NOT NULL DEFAULT 0,
  data_as_of       timestamptz,
  looked_at        timestamptz,
  PRIMARY KEY (generation, stream_id, worker)
) WITH (fillfactor = 50);

-- What became known of callers and operators of the service: who did or was denied what. Append-only.
CREATE TABLE audit_record (
  audit_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  occurred_at    timestamptz NOT NULL DEFAULT now(),
  actor          text COLLATE "C" NOT NULL,
  action         text COLLATE "C" NOT NULL,
  target         text COLLATE "C" NOT NULL DEFAULT '',
  outcome        text COLLATE "C" NOT NULL CHECK (outcome IN ('denied', 'done', 'failed')),
  reason         text COLLATE "C" NOT NULL DEFAULT '',
  occurrences    bigint NOT NULL DEFAULT 1,
  correlation_id text COLLATE "C" NOT NULL DEFAULT ''
);
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_record is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_record_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_record
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- What an answer stands on: one row, read in the same snapshot as the rollups.
CREATE VIEW answer_state AS
SELECT g.generation,
       max(p.data_as_of) AS data_as_of,
       g.generation || '.' || coalesce(sum(p.revision), 0) AS revision
FROM generation g LEFT JOIN ingest_progress p USING (generation)
WHERE g.state = 'serving'
GROUP BY g.generation;

CREATE FUNCTION serving_generation() RETURNS smallint LANGUAGE sql STABLE
  RETURN (SELECT generation FROM generation WHERE state = 'serving');

-- Creates the partitions of a generation; repeatable.
CREATE FUNCTION create_generation_partitions(of_generation smallint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  parent text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['ledger', 'refund'] LOOP
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES IN (%s) PARTITION BY RANGE (accepted_day)',
      parent || '_g' || of_generation, parent, of_generation);
  END LOOP;
  FOREACH parent IN ARRAY ARRAY['outcome_account', 'outcome_platform', 'money_account', 'money_platform',
                                'latency_platform', 'throughput_platform'] LOOP
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES IN (%s) WITH (fillfactor = 60)',
      parent || '_g' || of_generation, parent, of_generation);
  END LOOP;
END $$;

-- Creates the ledger's day partitions [first_day, last_day] of a generation where missing, none below its floor;
-- returns how many it made.
CREATE FUNCTION create_ledger_days(of_generation smallint, first_day date, last_day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  parent text;
  name text;
  made integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('ledger_days'));
  SELECT greatest(first_day, ledger_floor) INTO STRICT first_day FROM generation WHERE generation = of_generation;
  FOREACH parent IN ARRAY ARRAY['ledger', 'refund'] LOOP
    FOR day IN 0 .. last_day - first_day LOOP
      name := format('%s_g%s_%s', parent, of_generation, to_char(first_day + day, 'YYYYMMDD'));
      CONTINUE WHEN to_regclass(name) IS NOT NULL;
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)',
        name, parent || '_g' || of_generation, first_day + day, first_day + day + 1,
        CASE parent WHEN 'ledger' THEN 40 ELSE 90 END);
      made := made + 1;
    END LOOP;
  END LOOP;
  RETURN made;
END $$;

-- Raises the floor of a generation to before_day and drops the ledger's day partitions below it, in one transaction;
-- returns their names.
CREATE FUNCTION drop_ledger_days(of_generation smallint, before_day date) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  partition record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('ledger_days'));
  UPDATE generation SET ledger_floor = greatest(ledger_floor, before_day) WHERE generation = of_generation;
  FOR partition IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN (to_regclass('ledger_g' || of_generation), to_regclass('refund_g' || of_generation))
      AND right(c.relname, 8) < to_char(before_day, 'YYYYMMDD')
    ORDER BY c.relname
  LOOP
    EXECUTE format('DROP TABLE %I', partition.relname);
    RETURN NEXT partition.relname;
  END LOOP;
END $$;

INSERT INTO generation (generation, state, durable, served_at) VALUES (1, 'serving', 'analytics-rollup', now());
SELECT create_generation_partitions(1::smallint);

-- Roles: created outside (they belong to the cluster), granted here.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION serving_generation() TO PUBLIC;
GRANT EXECUTE ON FUNCTION create_ledger_days(smallint, date, date) TO analytics_ingest, analytics_ops;
GRANT EXECUTE ON FUNCTION create_generation_partitions(smallint), drop_ledger_days(smallint, date) TO analytics_ops;

GRANT SELECT ON generation, answer_state, ingest_progress TO
  analytics_ingest, analytics_platform, analytics_account, analytics_etl, analytics_ops;
GRANT SELECT, INSERT ON event_stream TO analytics_ingest;
GRANT SELECT, INSERT ON event_stream TO analytics_ops;

GRANT SELECT, INSERT, UPDATE ON ledger, refund, outcome_account, outcome_platform, money_account, money_platform,
  latency_platform, throughput_platform TO analytics_ingest, analytics_ops;
GRANT DELETE ON outcome_account, outcome_platform, money_account, money_platform, latency_platform,
  throughput_platform TO analytics_ops;
GRANT INSERT ON rollup_change TO analytics_ingest, analytics_ops;
GRANT SELECT, INSERT ON dead_letter TO analytics_ingest;
GRANT SELECT, UPDATE ON dead_letter TO analytics_ops;
GRANT SELECT, INSERT, UPDATE ON ingest_progress TO analytics_ingest;
GRANT SELECT, INSERT, UPDATE, DELETE ON ingest_progress, generation TO analytics_ops;

GRANT SELECT ON outcome_account, outcome_platform, money_account, money_platform, latency_platform,
  throughput_platform TO analytics_platform;
GRANT SELECT ON outcome_account, money_account TO analytics_account;
GRANT SELECT ON outcome_account, money_account, latency_platform, throughput_platform TO analytics_etl;
GRANT SELECT, DELETE ON rollup_change TO analytics_etl;

GRANT INSERT ON audit_record TO analytics_platform, analytics_ops;
GRANT SELECT ON audit_record TO analytics_ops;

-- Row-level security binds every role (FORCE: the owner too), so each has a policy of its own. The account role sees
-- the rows of the account that its transaction names, and none where it names none.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['ledger', 'refund', 'outcome_account', 'money_account'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY writers ON %I TO analytics_owner, analytics_ingest, analytics_ops
                    USING (true) WITH CHECK (true)', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['outcome_account', 'money_account'] LOOP
    EXECUTE format('CREATE POLICY readers ON %I FOR SELECT TO analytics_platform, analytics_etl USING (true)', name);
    EXECUTE format('CREATE POLICY one_account ON %I FOR SELECT TO analytics_account
                    USING (account_id = current_setting(''analytics.account_id'', true))', name);
  END LOOP;
END $$;
