SELECT missing - date '1970-01-01' AS day
  FROM missing_ledger_days($1) AS missing
  ORDER BY day;
