-- Sums that make the answers about one account cheap, and what tells a reader which days have changed since it looked.

-- Every outcome of an account in one row for each hour, where outcome_account holds one for each quarter of an
-- hour, operator, outcome and reason. Two keys: one account over time, and every account of one bucket.
CREATE TABLE account_outcome_sum (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL CHECK (grain_minutes = 60),
  account_id    text COLLATE "C" NOT NULL,
  bucket        timestamptz NOT NULL,
  pending       bigint NOT NULL,
  delivered     bigint NOT NULL,
  undeliverable bigint NOT NULL,
  expired       bigint NOT NULL,
  rejected      bigint NOT NULL,
  deleted       bigint NOT NULL,
  unknown       bigint NOT NULL,
  segments      bigint NOT NULL,
  contradicted  bigint NOT NULL,
  version       bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (generation, grain_minutes, account_id, bucket)
) PARTITION BY LIST (generation);
CREATE INDEX account_outcome_sum_bucket ON account_outcome_sum (generation, grain_minutes, bucket);

CREATE TABLE account_money_sum (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL CHECK (grain_minutes = 60),
  account_id    text COLLATE "C" NOT NULL,
  bucket        timestamptz NOT NULL,
  currency      text COLLATE "C" NOT NULL,
  charges       bigint NOT NULL,
  charged       numeric(38, 9) NOT NULL,
  refunds       bigint NOT NULL,
  refunded      numeric(38, 9) NOT NULL,
  version       bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (generation, grain_minutes, account_id, bucket, currency)
) PARTITION BY LIST (generation);

-- One row for each UTC day, whose version grows with every change of any cell of that day, in the transaction that makes
-- it: as long as it is the same, so is everything that was read of the day. A day without a row has version 0.
CREATE TABLE day_version (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL DEFAULT 1440 CHECK (grain_minutes = 1440),
  bucket        timestamptz NOT NULL,
  version       bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (generation, grain_minutes, bucket)
) PARTITION BY LIST (generation);

CREATE OR REPLACE FUNCTION rollup_tables() RETURNS text[] LANGUAGE sql IMMUTABLE
  RETURN ARRAY['outcome_account', 'outcome_platform', 'money_account', 'latency_platform', 'throughput_platform',
               'outcome_sum', 'money_sum', 'latency_histogram', 'throughput_sum',
               'account_outcome_sum', 'account_money_sum', 'day_version'];

SELECT create_generation_partitions(generation) FROM generation;

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['account_outcome_sum', 'account_money_sum'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY writers ON %I TO analytics_owner, analytics_ingest, analytics_ops
                    USING (true) WITH CHECK (true)', name);
    EXECUTE format('CREATE POLICY readers ON %I FOR SELECT TO analytics_platform USING (true)', name);
    EXECUTE format('CREATE POLICY one_account ON %I FOR SELECT TO analytics_account
                    USING (account_id = current_setting(''analytics.account_id'', true))', name);
  END LOOP;
END $$;

-- What is counted already.
INSERT INTO account_outcome_sum (generation, grain_minutes, account_id, bucket, pending, delivered, undeliverable, expired,
                                 rejected, deleted, unknown, segments, contradicted)
SELECT generation, grain, account_id, date_bin(grain * interval '1 min', bucket, timestamptz '2000-01-01T00:00:00Z'),
       coalesce(sum(messages) FILTER (WHERE outcome = 'PENDING'), 0),
       coalesce(sum(messages) FILTER (WHERE outcome = 'DELIVERED'), 0),
       coalesce(sum(messages) FILTER (WHERE outcome = 'UNDELIVERABLE'), 0),
       coalesce(sum(messages) FILTER (WHERE outcome = 'EXPIRED'), 0),
       coalesce(sum(messages) FILTER (WHERE outcome = 'REJECTED'), 0),
       coalesce(sum(messages) FILTER (WHERE outcome = 'DELETED'), 0),
       coalesce(sum(messages) FILTER (WHERE outcome = 'UNKNOWN'), 0),
       sum(segments), sum(contradicted)
FROM outcome_account, unnest('{60}'::smallint[]) AS grain
WHERE grain_minutes = 15 GROUP BY 1, 2, 3, 4;

INSERT INTO account_money_sum (generation, grain_minutes, account_id, bucket, currency, charges, charged, refunds, refunded)
SELECT generation, grain, account_id, date_bin(grain * interval '1 min', bucket, timestamptz '2000-01-01T00:00:00Z'),
       currency, sum(charges), sum(charged), sum(refunds), sum(refunded)
FROM money_account, unnest('{60}'::smallint[]) AS grain
WHERE grain_minutes = 15 GROUP BY 1, 2, 3, 4, 5;

GRANT SELECT, INSERT, UPDATE ON account_outcome_sum, account_money_sum, day_version TO analytics_ingest, analytics_ops;
GRANT DELETE ON account_outcome_sum, account_money_sum, day_version TO analytics_ops;
GRANT SELECT ON account_outcome_sum, account_money_sum, day_version TO analytics_platform;
GRANT SELECT ON account_outcome_sum, account_money_sum TO analytics_account;

-- Money of each operator beside that of all, as outcome_sum and latency_histogram have theirs: read by ranges of one key.
-- money_platform held the same rows under a key that a question about one operator had to read past the others.
ALTER TABLE money_sum ADD COLUMN operator_id text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE money_sum DROP CONSTRAINT money_sum_pkey;
INSERT INTO money_sum (generation, grain_minutes, operator_id, bucket, currency, charges, charged, refunds, refunded)
SELECT generation, grain_minutes, operator_id, bucket, currency, charges, charged, refunds, refunded FROM money_platform;
ALTER TABLE money_sum ADD PRIMARY KEY (generation, grain_minutes, operator_id, bucket, currency);
ALTER TABLE money_sum ALTER COLUMN operator_id DROP DEFAULT;
DROP TABLE money_platform;
