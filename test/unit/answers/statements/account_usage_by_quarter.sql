
  WITH day AS MATERIALIZED (
    SELECT made.bucket, usage.counts, usage.codes, usage.money
      FROM day_version AS made
      LEFT JOIN LATERAL (
           SELECT *
             FROM account_usage_day AS cell
            WHERE cell.generation = $1
              AND cell.grain_minutes = 1440
              AND cell.bucket = made.bucket
              AND cell.account_id = $2
           OFFSET 0) AS usage ON true
     WHERE made.generation = $1
       AND made.grain_minutes = 1440
       AND made.bucket = ANY ($3::timestamptz[])
       AND made.usage_added_up = made.version
       AND coalesce(usage.format, 1) = 1
  )
  SELECT state.*,
         counts_of_days,
         codes_of_days,
         money_of_days,
         counts_of_hours,
         codes_of_hours,
         money_of_hours,
         counts_of_quarters,
         codes_of_quarters,
         money_of_quarters
    FROM (
    SELECT generation,
         (extract(epoch FROM data_as_of) * 1000000)::bigint,
         revision,
         concat_ws(' ', pg_postmaster_start_time(), 'outcome_sum'::regclass::oid)
      FROM answer_state) AS state
   CROSS JOIN (
    SELECT string_agg(counts, ','), string_agg(codes, ''), string_agg(money, ',')
      FROM day) AS days (counts_of_days, codes_of_days, money_of_days)
   CROSS JOIN (
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
      FROM (
           SELECT *
             FROM unnest(
                  $4::smallint[],
                  $5::timestamptz[],
                  $6::timestamptz[]) AS run (grain_minutes, starts_at, ends_at)
            WHERE date_bin('1 day', starts_at, timestamptz '2000-01-01T00:00:00Z')
                  NOT IN (SELECT bucket FROM day)) AS run
        CROSS JOIN LATERAL (
          SELECT *
            FROM account_outcome_sum AS cell
           WHERE cell.generation = $1
             AND cell.grain_minutes = run.grain_minutes
             AND cell.bucket >= run.starts_at
             AND cell.bucket < run.ends_at
             AND cell.account_id = $2
          OFFSET 0) AS cell) AS counted (counts_of_hours)
   CROSS JOIN (
    SELECT string_agg(cell.currency, ''),
    string_agg(concat_ws(' ',
      date_part('epoch', cell.bucket)::bigint / 60,
      cell.charges, cell.charged,
      CASE WHEN cell.refunds <> 0
             OR cell.refunded <> 0
           THEN concat_ws(' ', cell.refunds, cell.refunded) END), ',')
      FROM (
           SELECT *
             FROM unnest(
                  $4::smallint[],
                  $5::timestamptz[],
                  $6::timestamptz[]) AS run (grain_minutes, starts_at, ends_at)
            WHERE date_bin('1 day', starts_at, timestamptz '2000-01-01T00:00:00Z')
                  NOT IN (SELECT bucket FROM day)) AS run
        CROSS JOIN LATERAL (
          SELECT *
            FROM account_money_sum AS cell
           WHERE cell.generation = $1
             AND cell.grain_minutes = run.grain_minutes
             AND cell.bucket >= run.starts_at
             AND cell.bucket < run.ends_at
             AND cell.account_id = $2
          OFFSET 0) AS cell)
      AS charged (codes_of_hours, money_of_hours)
   CROSS JOIN (
    SELECT string_agg(concat_ws(' ',
      date_part('epoch', cell.bucket)::bigint / 60,
      CASE WHEN cell.outcome = 'DELIVERED' THEN cell.messages ELSE 0 END,
      cell.segments,
      CASE WHEN cell.outcome = 'UNDELIVERABLE' THEN cell.messages ELSE 0 END,
      CASE WHEN cell.outcome = 'EXPIRED' THEN cell.messages ELSE 0 END,
      CASE WHEN cell.outcome = 'REJECTED' THEN cell.messages ELSE 0 END,
      CASE WHEN cell.outcome = 'DELETED' THEN cell.messages ELSE 0 END,
      CASE WHEN cell.outcome = 'UNKNOWN' THEN cell.messages ELSE 0 END,
      cell.contradicted,
      CASE WHEN cell.outcome = 'PENDING' THEN cell.messages ELSE 0 END), ',')
      FROM unnest(
           $7::smallint[],
           $8::timestamptz[],
           $9::timestamptz[]) AS run (grain_minutes, starts_at, ends_at)
        CROSS JOIN LATERAL (
          SELECT *
            FROM outcome_account AS cell
           WHERE cell.generation = $1
             AND cell.grain_minutes = run.grain_minutes
             AND cell.bucket >= run.starts_at
             AND cell.bucket < run.ends_at
             AND cell.account_id = $2
          OFFSET 0) AS cell) AS counted_quarters (counts_of_quarters)
   CROSS JOIN (
    SELECT string_agg(cell.currency, ''),
    string_agg(concat_ws(' ',
      date_part('epoch', cell.bucket)::bigint / 60,
      cell.charges, cell.charged,
      CASE WHEN cell.refunds <> 0
             OR cell.refunded <> 0
           THEN concat_ws(' ', cell.refunds, cell.refunded) END), ',')
      FROM unnest(
           $7::smallint[],
           $8::timestamptz[],
           $9::timestamptz[]) AS run (grain_minutes, starts_at, ends_at)
        CROSS JOIN LATERAL (
          SELECT *
            FROM money_account AS cell
           WHERE cell.generation = $1
             AND cell.grain_minutes = run.grain_minutes
             AND cell.bucket >= run.starts_at
             AND cell.bucket < run.ends_at
             AND cell.account_id = $2
          OFFSET 0) AS cell)
      AS charged_quarters (codes_of_quarters, money_of_quarters)