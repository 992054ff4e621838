
  WITH due AS MATERIALIZED (
    SELECT coalesce(max(version), 0) AS version
      FROM day_version
     WHERE generation = $1
       AND grain_minutes = 1440
       AND bucket = $2::timestamptz
    HAVING (max(usage_added_up) IS DISTINCT FROM coalesce(max(version), 0)
            OR EXISTS (
         SELECT FROM account_usage_day AS usage
          WHERE usage.generation = $1
            AND usage.grain_minutes = 1440
            AND usage.bucket = $2::timestamptz
            AND usage.format <> 1))
       AND pg_try_advisory_xact_lock($1, $3)
  ), added AS (
    INSERT INTO account_usage_day AS stored
      (generation, bucket, account_id, format, counts, codes, money)
    SELECT $1, $2, account.account_id, 1,
           counted.counts, charged.codes, charged.money
      FROM (
            SELECT cell.account_id
              FROM due, account_outcome_sum AS cell
             WHERE cell.generation = $1
               AND cell.grain_minutes = 60
               AND cell.bucket >= $2::timestamptz
               AND cell.bucket < $2::timestamptz + interval '24 hours'
            UNION
            SELECT cell.account_id
              FROM due, money_account AS cell
             WHERE cell.generation = $1
               AND cell.grain_minutes = 15
               AND cell.bucket >= $2::timestamptz
               AND cell.bucket < $2::timestamptz + interval '24 hours') AS account
     CROSS JOIN LATERAL (
            SELECT string_agg(concat_ws(' ',
      date_part('epoch', cell.bucket)::bigint / 60,
      cell.delivered, cell.segments,
      CASE WHEN cell.undeliverable <> 0
             OR cell.expired <> 0
             OR cell.rejected <> 0
             OR cell.deleted <> 0
             OR cell.unknown <> 0
             OR cell.contradicted <> 0
             OR cell.pending <> 0
           THEN concat_ws(' ', cell.undeliverable, cell.expired,
      CASE WHEN cell.rejected <> 0
             OR cell.deleted <> 0
             OR cell.unknown <> 0
             OR cell.contradicted <> 0
             OR cell.pending <> 0
           THEN concat_ws(' ', cell.rejected, cell.deleted, cell.unknown, cell.contradicted, cell.pending) END) END), ',')
              FROM account_outcome_sum AS cell
             WHERE cell.account_id = account.account_id
               AND cell.generation = $1
               AND cell.grain_minutes = 60
               AND cell.bucket >= $2::timestamptz
               AND cell.bucket < $2::timestamptz + interval '24 hours'
            OFFSET 0) AS counted (counts)
     CROSS JOIN LATERAL (
            SELECT string_agg(cell.currency, ''),
    string_agg(concat_ws(' ',
      date_part('epoch', cell.bucket)::bigint / 60,
      cell.charges, cell.charged,
      CASE WHEN cell.refunds <> 0
             OR cell.refunded <> 0
           THEN concat_ws(' ', cell.refunds, cell.refunded) END), ',')
              FROM account_money_sum AS cell
             WHERE cell.account_id = account.account_id
               AND cell.generation = $1
               AND cell.grain_minutes = 60
               AND cell.bucket >= $2::timestamptz
               AND cell.bucket < $2::timestamptz + interval '24 hours'
            OFFSET 0) AS charged (codes, money)
     ORDER BY account.account_id
    ON CONFLICT (generation, grain_minutes, bucket, account_id)
    DO UPDATE SET format = excluded.format,
                  counts = excluded.counts,
                  codes = excluded.codes,
                  money = excluded.money
     WHERE (stored.format, stored.counts, stored.codes, stored.money)
           IS DISTINCT FROM (excluded.format, excluded.counts, excluded.codes, excluded.money)
    RETURNING 1
  )
  INSERT INTO day_version AS made (generation, bucket, version, usage_added_up)
  SELECT $1, $2, due.version, due.version
    FROM due, (SELECT count(*) FROM added) AS done
  ON CONFLICT (generation, grain_minutes, bucket)
  DO UPDATE SET usage_added_up = excluded.usage_added_up