-- Sums that make answers cheap: one narrow row for each bucket of a series, where the rollups hold one for each reason,
-- bin, operator or minute. Each is read by ranges of one key, so operator_id stands before bucket; operator_id '' is the
-- sum over all operators.

-- Outcomes without their reasons: every outcome of a bucket in one row.
CREATE TABLE outcome_sum (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL,
  operator_id   text COLLATE "C" NOT NULL,
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
  PRIMARY KEY (generation, grain_minutes, operator_id, bucket)
) PARTITION BY LIST (generation);

CREATE TABLE money_sum (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL,
  bucket        timestamptz NOT NULL,
  currency      text COLLATE "C" NOT NULL,
  charges       bigint NOT NULL,
  charged       numeric(38, 9) NOT NULL,
  refunds       bigint NOT NULL,
  refunded      numeric(38, 9) NOT NULL,
  version       bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (generation, grain_minutes, bucket, currency)
) PARTITION BY LIST (generation);

-- Delivered messages by latency bin, all bins of a bucket in one row: bins ascending, messages in the same order, none 0.
CREATE TABLE latency_histogram (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL,
  operator_id   text COLLATE "C" NOT NULL,
  bucket        timestamptz NOT NULL,
  bins          smallint[] NOT NULL,
  messages      bigint[] NOT NULL,
  version       bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (generation, grain_minutes, operator_id, bucket)
) PARTITION BY LIST (generation);

-- What the rows of arrays are computed with: once for each row written.
CREATE FUNCTION add_minutes(stored bigint[], more bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (SELECT array_agg(a + b ORDER BY i) FROM unnest(stored, more) WITH ORDINALITY AS minute (a, b, i));
CREATE FUNCTION sum_of(minutes bigint[]) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (SELECT sum(m)::bigint FROM unnest(minutes) AS minute (m));
CREATE FUNCTION busiest_of(minutes bigint[]) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (SELECT max(m) FROM unnest(minutes) AS minute (m));

-- Throughput of all operators by hour: its 60 minutes, and what follows from them. A message that is taken out of the
-- busiest minute makes another one the busiest, so the minutes must stand in the row that says which one it is.
CREATE TABLE throughput_sum (
  generation    smallint NOT NULL,
  grain_minutes smallint NOT NULL CHECK (grain_minutes = 60),
  bucket        timestamptz NOT NULL,
  accepted      bigint[] NOT NULL CHECK (cardinality(accepted) = 60),
  completed     bigint[] NOT NULL CHECK (cardinality(completed) = 60),
  accepted_sum  bigint GENERATED ALWAYS AS (sum_of(accepted)) STORED,
  completed_sum bigint GENERATED ALWAYS AS (sum_of(completed)) STORED,
  accepted_peak  bigint GENERATED ALWAYS AS (busiest_of(accepted)) STORED,
  completed_peak bigint GENERATED ALWAYS AS (busiest_of(completed)) STORED,
  version       bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (generation, grain_minutes, bucket)
) PARTITION BY LIST (generation);

-- Every partitioned rollup, in one place for what creates and drops the partitions of a generation.
CREATE FUNCTION rollup_tables() RETURNS text[] LANGUAGE sql IMMUTABLE
  RETURN ARRAY['outcome_account', 'outcome_platform', 'money_account', 'money_platform', 'latency_platform',
               'throughput_platform', 'outcome_sum', 'money_sum', 'latency_histogram', 'throughput_sum'];

CREATE OR REPLACE FUNCTION create_generation_partitions(of_generation smallint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  parent text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['ledger', 'refund'] LOOP
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES IN (%s) PARTITION BY RANGE (accepted_day)',
      parent || '_g' || of_generation, parent, of_generation);
  END LOOP;
  FOREACH parent IN ARRAY rollup_tables() LOOP
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES IN (%s) WITH (fillfactor = %s)',
      parent || '_g' || of_generation, parent, of_generation,
      CASE WHEN parent IN ('latency_histogram', 'throughput_sum') THEN 40 ELSE 60 END);
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION drop_generation_partitions(of_generation smallint) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  parent text;
  name text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('ledger_days'));
  IF EXISTS (SELECT FROM generation WHERE generation = of_generation AND state = 'serving') THEN
    RAISE EXCEPTION 'generation % is serving', of_generation USING ERRCODE = 'object_in_use';
  END IF;
  FOREACH parent IN ARRAY ARRAY['ledger', 'refund'] || rollup_tables() LOOP
    name := parent || '_g' || of_generation;
    CONTINUE WHEN to_regclass(name) IS NULL;
    EXECUTE format('DROP TABLE %I', name);
    RETURN NEXT name;
  END LOOP;
END $$;

SELECT create_generation_partitions(generation) FROM generation;

-- What is counted already.
INSERT INTO outcome_sum (generation, grain_minutes, operator_id, bucket, pending, delivered, undeliverable, expired,
                         rejected, deleted, unknown, segments, contradicted)
SELECT generation, grain_minutes, coalesce(operator_id, ''), bucket,
       coalesce(sum(messages) FILTER (WHERE outcome = 'PENDING'), 0),
       coalesce(sum(messages) FILTER (WHERE outcome = 'DELIVERED'), 0),
       coalesce(sum(messages) FILTER (WHERE outcome = 'UNDELIVERABLE'), 0),
       coalesce(sum(messages) FILTER (WHERE outcome = 'EXPIRED'), 0),
       coalesce(sum(messages) FILTER (WHERE outcome = 'REJECTED'), 0),
       coalesce(sum(messages) FILTER (WHERE outcome = 'DELETED'), 0),
       coalesce(sum(messages) FILTER (WHERE outcome = 'UNKNOWN'), 0),
       sum(segments), sum(contradicted)
FROM outcome_platform
GROUP BY GROUPING SETS ((generation, grain_minutes, bucket, operator_id), (generation, grain_minutes, bucket));

INSERT INTO money_sum (generation, grain_minutes, bucket, currency, charges, charged, refunds, refunded)
SELECT generation, grain_minutes, bucket, currency, sum(charges), sum(charged), sum(refunds), sum(refunded)
FROM money_platform GROUP BY 1, 2, 3, 4;

INSERT INTO latency_histogram (generation, grain_minutes, operator_id, bucket, bins, messages)
SELECT generation, grain_minutes, operator_id, bucket, array_agg(bin ORDER BY bin), array_agg(messages ORDER BY bin)
FROM (SELECT generation, grain_minutes, coalesce(operator_id, '') AS operator_id, bucket, bin,
             sum(messages)::bigint AS messages
      FROM latency_platform
      GROUP BY GROUPING SETS ((generation, grain_minutes, bucket, bin, operator_id),
                              (generation, grain_minutes, bucket, bin))
      HAVING sum(messages) > 0) AS by_bin
GROUP BY 1, 2, 3, 4;
-- The coarser tiers of single bins are nobody's any more.
DELETE FROM latency_platform WHERE grain_minutes > 15;

INSERT INTO throughput_sum (generation, grain_minutes, bucket, accepted, completed)
SELECT generation, 60, hour, array_agg(accepted ORDER BY minute), array_agg(completed ORDER BY minute)
FROM (SELECT h.generation, h.hour, minute, coalesce(sum(t.accepted), 0)::bigint AS accepted,
             coalesce(sum(t.completed), 0)::bigint AS completed
      FROM (SELECT DISTINCT generation, date_trunc('hour', bucket, 'UTC') AS hour
            FROM throughput_platform WHERE grain_minutes = 1) AS h
      CROSS JOIN generate_series(0, 59) AS minute
      LEFT JOIN throughput_platform AS t
        ON t.generation = h.generation AND t.grain_minutes = 1 AND t.bucket = h.hour + minute * interval '1 minute'
      GROUP BY 1, 2, 3) AS by_minute
GROUP BY 1, 3;

REVOKE ALL ON FUNCTION rollup_tables(), add_minutes(bigint[], bigint[]), sum_of(bigint[]), busiest_of(bigint[])
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_minutes(bigint[], bigint[]), sum_of(bigint[]), busiest_of(bigint[])
  TO analytics_ingest, analytics_ops;
GRANT SELECT, INSERT, UPDATE ON outcome_sum, money_sum, latency_histogram, throughput_sum
  TO analytics_ingest, analytics_ops;
GRANT DELETE ON outcome_sum, money_sum, latency_histogram, throughput_sum TO analytics_ops;
GRANT SELECT ON outcome_sum, money_sum, latency_histogram, throughput_sum TO analytics_platform;
