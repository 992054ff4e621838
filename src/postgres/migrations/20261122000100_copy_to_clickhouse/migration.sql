-- What the copy to ClickHouse keeps in Postgres: its fence, its checkpoint, and the record of its runs, so that the lag
-- of the copy is visible when no job is running.

-- One row. epoch is the fencing token: every run takes the next one, and only the run that holds the newest may write
-- here. The checkpoint columns are null until a first copy is complete.
CREATE TABLE etl_checkpoint (
  target            text COLLATE "C" PRIMARY KEY CHECK (target = 'clickhouse'),
  epoch             bigint NOT NULL DEFAULT 0,
  generation        smallint,
  copy              bigint,
  snapshot          pg_snapshot,
  system_identifier bigint,
  run_id            uuid,
  data_as_of        timestamptz,
  checkpointed_at   timestamptz,
  -- A full copy that was begun and not finished: the next run continues to fill the same one.
  pending_generation smallint,
  pending_copy       bigint,
  -- The last day that the rotating slice of the verification has seen.
  verified_day      date
);
INSERT INTO etl_checkpoint (target) VALUES ('clickhouse');

CREATE TABLE etl_run (
  run_id         uuid PRIMARY KEY,
  epoch          bigint NOT NULL UNIQUE,
  started_at     timestamptz NOT NULL DEFAULT now(),
  finished_at    timestamptz,
  outcome        text COLLATE "C" NOT NULL DEFAULT 'running'
                 CHECK (outcome IN ('running', 'copied', 'mismatch', 'failed')),
  kind           text COLLATE "C" CHECK (kind IN ('full', 'changes')),
  cause          text COLLATE "C" NOT NULL DEFAULT '',
  generation     smallint,
  copy           bigint,
  data_as_of     timestamptz,
  rows_copied    bigint NOT NULL DEFAULT 0,
  bytes_copied   bigint NOT NULL DEFAULT 0,
  days_verified  integer NOT NULL DEFAULT 0,
  days_resent    integer NOT NULL DEFAULT 0,
  days_different integer NOT NULL DEFAULT 0,
  changes_pruned bigint NOT NULL DEFAULT 0,
  failure        text COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX etl_run_started ON etl_run (started_at);

-- Lag of the copy, one row: how old the copied data and the last success are.
CREATE VIEW etl_lag AS
SELECT c.epoch, c.generation, c.copy, c.data_as_of, c.checkpointed_at,
       extract(epoch FROM now() - c.checkpointed_at) AS seconds_since_success,
       extract(epoch FROM a.data_as_of - c.data_as_of) AS data_lag_seconds,
       (SELECT outcome FROM etl_run ORDER BY epoch DESC LIMIT 1) AS last_outcome
FROM etl_checkpoint c LEFT JOIN answer_state a ON true;

-- Changed buckets are read across accounts.
CREATE INDEX outcome_account_bucket ON outcome_account (generation, grain_minutes, bucket);
CREATE INDEX money_account_bucket ON money_account (generation, grain_minutes, bucket);

GRANT SELECT, UPDATE ON etl_checkpoint TO analytics_etl;
GRANT SELECT, INSERT, UPDATE, DELETE ON etl_run TO analytics_etl;
GRANT SELECT ON etl_lag TO analytics_etl, analytics_ops, analytics_platform;
GRANT SELECT ON etl_checkpoint, etl_run TO analytics_ops;
