-- The login of ingest makes the ledger's days around today and no others: by this function, which acts with the owner's
-- rights, it could fill the catalogue with partitions. Nobody makes more than 400 days at once.
CREATE OR REPLACE FUNCTION create_ledger_days(of_generation smallint, first_day date, last_day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  parent text;
  name text;
  made integer := 0;
  today date := (now() AT TIME ZONE 'UTC')::date;
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
