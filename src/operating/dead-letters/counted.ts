// Whether a replayed event is the one that counts. The ledger takes the least of all charges (of
// all contents of a refund): one that loses is a conflict again, whatever it was refused for
// before.
import type { Pool } from 'pg';
import { formatNanos } from '../../domain/measures/decimal.js';
import type { FoldedBatch } from '../../domain/message/ledger-fold.js';
import { formatDay, formatInstant } from '../../domain/time/instant.js';

type Queryable = Pick<Pool, 'query'>;

/** True where every charge and refund of `folded` is what the ledger holds; reports always join. */
export async function isCounted(
  pool: Queryable,
  generation: number,
  { entries, refunds }: FoldedBatch,
): Promise<boolean> {
  for (const { day, messageId, charge } of entries) {
    if (charge === undefined) continue;
    const found = await pool.query(
      `SELECT FROM ledger WHERE generation = $1 AND accepted_day = $2 AND message_id = $3
         AND (charged_at, charge_event, segments, amount, currency, charge_account, charge_operator)
           = ($4::timestamptz, $5::text, $6::smallint, $7::numeric, $8::text, $9::text, $10::text)`,
      [
        ...[generation, formatDay(day), messageId, formatInstant(charge.chargedAt), charge.eventId],
        ...[charge.segments, formatNanos(charge.amount), charge.currency, charge.accountId],
        charge.operatorId,
      ],
    );
    if (found.rowCount === 0) return false;
  }
  for (const refund of refunds) {
    const found = await pool.query(
      `SELECT FROM refund WHERE generation = $1 AND accepted_day = $2 AND message_id = $3 AND event_id = $4
         AND (refunded_at, amount, currency, account_id, operator_id)
           = ($5::timestamptz, $6::numeric, $7::text, $8::text, $9::text)`,
      [
        ...[generation, formatDay(refund.day), refund.messageId, refund.eventId],
        ...[formatInstant(refund.refundedAt), formatNanos(refund.amount), refund.currency],
        ...[refund.accountId, refund.operatorId],
      ],
    );
    if (found.rowCount === 0) return false;
  }
  return true;
}
