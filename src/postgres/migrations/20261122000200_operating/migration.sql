-- What the people who run the service need: judging a dead letter again, and a generation that is rebuilt.

-- A replayed event goes through the ledger statement, which records what displaces a charge as a dead letter.
GRANT INSERT ON dead_letter TO analytics_ops;

-- How a building generation came about. Ledger days and buckets before rebuilt_from are taken from its base; the rest
-- is computed from the ledger and filled by replaying the stream. copied_at: that start is complete.
ALTER TABLE generation
  ADD COLUMN base_generation smallint,
  ADD COLUMN rebuilt_from timestamptz,
  ADD COLUMN copied_at timestamptz;

-- Drops everything that a generation holds, repeatable; the one that serves is refused. Its row is the caller's to end.
CREATE FUNCTION drop_generation_partitions(of_generation smallint) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  parent text;
  name text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('ledger_days'));
  IF EXISTS (SELECT FROM generation WHERE generation = of_generation AND state = 'serving') THEN
    RAISE EXCEPTION 'generation % is serving', of_generation USING ERRCODE = 'object_in_use';
  END IF;
  FOREACH parent IN ARRAY ARRAY['ledger', 'refund', 'outcome_account', 'outcome_platform', 'money_account',
                                'money_platform', 'latency_platform', 'throughput_platform'] LOOP
    name := parent || '_g' || of_generation;
    CONTINUE WHEN to_regclass(name) IS NULL;
    EXECUTE format('DROP TABLE %I', name);
    RETURN NEXT name;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION drop_generation_partitions(smallint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drop_generation_partitions(smallint) TO analytics_ops;
