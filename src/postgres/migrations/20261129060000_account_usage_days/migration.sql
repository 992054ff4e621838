-- The hours of each account on a whole UTC day in one row, for questions about that account: a week of hours lies in as many
-- pages of its sums otherwise, and finding those costs more than all else. Ingest writes it afterwards, as outcome_account_day.
-- `counts`, `codes` and `money` are texts as readers of the sums get them; other texts would need other columns.
CREATE TABLE account_usage_day (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL DEFAULT 1440 CHECK (grain_minutes = 1440),
  bucket        timestamptz NOT NULL,
  account_id    text COLLATE "C" NOT NULL,
  counts        text,
  codes         text,
  money         text,
  PRIMARY KEY (generation, grain_minutes, bucket, account_id)
) PARTITION BY LIST (generation);

-- Of its own, as `added_up` is written by processes that know nothing of it.
ALTER TABLE day_version ADD COLUMN usage_added_up bigint;

CREATE OR REPLACE FUNCTION rollup_tables() RETURNS text[] LANGUAGE sql IMMUTABLE
  RETURN ARRAY['outcome_account', 'outcome_platform', 'money_account', 'latency_platform', 'throughput_platform',
               'outcome_sum', 'money_sum', 'latency_histogram', 'throughput_sum',
               'account_outcome_sum', 'account_money_sum', 'day_version', 'outcome_account_day', 'account_usage_day'];

SELECT create_generation_partitions(generation) FROM generation WHERE state <> 'retired';

ALTER TABLE account_usage_day ENABLE ROW LEVEL SECURITY;
ALTER TABLE account_usage_day FORCE ROW LEVEL SECURITY;
CREATE POLICY writers ON account_usage_day TO analytics_owner, analytics_ingest, analytics_ops USING (true) WITH CHECK (true);
CREATE POLICY readers ON account_usage_day FOR SELECT TO analytics_platform USING (true);
CREATE POLICY one_account ON account_usage_day FOR SELECT TO analytics_account
  USING (account_id = current_setting('analytics.account_id', true));

GRANT SELECT, INSERT, UPDATE ON account_usage_day TO analytics_ingest;
GRANT SELECT, DELETE ON account_usage_day TO analytics_ops;
GRANT SELECT ON account_usage_day TO analytics_platform;
GRANT SELECT ON account_usage_day, day_version TO analytics_account;
