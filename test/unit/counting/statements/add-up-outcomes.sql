
  WITH due AS MATERIALIZED (
    SELECT coalesce(max(version), 0) AS version
      FROM day_version
     WHERE generation = $1
       AND grain_minutes = 1440
       AND bucket = $2::timestamptz
    HAVING (max(added_up) IS DISTINCT FROM coalesce(max(version), 0)
            OR false)
       AND pg_try_advisory_xact_lock($1, $3)
  ), added AS (
    INSERT INTO outcome_account_day AS stored
      (generation, bucket, account_id, operator_id, outcome, reason, messages, segments)
    SELECT $1, $2, cell.account_id, cell.operator_id, cell.outcome, cell.reason,
           sum(cell.messages)::bigint, sum(cell.segments)::bigint
      FROM due, outcome_account AS cell
     WHERE cell.generation = $1
               AND cell.grain_minutes = 15
               AND cell.bucket >= $2::timestamptz
               AND cell.bucket < $2::timestamptz + interval '24 hours'
     GROUP BY cell.account_id, cell.operator_id, cell.outcome, cell.reason
     ORDER BY cell.account_id, cell.operator_id, cell.outcome, cell.reason
    ON CONFLICT (generation, grain_minutes, bucket, account_id, operator_id, outcome, reason)
    DO UPDATE SET messages = excluded.messages, segments = excluded.segments
     WHERE (stored.messages, stored.segments) <> (excluded.messages, excluded.segments)
    RETURNING 1
  )
  INSERT INTO day_version AS made (generation, bucket, version, added_up)
  SELECT $1, $2, due.version, due.version
    FROM due, (SELECT count(*) FROM added) AS done
  ON CONFLICT (generation, grain_minutes, bucket)
  DO UPDATE SET added_up = excluded.added_up