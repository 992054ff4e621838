// The statement that counts: one round trip and one transaction take a folded batch into the
// ledger, retract from the rollups what each message was counted as, and add what it is counted as
// now (DESIGN.md, "One statement, one transaction"). The joins are those of
// src/domain/message/ledger.ts (contract, section 2); a property test holds the two together.
//
// Names that its fragments share; those of the rollups are in rollup-statement.ts:
//   l              the stored row of an upsert into ledger or refund
//   incoming       the entries of the batch; incoming_refund its refunds
//   i              the row of those that a moved row came from
//   old_…, new_…   columns of moved and moved_refund: the stored row before and after
import { sql } from '../../postgres/sql.js';
import { DEAD_LETTER_COLUMNS, ENTRY_COLUMNS, REFUND_COLUMNS } from './batch-columns.js';
import { rollupCtes } from './rollup-statement.js';

const CHARGE_CONTENT = [
  'charged_at',
  'charge_event',
  'segments',
  'amount',
  'currency',
  'charge_account',
  'charge_operator',
];
const CHARGE_SOURCE = ['charge_stream', 'charge_sequence', 'charge_digest'];
const REPORT_TIE = [
  'report_state',
  'report_network',
  'report_code',
  'report_account',
  'report_operator',
  'report_event',
];
/** The bin comes last: copies that disagree on acceptedAt alone differ in nothing else. */
const REPORT_ORDER = [...REPORT_TIE, 'latency_bin'];
const REPORT = ['report_class', 'reported_at', ...REPORT_TIE, 'outcome', 'reason', 'latency_bin'];
const REFUND_CONTENT = ['refunded_at', 'amount', 'currency', 'account_id', 'operator_id'];
const REFUND_SOURCE = ['stream', 'sequence', 'digest'];

const columns = (of: readonly { name: string }[]) => of.map(({ name }) => name).join(', ');
const row = (prefix: string, names: readonly string[]) =>
  `(${names.map((name) => prefix + name).join(', ')})`;
const takeWhere = (wins: string, names: readonly string[]) =>
  names
    .map((name) => `${name} = CASE WHEN ${wins} THEN excluded.${name} ELSE l.${name} END`)
    .join(',\n    ');
const beforeAndAfter = (names: readonly string[]) =>
  names.map((name) => `old.${name} AS old_${name}, new.${name} AS new_${name}`).join(',\n    ');

/** Among DELIVERED (class 4) the earlier report wins, among others the later. */
const REPORT_WINS = `(
      excluded.report_class > l.report_class
      OR excluded.report_class = l.report_class AND excluded.report_class > 0 AND (
        CASE excluded.report_class
          WHEN 4 THEN l.reported_at > excluded.reported_at
          ELSE excluded.reported_at > l.reported_at
        END
        OR excluded.reported_at = l.reported_at
          AND ${row('excluded.', REPORT_ORDER)}
            > ${row('l.', REPORT_ORDER)}
      )
    )`;
const charges = { excluded: row('excluded.', CHARGE_CONTENT), stored: row('l.', CHARGE_CONTENT) };
const refunds = { excluded: row('excluded.', REFUND_CONTENT), stored: row('l.', REFUND_CONTENT) };
const CHARGE_WINS = `${charges.excluded} < ${charges.stored}`;
const REFUND_WINS = `${refunds.excluded} < ${refunds.stored}`;

/**
 * Whether an incoming row changes a stored one. A charge that loses does: it comes back as a
 * conflict.
 */
const CHANGES = `${REPORT_WINS}
    OR excluded.charge_event <> '' AND ${charges.excluded} <> ${charges.stored}
    OR excluded.accepted_at < l.accepted_at
    OR excluded.delivered_seen AND NOT l.delivered_seen
    OR excluded.failure_seen AND NOT l.failure_seen`;

const MOVED = `
  INSERT INTO ledger AS l (
    generation, charge_stream,
    ${columns(ENTRY_COLUMNS)}
  )
  SELECT :generation, :streamId, incoming.*
  FROM incoming
  ON CONFLICT (generation, accepted_day, message_id)
  DO UPDATE SET
    accepted_at = least(l.accepted_at, excluded.accepted_at),
    delivered_seen = l.delivered_seen OR excluded.delivered_seen,
    failure_seen = l.failure_seen OR excluded.failure_seen,
    ${takeWhere(REPORT_WINS, REPORT)},
    ${takeWhere(CHARGE_WINS, [...CHARGE_CONTENT, ...CHARGE_SOURCE])}
  WHERE ${CHANGES}
  RETURNING
    new.accepted_day,
    new.message_id,
    old.charge_stream AS old_stream,
    old.charge_sequence AS old_sequence,
    old.charge_digest AS old_digest,
    ${beforeAndAfter([
      'accepted_at',
      'delivered_seen',
      'failure_seen',
      'report_class',
      'reported_at',
      'report_account',
      'report_operator',
      'outcome',
      'reason',
      'latency_bin',
      ...CHARGE_CONTENT,
    ])}`;

const MOVED_REFUND = `
  INSERT INTO refund AS l (
    generation, stream,
    ${columns(REFUND_COLUMNS)}
  )
  SELECT :generation, :streamId, incoming_refund.*
  FROM incoming_refund
  ON CONFLICT (generation, accepted_day, message_id, event_id)
  DO UPDATE SET
    ${takeWhere(REFUND_WINS, [...REFUND_CONTENT, ...REFUND_SOURCE])}
  WHERE ${refunds.excluded} <> ${refunds.stored}
  RETURNING
    new.accepted_day,
    new.message_id,
    new.event_id,
    old.stream AS old_stream,
    old.sequence AS old_sequence,
    old.digest AS old_digest,
    ${beforeAndAfter(REFUND_CONTENT)}`;

/**
 * Aborts where a day of the batch is missing: its partition may have been emptied since ingest last
 * looked.
 */
const CHECKED_DAYS = `
  SELECT refuse_missing_day(:generation, accepted_day)
  FROM (
    SELECT accepted_day FROM incoming
    UNION
    SELECT accepted_day FROM incoming_refund
  ) AS d`;

/** Dead letters: the loser is the stored charge (refund) where the incoming one took its place. */
const stayed = (content: readonly string[]) => `${row('old_', content)} = ${row('new_', content)}`;
const CONFLICTS = `
  SELECT
    CASE WHEN stayed THEN :streamId ELSE old_stream END AS stream_id,
    CASE WHEN stayed THEN charge_sequence ELSE old_sequence END AS sequence,
    'sms.billing.v1.charged' AS subject,
    CASE WHEN stayed THEN charge_event ELSE old_charge_event END AS event_id,
    message_id,
    CASE WHEN stayed THEN charge_digest ELSE old_digest END AS payload_digest
  FROM (
    SELECT *, ${stayed(CHARGE_CONTENT)} AS stayed
    FROM moved
    WHERE old_charge_event <> ''
  ) AS m
  JOIN incoming AS i USING (accepted_day, message_id)
  WHERE charge_event <> ''
    AND ${row('i.', CHARGE_CONTENT)} <> ${row('old_', CHARGE_CONTENT)}
  UNION ALL
  SELECT
    CASE WHEN stayed THEN :streamId ELSE old_stream END,
    CASE WHEN stayed THEN i.sequence ELSE old_sequence END,
    'sms.billing.v1.refunded',
    event_id,
    message_id,
    CASE WHEN stayed THEN i.digest ELSE old_digest END
  FROM (
    SELECT *, ${stayed(REFUND_CONTENT)} AS stayed
    FROM moved_refund
    WHERE old_amount IS NOT NULL
  ) AS m
  JOIN incoming_refund AS i USING (accepted_day, message_id, event_id)`;

/** What the ledger statement is given. Arrays of rows are binary (binary-rows.ts). */
interface ApplyBatch {
  readonly generation: number;
  readonly streamId: number;
  readonly worker: string;
  /** Of the batch, and when the event of that sequence was published. */
  readonly highestSequence: number;
  readonly highestPublishedAt: string | null;
  /** All sequences of the batch, as the text of a multirange. */
  readonly sequences: string;
  readonly entries: Buffer;
  readonly refunds: Buffer;
  readonly deadLetters: Buffer;
}

/**
 * Returns one row (AppliedRow): among others how many conflicts became dead letters by it (a copy
 * of one becomes none), and the digests of all that lost, copies included.
 */
export const APPLY_BATCH = sql<ApplyBatch>`
WITH
incoming AS MATERIALIZED (
  SELECT * FROM unnest(:entries::ledger_entry[])
),
incoming_refund AS MATERIALIZED (
  SELECT * FROM unnest(:refunds::refund_entry[])
),
checked_day AS MATERIALIZED (${CHECKED_DAYS}
),
moved AS (${MOVED}
),
moved_refund AS (${MOVED_REFUND}
),
${rollupCtes()},
conflict AS (${CONFLICTS}
),
dead_letters AS (
  INSERT INTO dead_letter (
    stream_id,
    ${columns(DEAD_LETTER_COLUMNS)}
  )
  SELECT :streamId AS stream_id, d.*
  FROM unnest(:deadLetters::dead_letter_entry[]) AS d
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
  :generation, :streamId, :worker, 1,
  :highestSequence, :highestPublishedAt, :sequences
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
  (SELECT state = 'serving' FROM generation WHERE generation = :generation) AS serving`;
