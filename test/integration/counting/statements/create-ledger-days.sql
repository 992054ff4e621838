SELECT create_ledger_days(
    $1,
    (now() AT TIME ZONE 'UTC')::date - $2::int,
    (now() AT TIME ZONE 'UTC')::date + $3::int
  ) AS made;
