// What a publisher is opened with, and what it answers and tells.

import type { EventKind } from '../../domain/message/admission.js';
import type { DeadLetterReason } from '../../domain/message/dead-letter.js';
import type { MsisdnRule } from '../../domain/message/identifiers.js';
import type { EventSourceName } from '../../nats/announcements.js';
import type { NatsAccess } from '../../nats/connect.js';
import type { SpoolCounts } from '../spool/kept-events.js';
import type { SpoolTrouble } from '../spool/spool-fault.js';
import type { Violation } from './judge.js';
import type { PublishFailure } from './publish.js';

export interface PublisherOptions {
  /** `nats://host:port` or `tls://host:port`, one or several. */
  readonly servers: string | readonly string[];
  /** The password is asked for at each connection, so that a rotated one is used. */
  readonly credential: { readonly user: string; readonly password: () => string };
  /** `billing` publishes charges and refunds, `dlr` reports. */
  readonly source: EventSourceName;
  /** A directory of the publisher's own, and most bytes in it (1 GiB). */
  readonly spool: { readonly directory: string; readonly maxBytes?: number };
  /** Must equal ingest's MSISDN rule. */
  readonly msisdn?: MsisdnRule;
  /**
   * `counted` (default): an event is kept until ingest announces it, and published again where it
   * does not. Needs the right to hear announcements. `stored`: it is released when JetStream has
   * acknowledged it, and has the stream's guarantee only from then on.
   */
  readonly keepUntil?: 'stored' | 'counted';
  /** What an operator should know; called from timers, never on the caller's turn. */
  readonly onTrouble?: (trouble: PublisherTrouble) => void;
}

/** What goes wrong without any event being lost, but for `lostCount` of a spool's fault. */
export type PublisherTrouble =
  | SpoolTrouble
  | { readonly kind: 'bus'; readonly error: Error }
  | { readonly kind: 'not_stored'; readonly failure: PublishFailure; readonly count: number }
  | { readonly kind: 'refused'; readonly digest: string; readonly reason: DeadLetterReason };

/** Queued, or refused for its content, or dropped because the spool is full. */
export type Queueing =
  | { readonly queued: true }
  | { readonly queued: false; readonly violations: readonly Violation[] }
  | { readonly queued: false; readonly dropped: true };

/** Counts since the publisher was opened; what it found in the spool is in `outstanding`. */
export interface PublisherState extends Readonly<SpoolCounts> {
  /** Safe events that are not counted, refused or released. */
  readonly outstanding: number;
  /** Queued events that are not safe yet. */
  readonly unsafe: number;
  readonly spoolBytes: number;
  /** Age of the oldest event that is outstanding, as far as this process knows. */
  readonly oldestSeconds: number;
  readonly connected: boolean;
}

/** What a source may publish. */
export const KINDS_OF_SOURCE: Readonly<Record<PublisherOptions['source'], readonly EventKind[]>> = {
  billing: ['charged', 'refunded'],
  dlr: ['reported'],
};

/** @throws {TypeError} where an option is wrong, before anything is opened. */
export function checkOptions(
  options: Pick<PublisherOptions, 'servers' | 'credential' | 'source'>,
): void {
  const servers = [options.servers].flat();
  if (servers.length === 0) throw new TypeError('servers: name at least one');
  for (const server of servers) {
    const protocol = URL.canParse(server) ? new URL(server).protocol : '';
    if (protocol !== 'nats:' && protocol !== 'tls:') {
      throw new TypeError('servers: each must be nats://host:port or tls://host:port');
    }
  }
  if (options.credential.user === '') throw new TypeError('credential.user: is missing');
  if (options.source !== 'billing' && options.source !== 'dlr') {
    throw new TypeError('source: must be billing or dlr');
  }
}

/** How the publisher connects. */
export function accessOf({
  servers,
  credential,
  source,
}: Pick<PublisherOptions, 'servers' | 'credential' | 'source'>): NatsAccess {
  const url = [servers].flat().join(',');
  return {
    url: () => url,
    user: credential.user,
    password: credential.password,
    name: `sms-analytics-publisher-${source}`,
    inboxPrefix: '_INBOX',
  };
}

/** An operator's code must not break the publisher. */
export function tell({ onTrouble }: PublisherOptions, trouble: PublisherTrouble): void {
  try {
    onTrouble?.(trouble);
  } catch {
    // There is nothing else to tell it to.
  }
}
