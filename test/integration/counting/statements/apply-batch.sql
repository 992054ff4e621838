SELECT
    'ledger_entry'::regtype::oid AS ledger,
    'refund_entry'::regtype::oid AS refund,
    'dead_letter_entry'::regtype::oid AS dead_letter;

WITH
incoming AS MATERIALIZED (
  SELECT * FROM unnest($1::ledger_entry[])
),
incoming_refund AS MATERIALIZED (
  SELECT * FROM unnest($2::refund_entry[])
),
checked_day AS MATERIALIZED (
  SELECT refuse_missing_day($3, accepted_day)
  FROM (
    SELECT accepted_day FROM incoming
    UNION
    SELECT accepted_day FROM incoming_refund
  ) AS d
),
moved AS (
  INSERT INTO ledger AS l (
    generation, charge_stream,
    accepted_day, message_id, accepted_at, reported_at, charged_at, report_code, charge_sequence, charge_digest, report_class, report_state, report_network, latency_bin, segments, delivered_seen, failure_seen, report_account, report_operator, report_event, outcome, reason, charge_event, charge_account, charge_operator, currency, amount
  )
  SELECT $3, $4, incoming.*
  FROM incoming
  ON CONFLICT (generation, accepted_day, message_id)
  DO UPDATE SET
    accepted_at = least(l.accepted_at, excluded.accepted_at),
    delivered_seen = l.delivered_seen OR excluded.delivered_seen,
    failure_seen = l.failure_seen OR excluded.failure_seen,
    report_class = CASE WHEN (
      excluded.report_class > l.report_class
      OR excluded.report_class = l.report_class AND excluded.report_class > 0 AND (
        CASE excluded.report_class
          WHEN 4 THEN l.reported_at > excluded.reported_at
          ELSE excluded.reported_at > l.reported_at
        END
        OR excluded.reported_at = l.reported_at
          AND (excluded.report_state, excluded.report_network, excluded.report_code, excluded.report_account, excluded.report_operator, excluded.report_event, excluded.latency_bin)
            > (l.report_state, l.report_network, l.report_code, l.report_account, l.report_operator, l.report_event, l.latency_bin)
      )
    ) THEN excluded.report_class ELSE l.report_class END,
    reported_at = CASE WHEN (
      excluded.report_class > l.report_class
      OR excluded.report_class = l.report_class AND excluded.report_class > 0 AND (
        CASE excluded.report_class
          WHEN 4 THEN l.reported_at > excluded.reported_at
          ELSE excluded.reported_at > l.reported_at
        END
        OR excluded.reported_at = l.reported_at
          AND (excluded.report_state, excluded.report_network, excluded.report_code, excluded.report_account, excluded.report_operator, excluded.report_event, excluded.latency_bin)
            > (l.report_state, l.report_network, l.report_code, l.report_account, l.report_operator, l.report_event, l.latency_bin)
      )
    ) THEN excluded.reported_at ELSE l.reported_at END,
    report_state = CASE WHEN (
      excluded.report_class > l.report_class
      OR excluded.report_class = l.report_class AND excluded.report_class > 0 AND (
        CASE excluded.report_class
          WHEN 4 THEN l.reported_at > excluded.reported_at
          ELSE excluded.reported_at > l.reported_at
        END
        OR excluded.reported_at = l.reported_at
          AND (excluded.report_state, excluded.report_network, excluded.report_code, excluded.report_account, excluded.report_operator, excluded.report_event, excluded.latency_bin)
            > (l.report_state, l.report_network, l.report_code, l.report_account, l.report_operator, l.report_event, l.latency_bin)
      )
    ) THEN excluded.report_state ELSE l.report_state END,
    report_network = CASE WHEN (
      excluded.report_class > l.report_class
      OR excluded.report_class = l.report_class AND excluded.report_class > 0 AND (
        CASE excluded.report_class
          WHEN 4 THEN l.reported_at > excluded.reported_at
          ELSE excluded.reported_at > l.reported_at
        END
        OR excluded.reported_at = l.reported_at
          AND (excluded.report_state, excluded.report_network, excluded.report_code, excluded.report_account, excluded.report_operator, excluded.report_event, excluded.latency_bin)
            > (l.report_state, l.report_network, l.report_code, l.report_account, l.report_operator, l.report_event, l.latency_bin)
      )
    ) THEN excluded.report_network ELSE l.report_network END,
    report_code = CASE WHEN (
      excluded.report_class > l.report_class
      OR excluded.report_class = l.report_class AND excluded.report_class > 0 AND (
        CASE excluded.report_class
          WHEN 4 THEN l.reported_at > excluded.reported_at
          ELSE excluded.reported_at > l.reported_at
        END
        OR excluded.reported_at = l.reported_at
          AND (excluded.report_state, excluded.report_network, excluded.report_code, excluded.report_account, excluded.report_operator, excluded.report_event, excluded.latency_bin)
            > (l.report_state, l.report_network, l.report_code, l.report_account, l.report_operator, l.report_event, l.latency_bin)
      )
    ) THEN excluded.report_code ELSE l.report_code END,
    report_account = CASE WHEN (
      excluded.report_class > l.report_class
      OR excluded.report_class = l.report_class AND excluded.report_class > 0 AND (
        CASE excluded.report_class
          WHEN 4 THEN l.reported_at > excluded.reported_at
          ELSE excluded.reported_at > l.reported_at
        END
        OR excluded.reported_at = l.reported_at
          AND (excluded.report_state, excluded.report_network, excluded.report_code, excluded.report_account, excluded.report_operator, excluded.report_event, excluded.latency_bin)
            > (l.report_state, l.report_network, l.report_code, l.report_account, l.report_operator, l.report_event, l.latency_bin)
      )
    ) THEN excluded.report_account ELSE l.report_account END,
    report_operator = CASE WHEN (
      excluded.report_class > l.report_class
      OR excluded.report_class = l.report_class AND excluded.report_class > 0 AND (
        CASE excluded.report_class
          WHEN 4 THEN l.reported_at > excluded.reported_at
          ELSE excluded.reported_at > l.reported_at
        END
        OR excluded.reported_at = l.reported_at
          AND (excluded.report_state, excluded.report_network, excluded.report_code, excluded.report_account, excluded.report_operator, excluded.report_event, excluded.latency_bin)
            > (l.report_state, l.report_network, l.report_code, l.report_account, l.report_operator, l.report_event, l.latency_bin)
      )
    ) THEN excluded.report_operator ELSE l.report_operator END,
    report_event = CASE WHEN (
      excluded.report_class > l.report_class
      OR excluded.report_class = l.report_class AND excluded.report_class > 0 AND (
        CASE excluded.report_class
          WHEN 4 THEN l.reported_at > excluded.reported_at
          ELSE excluded.reported_at > l.reported_at
        END
        OR excluded.reported_at = l.reported_at
          AND (excluded.report_state, excluded.report_network, excluded.report_code, excluded.report_account, excluded.report_operator, excluded.report_event, excluded.latency_bin)
            > (l.report_state, l.report_network, l.report_code, l.report_account, l.report_operator, l.report_event, l.latency_bin)
      )
    ) THEN excluded.report_event ELSE l.report_event END,
    outcome = CASE WHEN (
      excluded.report_class > l.report_class
      OR excluded.report_class = l.report_class AND excluded.report_class > 0 AND (
        CASE excluded.report_class
          WHEN 4 THEN l.reported_at > excluded.reported_at
          ELSE excluded.reported_at > l.reported_at
        END
        OR excluded.reported_at = l.reported_at
          AND (excluded.report_state, excluded.report_network, excluded.report_code, excluded.report_account, excluded.report_operator, excluded.report_event, excluded.latency_bin)
            > (l.report_state, l.report_network, l.report_code, l.report_account, l.report_operator, l.report_event, l.latency_bin)
      )
    ) THEN excluded.outcome ELSE l.outcome END,
    reason = CASE WHEN (
      excluded.report_class > l.report_class
      OR excluded.report_class = l.report_class AND excluded.report_class > 0 AND (
        CASE excluded.report_class
          WHEN 4 THEN l.reported_at > excluded.reported_at
          ELSE excluded.reported_at > l.reported_at
        END
        OR excluded.reported_at = l.reported_at
          AND (excluded.report_state, excluded.report_network, excluded.report_code, excluded.report_account, excluded.report_operator, excluded.report_event, excluded.latency_bin)
            > (l.report_state, l.report_network, l.report_code, l.report_account, l.report_operator, l.report_event, l.latency_bin)
      )
    ) THEN excluded.reason ELSE l.reason END,
    latency_bin = CASE WHEN (
      excluded.report_class > l.report_class
      OR excluded.report_class = l.report_class AND excluded.report_class > 0 AND (
        CASE excluded.report_class
          WHEN 4 THEN l.reported_at > excluded.reported_at
          ELSE excluded.reported_at > l.reported_at
        END
        OR excluded.reported_at = l.reported_at
          AND (excluded.report_state, excluded.report_network, excluded.report_code, excluded.report_account, excluded.report_operator, excluded.report_event, excluded.latency_bin)
            > (l.report_state, l.report_network, l.report_code, l.report_account, l.report_operator, l.report_event, l.latency_bin)
      )
    ) THEN excluded.latency_bin ELSE l.latency_bin END,
    charged_at = CASE WHEN (excluded.charged_at, excluded.charge_event, excluded.segments, excluded.amount, excluded.currency, excluded.charge_account, excluded.charge_operator) < (l.charged_at, l.charge_event, l.segments, l.amount, l.currency, l.charge_account, l.charge_operator) THEN excluded.charged_at ELSE l.charged_at END,
    charge_event = CASE WHEN (excluded.charged_at, excluded.charge_event, excluded.segments, excluded.amount, excluded.currency, excluded.charge_account, excluded.charge_operator) < (l.charged_at, l.charge_event, l.segments, l.amount, l.currency, l.charge_account, l.charge_operator) THEN excluded.charge_event ELSE l.charge_event END,
    segments = CASE WHEN (excluded.charged_at, excluded.charge_event, excluded.segments, excluded.amount, excluded.currency, excluded.charge_account, excluded.charge_operator) < (l.charged_at, l.charge_event, l.segments, l.amount, l.currency, l.charge_account, l.charge_operator) THEN excluded.segments ELSE l.segments END,
    amount = CASE WHEN (excluded.charged_at, excluded.charge_event, excluded.segments, excluded.amount, excluded.currency, excluded.charge_account, excluded.charge_operator) < (l.charged_at, l.charge_event, l.segments, l.amount, l.currency, l.charge_account, l.charge_operator) THEN excluded.amount ELSE l.amount END,
    currency = CASE WHEN (excluded.charged_at, excluded.charge_event, excluded.segments, excluded.amount, excluded.currency, excluded.charge_account, excluded.charge_operator) < (l.charged_at, l.charge_event, l.segments, l.amount, l.currency, l.charge_account, l.charge_operator) THEN excluded.currency ELSE l.currency END,
    charge_account = CASE WHEN (excluded.charged_at, excluded.charge_event, excluded.segments, excluded.amount, excluded.currency, excluded.charge_account, excluded.charge_operator) < (l.charged_at, l.charge_event, l.segments, l.amount, l.currency, l.charge_account, l.charge_operator) THEN excluded.charge_account ELSE l.charge_account END,
    charge_operator = CASE WHEN (excluded.charged_at, excluded.charge_event, excluded.segments, excluded.amount, excluded.currency, excluded.charge_account, excluded.charge_operator) < (l.charged_at, l.charge_event, l.segments, l.amount, l.currency, l.charge_account, l.charge_operator) THEN excluded.charge_operator ELSE l.charge_operator END,
    charge_stream = CASE WHEN (excluded.charged_at, excluded.charge_event, excluded.segments, excluded.amount, excluded.currency, excluded.charge_account, excluded.charge_operator) < (l.charged_at, l.charge_event, l.segments, l.amount, l.currency, l.charge_account, l.charge_operator) THEN excluded.charge_stream ELSE l.charge_stream END,
    charge_sequence = CASE WHEN (excluded.charged_at, excluded.charge_event, excluded.segments, excluded.amount, excluded.currency, excluded.charge_account, excluded.charge_operator) < (l.charged_at, l.charge_event, l.segments, l.amount, l.currency, l.charge_account, l.charge_operator) THEN excluded.charge_sequence ELSE l.charge_sequence END,
    charge_digest = CASE WHEN (excluded.charged_at, excluded.charge_event, excluded.segments, excluded.amount, excluded.currency, excluded.charge_account, excluded.charge_operator) < (l.charged_at, l.charge_event, l.segments, l.amount, l.currency, l.charge_account, l.charge_operator) THEN excluded.charge_digest ELSE l.charge_digest END
  WHERE (
      excluded.report_class > l.report_class
      OR excluded.report_class = l.report_class AND excluded.report_class > 0 AND (
        CASE excluded.report_class
          WHEN 4 THEN l.reported_at > excluded.reported_at
          ELSE excluded.reported_at > l.reported_at
        END
        OR excluded.reported_at = l.reported_at
          AND (excluded.report_state, excluded.report_network, excluded.report_code, excluded.report_account, excluded.report_operator, excluded.report_event, excluded.latency_bin)
            > (l.report_state, l.report_network, l.report_code, l.report_account, l.report_operator, l.report_event, l.latency_bin)
      )
    )
    OR excluded.charge_event <> '' AND (excluded.charged_at, excluded.charge_event, excluded.segments, excluded.amount, excluded.currency, excluded.charge_account, excluded.charge_operator) <> (l.charged_at, l.charge_event, l.segments, l.amount, l.currency, l.charge_account, l.charge_operator)
    OR excluded.accepted_at < l.accepted_at
    OR excluded.delivered_seen AND NOT l.delivered_seen
    OR excluded.failure_seen AND NOT l.failure_seen
  RETURNING
    new.accepted_day,
    new.message_id,
    old.charge_stream AS old_stream,
    old.charge_sequence AS old_sequence,
    old.charge_digest AS old_digest,
    old.accepted_at AS old_accepted_at, new.accepted_at AS new_accepted_at,
    old.delivered_seen AS old_delivered_seen, new.delivered_seen AS new_delivered_seen,
    old.failure_seen AS old_failure_seen, new.failure_seen AS new_failure_seen,
    old.report_class AS old_report_class, new.report_class AS new_report_class,
    old.reported_at AS old_reported_at, new.reported_at AS new_reported_at,
    old.report_account AS old_report_account, new.report_account AS new_report_account,
    old.report_operator AS old_report_operator, new.report_operator AS new_report_operator,
    old.outcome AS old_outcome, new.outcome AS new_outcome,
    old.reason AS old_reason, new.reason AS new_reason,
    old.latency_bin AS old_latency_bin, new.latency_bin AS new_latency_bin,
    old.charged_at AS old_charged_at, new.charged_at AS new_charged_at,
    old.charge_event AS old_charge_event, new.charge_event AS new_charge_event,
    old.segments AS old_segments, new.segments AS new_segments,
    old.amount AS old_amount, new.amount AS new_amount,
    old.currency AS old_currency, new.currency AS new_currency,
    old.charge_account AS old_charge_account, new.charge_account AS new_charge_account,
    old.charge_operator AS old_charge_operator, new.charge_operator AS new_charge_operator
),
moved_refund AS (
  INSERT INTO refund AS l (
    generation, stream,
    accepted_day, message_id, event_id, refunded_at, sequence, digest, amount, currency, account_id, operator_id
  )
  SELECT $3, $4, incoming_refund.*
  FROM incoming_refund
  ON CONFLICT (generation, accepted_day, message_id, event_id)
  DO UPDATE SET
    refunded_at = CASE WHEN (excluded.refunded_at, excluded.amount, excluded.currency, excluded.account_id, excluded.operator_id) < (l.refunded_at, l.amount, l.currency, l.account_id, l.operator_id) THEN excluded.refunded_at ELSE l.refunded_at END,
    amount = CASE WHEN (excluded.refunded_at, excluded.amount, excluded.currency, excluded.account_id, excluded.operator_id) < (l.refunded_at, l.amount, l.currency, l.account_id, l.operator_id) THEN excluded.amount ELSE l.amount END,
    currency = CASE WHEN (excluded.refunded_at, excluded.amount, excluded.currency, excluded.account_id, excluded.operator_id) < (l.refunded_at, l.amount, l.currency, l.account_id, l.operator_id) THEN excluded.currency ELSE l.currency END,
    account_id = CASE WHEN (excluded.refunded_at, excluded.amount, excluded.currency, excluded.account_id, excluded.operator_id) < (l.refunded_at, l.amount, l.currency, l.account_id, l.operator_id) THEN excluded.account_id ELSE l.account_id END,
    operator_id = CASE WHEN (excluded.refunded_at, excluded.amount, excluded.currency, excluded.account_id, excluded.operator_id) < (l.refunded_at, l.amount, l.currency, l.account_id, l.operator_id) THEN excluded.operator_id ELSE l.operator_id END,
    stream = CASE WHEN (excluded.refunded_at, excluded.amount, excluded.currency, excluded.account_id, excluded.operator_id) < (l.refunded_at, l.amount, l.currency, l.account_id, l.operator_id) THEN excluded.stream ELSE l.stream END,
    sequence = CASE WHEN (excluded.refunded_at, excluded.amount, excluded.currency, excluded.account_id, excluded.operator_id) < (l.refunded_at, l.amount, l.currency, l.account_id, l.operator_id) THEN excluded.sequence ELSE l.sequence END,
    digest = CASE WHEN (excluded.refunded_at, excluded.amount, excluded.currency, excluded.account_id, excluded.operator_id) < (l.refunded_at, l.amount, l.currency, l.account_id, l.operator_id) THEN excluded.digest ELSE l.digest END
  WHERE (excluded.refunded_at, excluded.amount, excluded.currency, excluded.account_id, excluded.operator_id) <> (l.refunded_at, l.amount, l.currency, l.account_id, l.operator_id)
  RETURNING
    new.accepted_day,
    new.message_id,
    new.event_id,
    old.stream AS old_stream,
    old.sequence AS old_sequence,
    old.digest AS old_digest,
    old.refunded_at AS old_refunded_at, new.refunded_at AS new_refunded_at,
    old.amount AS old_amount, new.amount AS new_amount,
    old.currency AS old_currency, new.currency AS new_currency,
    old.account_id AS old_account_id, new.account_id AS new_account_id,
    old.operator_id AS old_operator_id, new.operator_id AS new_operator_id
),
counted AS MATERIALIZED (
  SELECT
    -1 AS sign,
    CASE
      WHEN old_charge_event <> '' THEN old_charge_account
      ELSE old_report_account
    END AS account_id,
    CASE
      WHEN old_report_class > 0 THEN old_report_operator
      ELSE old_charge_operator
    END AS operator_id,
    date_bin('1 min', old_accepted_at, timestamptz '2000-01-01T00:00:00Z') AS accepted_minute,
    old_outcome AS outcome,
    old_reason AS reason,
    old_segments AS segments,
    (old_delivered_seen AND old_failure_seen)::int AS contradicted,
    old_latency_bin AS bin,
    CASE
      WHEN old_report_class >= 3 THEN date_bin('1 min', old_reported_at, timestamptz '2000-01-01T00:00:00Z')
    END AS completed_minute
  FROM moved
  WHERE old_accepted_at IS NOT NULL
  UNION ALL
  SELECT
    1 AS sign,
    CASE
      WHEN new_charge_event <> '' THEN new_charge_account
      ELSE new_report_account
    END AS account_id,
    CASE
      WHEN new_report_class > 0 THEN new_report_operator
      ELSE new_charge_operator
    END AS operator_id,
    date_bin('1 min', new_accepted_at, timestamptz '2000-01-01T00:00:00Z') AS accepted_minute,
    new_outcome AS outcome,
    new_reason AS reason,
    new_segments AS segments,
    (new_delivered_seen AND new_failure_seen)::int AS contradicted,
    new_latency_bin AS bin,
    CASE
      WHEN new_report_class >= 3 THEN date_bin('1 min', new_reported_at, timestamptz '2000-01-01T00:00:00Z')
    END AS completed_minute
  FROM moved
  WHERE new_accepted_at IS NOT NULL
),
outcome_cell AS MATERIALIZED (
  SELECT
    account_id, at, operator_id, outcome, reason,
    sum(sign) AS messages,
    sum(sign * segments) AS segments,
    sum(sign * contradicted) AS contradicted
  FROM (
    SELECT *, date_bin('15 min', accepted_minute, timestamptz '2000-01-01T00:00:00Z') AS at
    FROM counted
  ) AS side
  GROUP BY account_id, at, operator_id, outcome, reason
  HAVING sum(sign) <> 0
    OR sum(sign * segments) <> 0
    OR sum(sign * contradicted) <> 0
),
money_cell AS MATERIALIZED (
  SELECT
    account_id, at, operator_id, currency,
    sum(charges) AS charges,
    coalesce(sum(charged), 0) AS charged,
    sum(refunds) AS refunds,
    coalesce(sum(refunded), 0) AS refunded
  FROM (
    SELECT
      old_charge_account AS account_id,
      date_bin('15 min', old_charged_at, timestamptz '2000-01-01T00:00:00Z') AS at,
      old_charge_operator AS operator_id,
      old_currency AS currency,
      -1 AS charges,
      -old_amount AS charged,
      0 AS refunds,
      NULL::numeric AS refunded
    FROM moved
    WHERE old_charge_event <> ''
    UNION ALL
    SELECT
      new_charge_account AS account_id,
      date_bin('15 min', new_charged_at, timestamptz '2000-01-01T00:00:00Z') AS at,
      new_charge_operator AS operator_id,
      new_currency AS currency,
      1 AS charges,
      new_amount AS charged,
      0 AS refunds,
      NULL::numeric AS refunded
    FROM moved
    WHERE new_charge_event <> ''
    UNION ALL
    SELECT
      old_account_id,
      date_bin('15 min', old_refunded_at, timestamptz '2000-01-01T00:00:00Z'),
      old_operator_id,
      old_currency,
      0,
      NULL,
      -1,
      -old_amount
    FROM moved_refund
    WHERE old_amount IS NOT NULL
    UNION ALL
    SELECT
      new_account_id,
      date_bin('15 min', new_refunded_at, timestamptz '2000-01-01T00:00:00Z'),
      new_operator_id,
      new_currency,
      0,
      NULL,
      1,
      new_amount
    FROM moved_refund
    WHERE new_amount IS NOT NULL
  ) AS side
  GROUP BY account_id, at, operator_id, currency
  HAVING sum(charges) <> 0
    OR sum(charged) <> 0
    OR sum(refunds) <> 0
    OR sum(refunded) <> 0
),
outcome_platform_cell AS MATERIALIZED (
  SELECT
    at, operator_id, outcome, reason,
    sum(cell.messages) AS messages,
    sum(cell.segments) AS segments,
    sum(cell.contradicted) AS contradicted
  FROM outcome_cell AS cell
  GROUP BY at, operator_id, outcome, reason
),
money_platform_cell AS MATERIALIZED (
  SELECT
    at, operator_id, currency,
    sum(cell.charges) AS charges,
    sum(cell.charged) AS charged,
    sum(cell.refunds) AS refunds,
    sum(cell.refunded) AS refunded
  FROM money_cell AS cell
  GROUP BY at, operator_id, currency
),
latency_cell AS MATERIALIZED (
  SELECT at, operator_id, bin, sum(sign) AS messages
  FROM (
    SELECT *, date_bin('15 min', accepted_minute, timestamptz '2000-01-01T00:00:00Z') AS at
    FROM counted
    WHERE bin IS NOT NULL
  ) AS side
  GROUP BY at, operator_id, bin
  HAVING sum(sign) <> 0
),
throughput_cell AS MATERIALIZED (
  SELECT at, operator_id, sum(accepted) AS accepted, sum(completed) AS completed
  FROM (
    SELECT accepted_minute AS at, operator_id, sign AS accepted, 0 AS completed
    FROM counted
    UNION ALL
    SELECT completed_minute, operator_id, 0, sign
    FROM counted
    WHERE completed_minute IS NOT NULL
  ) AS side
  GROUP BY at, operator_id
  HAVING sum(accepted) <> 0
    OR sum(completed) <> 0
),
to_outcome_account AS (
  INSERT INTO outcome_account AS r (
    generation, grain_minutes, account_id, bucket, operator_id, outcome, reason,
    messages, segments, contradicted
  )
  SELECT
    $3, 15, account_id, at, operator_id, outcome, reason,
    messages, segments, contradicted
  FROM outcome_cell
  ORDER BY account_id, at, operator_id, outcome, reason
  ON CONFLICT (generation, account_id, grain_minutes, bucket, operator_id, outcome, reason)
  DO UPDATE SET
    messages = r.messages + excluded.messages,
    segments = r.segments + excluded.segments,
    contradicted = r.contradicted + excluded.contradicted,
    version = r.version + 1
),
to_outcome_platform AS (
  INSERT INTO outcome_platform AS r (
    generation, grain_minutes, bucket, operator_id, outcome, reason,
    messages, segments, contradicted
  )
  SELECT
    $3, grain, date_bin(grain * interval '1 min', cell.at, timestamptz '2000-01-01T00:00:00Z') AS bucket, operator_id, outcome, reason,
    sum(cell.messages) AS messages,
    sum(cell.segments) AS segments,
    sum(cell.contradicted) AS contradicted
  FROM outcome_platform_cell AS cell, unnest('{15,60,1440}'::smallint[]) AS grain
  GROUP BY grain, bucket, operator_id, outcome, reason
  ORDER BY grain, bucket, operator_id, outcome, reason
  ON CONFLICT (generation, grain_minutes, bucket, operator_id, outcome, reason)
  DO UPDATE SET
    messages = r.messages + excluded.messages,
    segments = r.segments + excluded.segments,
    contradicted = r.contradicted + excluded.contradicted,
    version = r.version + 1
),
to_money_account AS (
  INSERT INTO money_account AS r (
    generation, grain_minutes, account_id, bucket, operator_id, currency,
    charges, charged, refunds, refunded
  )
  SELECT
    $3, 15, account_id, at, operator_id, currency,
    charges, charged, refunds, refunded
  FROM money_cell
  ORDER BY account_id, at, operator_id, currency
  ON CONFLICT (generation, account_id, grain_minutes, bucket, operator_id, currency)
  DO UPDATE SET
    charges = r.charges + excluded.charges,
    charged = r.charged + excluded.charged,
    refunds = r.refunds + excluded.refunds,
    refunded = r.refunded + excluded.refunded,
    version = r.version + 1
),
to_latency_platform AS (
  INSERT INTO latency_platform AS r (
    generation, grain_minutes, bucket, operator_id, bin, messages
  )
  SELECT $3, 15, at, operator_id, bin, messages
  FROM latency_cell
  ORDER BY at, operator_id, bin
  ON CONFLICT (generation, grain_minutes, bucket, operator_id, bin)
  DO UPDATE SET
    messages = r.messages + excluded.messages,
    version = r.version + 1
),
to_throughput_platform AS (
  INSERT INTO throughput_platform AS r (
    generation, grain_minutes, bucket, operator_id, accepted, completed
  )
  SELECT
    $3, grain, date_bin(grain * interval '1 min', cell.at, timestamptz '2000-01-01T00:00:00Z') AS bucket, operator_id,
    sum(cell.accepted) AS accepted,
    sum(cell.completed) AS completed
  FROM throughput_cell AS cell, unnest('{1,60,1440}'::smallint[]) AS grain
  GROUP BY grain, bucket, operator_id
  ORDER BY grain, bucket, operator_id
  ON CONFLICT (generation, grain_minutes, bucket, operator_id)
  DO UPDATE SET
    accepted = r.accepted + excluded.accepted,
    completed = r.completed + excluded.completed,
    version = r.version + 1
),
to_outcome_sum AS (
  INSERT INTO outcome_sum AS r (
    generation, grain_minutes, operator_id, bucket,
    pending, delivered, undeliverable, expired, rejected, deleted, unknown, segments, contradicted
  )
  SELECT
    $3, grain, coalesce(operator_id, '') AS one_or_all, bucket,
    coalesce(sum(cell.messages) FILTER (WHERE outcome = 'PENDING'), 0),
    coalesce(sum(cell.messages) FILTER (WHERE outcome = 'DELIVERED'), 0),
    coalesce(sum(cell.messages) FILTER (WHERE outcome = 'UNDELIVERABLE'), 0),
    coalesce(sum(cell.messages) FILTER (WHERE outcome = 'EXPIRED'), 0),
    coalesce(sum(cell.messages) FILTER (WHERE outcome = 'REJECTED'), 0),
    coalesce(sum(cell.messages) FILTER (WHERE outcome = 'DELETED'), 0),
    coalesce(sum(cell.messages) FILTER (WHERE outcome = 'UNKNOWN'), 0),
    sum(cell.segments) AS segments,
    sum(cell.contradicted) AS contradicted
  FROM (
    SELECT cell.*, grain, date_bin(grain * interval '1 min', cell.at, timestamptz '2000-01-01T00:00:00Z') AS bucket
    FROM outcome_platform_cell AS cell, unnest('{15,60,1440}'::smallint[]) AS grain
  ) AS cell
  GROUP BY GROUPING SETS ((grain, bucket, operator_id), (grain, bucket))
  ORDER BY grain, one_or_all, bucket
  ON CONFLICT (generation, grain_minutes, operator_id, bucket)
  DO UPDATE SET
    pending = r.pending + excluded.pending,
    delivered = r.delivered + excluded.delivered,
    undeliverable = r.undeliverable + excluded.undeliverable,
    expired = r.expired + excluded.expired,
    rejected = r.rejected + excluded.rejected,
    deleted = r.deleted + excluded.deleted,
    unknown = r.unknown + excluded.unknown,
    segments = r.segments + excluded.segments,
    contradicted = r.contradicted + excluded.contradicted,
    version = r.version + 1
),
to_money_sum AS (
  INSERT INTO money_sum AS r (
    generation, grain_minutes, operator_id, bucket, currency,
    charges, charged, refunds, refunded
  )
  SELECT
    $3, grain, coalesce(operator_id, '') AS one_or_all, bucket, currency,
    sum(cell.charges) AS charges,
    sum(cell.charged) AS charged,
    sum(cell.refunds) AS refunds,
    sum(cell.refunded) AS refunded
  FROM (
    SELECT cell.*, grain, date_bin(grain * interval '1 min', cell.at, timestamptz '2000-01-01T00:00:00Z') AS bucket
    FROM money_platform_cell AS cell, unnest('{15,60,1440}'::smallint[]) AS grain
  ) AS cell
  GROUP BY GROUPING SETS ((grain, bucket, currency, operator_id), (grain, bucket, currency))
  ORDER BY grain, one_or_all, bucket, currency
  ON CONFLICT (generation, grain_minutes, operator_id, bucket, currency)
  DO UPDATE SET
    charges = r.charges + excluded.charges,
    charged = r.charged + excluded.charged,
    refunds = r.refunds + excluded.refunds,
    refunded = r.refunded + excluded.refunded,
    version = r.version + 1
),
to_latency_histogram AS (
  INSERT INTO latency_histogram AS r (
    generation, grain_minutes, operator_id, bucket, bins, messages
  )
  SELECT
    $3, grain, operator_id, bucket,
    array_agg(bin ORDER BY bin),
    array_agg(n ORDER BY bin)
  FROM (
    SELECT
      grain, coalesce(operator_id, '') AS operator_id, bucket, bin,
      sum(messages)::bigint AS n
    FROM (
    SELECT cell.*, grain, date_bin(grain * interval '1 min', cell.at, timestamptz '2000-01-01T00:00:00Z') AS bucket
    FROM latency_cell AS cell, unnest('{15,60,1440}'::smallint[]) AS grain
  ) AS cell
    GROUP BY GROUPING SETS ((grain, bucket, bin, operator_id), (grain, bucket, bin))
    HAVING sum(messages) <> 0
  ) AS by_bin
  GROUP BY grain, operator_id, bucket
  ORDER BY grain, operator_id, bucket
  ON CONFLICT (generation, grain_minutes, operator_id, bucket)
  DO UPDATE SET
    (bins, messages) = (
      SELECT
        coalesce(array_agg(bin ORDER BY bin), '{}'),
        coalesce(array_agg(n ORDER BY bin), '{}')
      FROM (
        SELECT bin, sum(n)::bigint AS n
        FROM (
          SELECT * FROM unnest(r.bins, r.messages)
          UNION ALL
          SELECT * FROM unnest(excluded.bins, excluded.messages)
        ) AS side (bin, n)
        GROUP BY bin
        HAVING sum(n) <> 0
      ) AS added
    ),
    version = r.version + 1
),
to_throughput_sum AS (
  INSERT INTO throughput_sum AS r (generation, grain_minutes, bucket, accepted, completed)
  SELECT
    $3, 60, hour,
    array_agg(coalesce(accepted, 0) ORDER BY minute),
    array_agg(coalesce(completed, 0) ORDER BY minute)
  FROM (
    SELECT DISTINCT date_trunc('hour', at, 'UTC') AS hour
    FROM throughput_cell
  ) AS hours
  CROSS JOIN generate_series(0, 59) AS minute
  LEFT JOIN (
    SELECT at, sum(accepted)::bigint AS accepted, sum(completed)::bigint AS completed
    FROM throughput_cell
    GROUP BY at
  ) AS cell ON cell.at = hour + minute * interval '1 min'
  GROUP BY hour
  ORDER BY hour
  ON CONFLICT (generation, grain_minutes, bucket)
  DO UPDATE SET
    accepted = add_minutes(r.accepted, excluded.accepted),
    completed = add_minutes(r.completed, excluded.completed),
    version = r.version + 1
),
to_account_outcome_sum AS (
  INSERT INTO account_outcome_sum AS r (
    generation, grain_minutes, account_id, bucket,
    pending, delivered, undeliverable, expired, rejected, deleted, unknown, segments, contradicted
  )
  SELECT
    $3, grain, account_id, date_bin(grain * interval '1 min', cell.at, timestamptz '2000-01-01T00:00:00Z') AS bucket,
    coalesce(sum(cell.messages) FILTER (WHERE outcome = 'PENDING'), 0),
    coalesce(sum(cell.messages) FILTER (WHERE outcome = 'DELIVERED'), 0),
    coalesce(sum(cell.messages) FILTER (WHERE outcome = 'UNDELIVERABLE'), 0),
    coalesce(sum(cell.messages) FILTER (WHERE outcome = 'EXPIRED'), 0),
    coalesce(sum(cell.messages) FILTER (WHERE outcome = 'REJECTED'), 0),
    coalesce(sum(cell.messages) FILTER (WHERE outcome = 'DELETED'), 0),
    coalesce(sum(cell.messages) FILTER (WHERE outcome = 'UNKNOWN'), 0),
    sum(cell.segments) AS segments,
    sum(cell.contradicted) AS contradicted
  FROM outcome_cell AS cell, unnest('{60}'::smallint[]) AS grain
  GROUP BY grain, account_id, bucket
  ORDER BY grain, account_id, bucket
  ON CONFLICT (generation, grain_minutes, account_id, bucket)
  DO UPDATE SET
    pending = r.pending + excluded.pending,
    delivered = r.delivered + excluded.delivered,
    undeliverable = r.undeliverable + excluded.undeliverable,
    expired = r.expired + excluded.expired,
    rejected = r.rejected + excluded.rejected,
    deleted = r.deleted + excluded.deleted,
    unknown = r.unknown + excluded.unknown,
    segments = r.segments + excluded.segments,
    contradicted = r.contradicted + excluded.contradicted,
    version = r.version + 1
),
to_account_money_sum AS (
  INSERT INTO account_money_sum AS r (
    generation, grain_minutes, account_id, bucket, currency,
    charges, charged, refunds, refunded
  )
  SELECT
    $3, grain, account_id, date_bin(grain * interval '1 min', cell.at, timestamptz '2000-01-01T00:00:00Z') AS bucket, currency,
    sum(cell.charges) AS charges,
    sum(cell.charged) AS charged,
    sum(cell.refunds) AS refunds,
    sum(cell.refunded) AS refunded
  FROM money_cell AS cell, unnest('{60}'::smallint[]) AS grain
  GROUP BY grain, account_id, bucket, currency
  ORDER BY grain, account_id, bucket, currency
  ON CONFLICT (generation, grain_minutes, account_id, bucket, currency)
  DO UPDATE SET
    charges = r.charges + excluded.charges,
    charged = r.charged + excluded.charged,
    refunds = r.refunds + excluded.refunds,
    refunded = r.refunded + excluded.refunded,
    version = r.version + 1
),
changed AS MATERIALIZED (
  SELECT DISTINCT 'outcome' AS rollup, at FROM outcome_cell
  UNION ALL
  SELECT DISTINCT 'money', at FROM money_cell
  UNION ALL
  SELECT DISTINCT 'latency', at FROM latency_cell
  UNION ALL
  SELECT DISTINCT 'throughput', at FROM throughput_cell
),
to_rollup_change AS (
  INSERT INTO rollup_change (generation, rollup, bucket)
  SELECT $3, rollup, at
  FROM changed
),
to_day_version AS (
  INSERT INTO day_version AS r (generation, bucket)
  SELECT DISTINCT $3::smallint, date_trunc('day', at, 'UTC') AS bucket
  FROM changed
  ORDER BY bucket
  ON CONFLICT (generation, grain_minutes, bucket)
  DO UPDATE SET version = r.version + 1
),
conflict AS (
  SELECT
    CASE WHEN stayed THEN $4 ELSE old_stream END AS stream_id,
    CASE WHEN stayed THEN charge_sequence ELSE old_sequence END AS sequence,
    'sms.billing.v1.charged' AS subject,
    CASE WHEN stayed THEN charge_event ELSE old_charge_event END AS event_id,
    message_id,
    CASE WHEN stayed THEN charge_digest ELSE old_digest END AS payload_digest
  FROM (
    SELECT *, (old_charged_at, old_charge_event, old_segments, old_amount, old_currency, old_charge_account, old_charge_operator) = (new_charged_at, new_charge_event, new_segments, new_amount, new_currency, new_charge_account, new_charge_operator) AS stayed
    FROM moved
    WHERE old_charge_event <> ''
  ) AS m
  JOIN incoming AS i USING (accepted_day, message_id)
  WHERE charge_event <> ''
    AND (i.charged_at, i.charge_event, i.segments, i.amount, i.currency, i.charge_account, i.charge_operator) <> (old_charged_at, old_charge_event, old_segments, old_amount, old_currency, old_charge_account, old_charge_operator)
  UNION ALL
  SELECT
    CASE WHEN stayed THEN $4 ELSE old_stream END,
    CASE WHEN stayed THEN i.sequence ELSE old_sequence END,
    'sms.billing.v1.refunded',
    event_id,
    message_id,
    CASE WHEN stayed THEN i.digest ELSE old_digest END
  FROM (
    SELECT *, (old_refunded_at, old_amount, old_currency, old_account_id, old_operator_id) = (new_refunded_at, new_amount, new_currency, new_account_id, new_operator_id) AS stayed
    FROM moved_refund
    WHERE old_amount IS NOT NULL
  ) AS m
  JOIN incoming_refund AS i USING (accepted_day, message_id, event_id)
),
dead_letters AS (
  INSERT INTO dead_letter (
    stream_id,
    sequence, published_at, subject, reason, field, event_id, message_id, payload_digest
  )
  SELECT $4 AS stream_id, d.*
  FROM unnest($5::dead_letter_entry[]) AS d
  UNION ALL
  SELECT
    stream_id, sequence, NULL, subject, 'conflict', NULL, event_id, message_id, payload_digest
  FROM conflict
  ORDER BY stream_id, sequence
  ON CONFLICT DO NOTHING
  RETURNING reason
)
INSERT INTO ingest_progress AS p (
  generation, stream_id, worker, revision,
  highest_sequence, highest_published_at, committed
)
VALUES (
  $3, $4, $6, 1,
  $7, $8, $9
)
ON CONFLICT (generation, stream_id, worker)
DO UPDATE SET
  revision = p.revision + 1,
  highest_sequence = greatest(p.highest_sequence, excluded.highest_sequence),
  committed = coalesce(p.committed, '{}') + excluded.committed,
  highest_published_at = CASE
    WHEN excluded.highest_sequence > p.highest_sequence THEN excluded.highest_published_at
    ELSE p.highest_published_at
  END
RETURNING
  (SELECT count(*)::int FROM dead_letters WHERE reason = 'conflict') AS conflicts,
  (SELECT count(*)::int FROM checked_day) AS days,
  (SELECT count(*)::int FROM moved) + (SELECT count(*)::int FROM moved_refund) AS moved,
  (SELECT array_agg(payload_digest::text) FROM conflict) AS lost,
  (SELECT state = 'serving' FROM generation WHERE generation = $3) AS serving;
