SELECT
    generation, state, durable,
    CASE WHEN isfinite(ledger_floor) THEN ledger_floor - date '1970-01-01' END AS floor
  FROM generation
  WHERE CASE
    WHEN $1::smallint IS NULL THEN state = 'serving'
    ELSE generation = $1
  END;
