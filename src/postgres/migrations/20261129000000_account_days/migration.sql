-- What outcome_account holds of a whole UTC day, for questions about every account over months. Not written with the events,
-- which would cost ingestion more than all else that it writes: ingest adds up days that are over, one by one, afterwards.
CREATE TABLE outcome_account_day (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL DEFAULT 1440 CHECK (grain_minutes = 1440),
  bucket        timestamptz NOT NULL,
  account_id    text COLLATE "C" NOT NULL,
  operator_id   text COLLATE "C" NOT NULL,
  outcome       text COLLATE "C" NOT NULL,
  reason        text COLLATE "C" NOT NULL,
  messages      bigint NOT NULL,
  segments      bigint NOT NULL,
  PRIMARY KEY (generation, grain_minutes, bucket, account_id, operator_id, outcome, reason)
) PARTITION BY LIST (generation);

-- The version of the day that its rows in outcome_account_day were made from, in the transaction that made them. They are
-- read only while it is the day's version still.
ALTER TABLE day_version ADD COLUMN added_up bigint;

CREATE OR REPLACE FUNCTION rollup_tables() RETURNS text[] LANGUAGE sql IMMUTABLE
  RETURN ARRAY['outcome_account', 'outcome_platform', 'money_account', 'latency_platform', 'throughput_platform',
               'outcome_sum', 'money_sum', 'latency_histogram', 'throughput_sum',
               'account_outcome_sum', 'account_money_sum', 'day_version', 'outcome_account_day'];

SELECT create_generation_partitions(generation) FROM generation;

ALTER TABLE outcome_account_day ENABLE ROW LEVEL SECURITY;
ALTER TABLE outcome_account_day FORCE ROW LEVEL SECURITY;
CREATE POLICY writers ON outcome_account_day TO analytics_owner, analytics_ingest, analytics_ops USING (true) WITH CHECK (true);
CREATE POLICY readers ON outcome_account_day FOR SELECT TO analytics_platform USING (true);

GRANT SELECT, INSERT, UPDATE ON outcome_account_day TO analytics_ingest;
GRANT SELECT, DELETE ON outcome_account_day TO analytics_ops;
GRANT SELECT ON outcome_account_day TO analytics_platform;
