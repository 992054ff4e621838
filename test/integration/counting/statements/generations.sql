SELECT
    g.generation, g.state, g.durable, g.base_generation,
    CASE WHEN isfinite(g.ledger_floor) THEN g.ledger_floor::text END AS ledger_floor,
    (extract(epoch FROM max(p.data_as_of)) * 1000000)::bigint AS data_as_of,
    coalesce(sum(p.revision), 0)::text AS revision,
    (extract(epoch FROM g.created_at) * 1000000)::bigint AS created_at,
    (extract(epoch FROM g.served_at) * 1000000)::bigint AS served_at,
    (extract(epoch FROM g.rebuilt_from) * 1000000)::bigint AS rebuilt_from,
    (extract(epoch FROM g.copied_at) * 1000000)::bigint AS copied_at
  FROM generation AS g
  LEFT JOIN ingest_progress AS p USING (generation)
  GROUP BY g.generation
  ORDER BY g.generation;
