-- A day of the ledger that is gone while its rollups count messages is missing: an empty one in its place would count every
-- copy of its events a second time. It is never made anew; its events become dead letters until its partition is back.

-- The days of a parent ('ledger' or 'refund') whose partitions are attached, whatever these are called.
CREATE FUNCTION ledger_days(of_generation smallint, parent text) RETURNS SETOF date
LANGUAGE sql STABLE SET search_path = public, pg_temp SET datestyle = 'ISO, YMD' AS $$
  SELECT substring(pg_get_expr(c.relpartbound, c.oid) FROM 'FROM \(''([0-9-]+)''\)')::date
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = to_regclass(parent || '_g' || of_generation) AND NOT i.inhdetachpending
$$;

-- The missing days of a generation from its ledger floor on: rollups count messages while a partition is absent, or that of
-- the ledger is empty. Also days whose names a detached table keeps: they cannot be made. A day without counts that is
-- merely dropped is made again. (LIMIT keeps the look at a partition from becoming a join with the whole ledger.)
CREATE FUNCTION missing_ledger_days(of_generation smallint) RETURNS SETOF date
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  WITH attached AS MATERIALIZED (
    SELECT ledger_days(of_generation, 'ledger') INTERSECT SELECT ledger_days(of_generation, 'refund')),
  wanted AS (
    SELECT ledger_floor AS floor, (now() AT TIME ZONE 'UTC')::date AS today
    FROM generation WHERE generation = of_generation),
  counted AS MATERIALIZED (
    SELECT (bucket AT TIME ZONE 'UTC')::date AS day FROM outcome_sum, wanted
    WHERE generation = of_generation AND grain_minutes = 1440 AND operator_id = ''
      AND bucket >= floor::timestamp AT TIME ZONE 'UTC'
      AND pending + delivered + undeliverable + expired + rejected + deleted + unknown > 0)
  SELECT day FROM counted
  WHERE day NOT IN (SELECT * FROM attached)
    OR (SELECT true FROM ledger WHERE generation = of_generation AND accepted_day = day LIMIT 1) IS NULL
  UNION
  SELECT today + ahead FROM wanted, generate_series(-50, 2) AS ahead
  WHERE today + ahead >= floor AND today + ahead NOT IN (SELECT * FROM attached)
    AND EXISTS (SELECT FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND NOT relispartition
                  AND relname IN (format('ledger_g%s_%s', of_generation, to_char(today + ahead, 'YYYYMMDD')),
                                  format('refund_g%s_%s', of_generation, to_char(today + ahead, 'YYYYMMDD'))))
  ORDER BY 1
$$;

-- Called by the statement that counts, in its own snapshot: a day that was emptied since ingest last looked takes nothing.
-- The code is that of a row which finds no partition.
CREATE FUNCTION refuse_missing_day(of_generation smallint, of_day date) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
BEGIN
  IF (SELECT true FROM ledger WHERE generation = of_generation AND accepted_day = of_day LIMIT 1) IS NULL
    AND EXISTS (
      SELECT FROM outcome_sum
      WHERE generation = of_generation AND grain_minutes = 1440 AND operator_id = ''
        AND bucket = of_day::timestamp AT TIME ZONE 'UTC'
        AND pending + delivered + undeliverable + expired + rejected + deleted + unknown > 0) THEN
    RAISE EXCEPTION 'the ledger day % is empty while its rollups count messages', of_day
      USING ERRCODE = 'check_violation';
  END IF;
END $$;

-- As before, but for the days that are missing.
CREATE OR REPLACE FUNCTION create_ledger_days(of_generation smallint, first_day date, last_day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  parent text;
  name text;
  made integer := 0;
  today date := (now() AT TIME ZONE 'UTC')::date;
  kept date[];
BEGIN
  IF last_day - first_day >= 400
    OR (first_day < today - 60 OR last_day > today + 7)
      AND NOT pg_has_role(session_user, 'analytics_ops', 'MEMBER')
      AND NOT pg_has_role(session_user, 'analytics_owner', 'MEMBER') THEN
    RAISE EXCEPTION 'these days are not for % to make', session_user USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('ledger_days'));
  SELECT greatest(first_day, ledger_floor) INTO STRICT first_day FROM generation WHERE generation = of_generation;
  FOREACH parent IN ARRAY ARRAY['ledger', 'refund'] LOOP
    kept := ARRAY(SELECT missing_ledger_days(of_generation) UNION SELECT ledger_days(of_generation, parent));
    FOR day IN 0 .. last_day - first_day LOOP
      name := format('%s_g%s_%s', parent, of_generation, to_char(first_day + day, 'YYYYMMDD'));
      CONTINUE WHEN first_day + day = ANY (kept) OR to_regclass(name) IS NOT NULL;
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)',
        name, parent || '_g' || of_generation, first_day + day, first_day + day + 1,
        CASE parent WHEN 'ledger' THEN 40 ELSE 90 END);
      made := made + 1;
    END LOOP;
  END LOOP;
  RETURN made;
END $$;

-- Asked each second: data_as_of stands before the first of them.
CREATE INDEX dead_letter_day_missing ON dead_letter (published_at)
  WHERE reason = 'day_missing' AND resolution IS NULL;

REVOKE ALL ON FUNCTION ledger_days(smallint, text), missing_ledger_days(smallint), refuse_missing_day(smallint, date)
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_days(smallint, text), missing_ledger_days(smallint), refuse_missing_day(smallint, date)
  TO analytics_ingest, analytics_ops;
