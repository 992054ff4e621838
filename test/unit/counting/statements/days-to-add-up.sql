
  SELECT (extract(epoch FROM day.bucket) / 86400)::int AS day,
         coalesce(made.version, 0) AS version
    FROM generate_series(
           (SELECT date_bin('1 day', min(bucket), timestamptz '2000-01-01T00:00:00Z')
              FROM outcome_account
             WHERE generation = $1
               AND grain_minutes = 15),
           now() - interval '24 hours',
           interval '24 hours') AS day (bucket)
    LEFT JOIN day_version AS made
      ON made.generation = $1
     AND made.grain_minutes = 1440
     AND made.bucket = day.bucket
   WHERE made.added_up IS DISTINCT FROM coalesce(made.version, 0)
      OR made.usage_added_up IS DISTINCT FROM coalesce(made.version, 0)
      OR EXISTS (
         SELECT FROM account_usage_day AS usage
          WHERE usage.generation = $1
            AND usage.grain_minutes = 1440
            AND usage.bucket = day.bucket
            AND usage.format <> 1)
   ORDER BY day.bucket DESC