// Writes an event into the outbox in the producer's own transaction: it is published if, and only
// if, that transaction commits.

import { DEFAULT_ADMISSION_RULES, type EventKind } from '../../domain/message/admission.js';
import type { MsisdnRule } from '../../domain/message/identifiers.js';
import type {
  DeliveryReported,
  MessageCharged,
  MessageRefunded,
} from '../publisher/event-types.js';
import { judge, type Violation } from '../publisher/judge.js';
import { withDigest } from '../spool/digest.js';
import type { PrismaClient, QueryClient } from './outbox-client.js';
import { bytesOf } from './outbox-digest.js';

const INSERT = 'INSERT INTO sms_outbox (kind, payload, digest) VALUES ($1, $2, $3)';

/** In the outbox, once the transaction commits; or refused for its content, and nothing written. */
export type Enqueued =
  | { readonly queued: true }
  | { readonly queued: false; readonly violations: readonly Violation[] };

/**
 * Judges `event`, which is a charge, refund or report by its `chargedAt`, `refundedAt` or
 * `reportedAt`, and writes it. Rejects with the database's error only.
 */
export async function enqueue(
  client: QueryClient | PrismaClient,
  event: MessageCharged | MessageRefunded | DeliveryReported,
  { msisdn = DEFAULT_ADMISSION_RULES.msisdn }: { readonly msisdn?: MsisdnRule } = {},
): Promise<Enqueued> {
  const kind = kindOf(event);
  const judged = judge(kind, event, { msisdn });
  if (judged.payload === undefined) return { queued: false, violations: judged.violations };
  const values = [kind, judged.payload.toString(), bytesOf(withDigest(kind, judged.payload))];
  if ('$executeRawUnsafe' in client) await client.$executeRawUnsafe(INSERT, ...values);
  else await client.query(INSERT, values);
  return { queued: true };
}

function kindOf(event: unknown): EventKind {
  if (typeof event !== 'object' || event === null) return 'reported';
  if ('chargedAt' in event) return 'charged';
  return 'refundedAt' in event ? 'refunded' : 'reported';
}
