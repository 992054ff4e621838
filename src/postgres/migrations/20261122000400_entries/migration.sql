-- The rows in which a batch arrives at the ledger statement, one array of each: the columns of the tables that they go
-- to, without what the statement itself knows. Their order is that of src/store/postgres/batch-columns.ts.

CREATE TYPE ledger_entry AS (
  accepted_day    date,
  message_id      uuid,
  accepted_at     timestamptz,
  reported_at     timestamptz,
  charged_at      timestamptz,
  report_code     bigint,
  charge_sequence bigint,
  charge_digest   bigint,
  report_class    smallint,
  report_state    smallint,
  report_network  smallint,
  latency_bin     smallint,
  segments        smallint,
  delivered_seen  boolean,
  failure_seen    boolean,
  report_account  text COLLATE "C",
  report_operator text COLLATE "C",
  report_event    text COLLATE "C",
  outcome         text COLLATE "C",
  reason          text COLLATE "C",
  charge_event    text COLLATE "C",
  charge_account  text COLLATE "C",
  charge_operator text COLLATE "C",
  currency        text COLLATE "C",
  amount          numeric(27, 9)
);

CREATE TYPE refund_entry AS (
  accepted_day date,
  message_id   uuid,
  event_id     text COLLATE "C",
  refunded_at  timestamptz,
  sequence     bigint,
  digest       bigint,
  amount       numeric(27, 9),
  currency     text COLLATE "C",
  account_id   text COLLATE "C",
  operator_id  text COLLATE "C"
);

CREATE TYPE dead_letter_entry AS (
  sequence       bigint,
  published_at   timestamptz,
  subject        text COLLATE "C",
  reason         text COLLATE "C",
  field          text COLLATE "C",
  event_id       text COLLATE "C",
  message_id     uuid,
  payload_digest bigint
);
