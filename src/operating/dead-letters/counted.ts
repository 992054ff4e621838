// Whether a replayed event is the one that counts. The ledger takes the least of all charges (of
// all contents of a refund): one that loses is a conflict again, whatever it was refused for
// before.

import { formatNanos } from '../../domain/measures/decimal.js';
import type { FoldedBatch } from '../../domain/message/ledger-fold.js';
import { formatDay, formatInstant } from '../../domain/time/instant.js';
import type { Queryable } from '../../postgres/queryable.js';
import { sql } from '../../postgres/sql.js';

/** What a charge and a refund have in common, as parameters. */
interface Booking {
  generation: number;
  day: string;
  messageId: string;
  at: string;
  eventId: string;
  amount: string;
  currency: string;
  accountId: string;
  operatorId: string;
}

const CHARGE = sql<Booking & { segments: number }>`
SELECT
FROM ledger
WHERE generation = :generation
  AND accepted_day = :day
  AND message_id = :messageId
  AND charged_at = :at::timestamptz
  AND charge_event = :eventId::text
  AND segments = :segments::smallint
  AND amount = :amount::numeric
  AND currency = :currency::text
  AND charge_account = :accountId::text
  AND charge_operator = :operatorId::text`;

const REFUND = sql<Booking>`
SELECT
FROM refund
WHERE generation = :generation
  AND accepted_day = :day
  AND message_id = :messageId
  AND event_id = :eventId
  AND refunded_at = :at::timestamptz
  AND amount = :amount::numeric
  AND currency = :currency::text
  AND account_id = :accountId::text
  AND operator_id = :operatorId::text`;

/** True where every charge and refund of `folded` is what the ledger holds; reports always join. */
export async function isCounted(
  pool: Queryable,
  generation: number,
  { entries, refunds }: FoldedBatch,
): Promise<boolean> {
  for (const { day, messageId, charge } of entries) {
    if (charge === undefined) continue;
    const { eventId, segments, currency, accountId, operatorId } = charge;
    const found = await pool.query(
      CHARGE({
        generation,
        day: formatDay(day),
        messageId,
        at: formatInstant(charge.chargedAt),
        eventId,
        segments,
        amount: formatNanos(charge.amount),
        currency,
        accountId,
        operatorId,
      }),
    );
    if (found.rowCount === 0) return false;
  }
  for (const refund of refunds) {
    const { messageId, eventId, currency, accountId, operatorId } = refund;
    const found = await pool.query(
      REFUND({
        generation,
        day: formatDay(refund.day),
        messageId,
        at: formatInstant(refund.refundedAt),
        eventId,
        amount: formatNanos(refund.amount),
        currency,
        accountId,
        operatorId,
      }),
    );
    if (found.rowCount === 0) return false;
  }
  return true;
}
