// Attack 33 as a table: every request that a credential may make, and every subject that it may not
// reach. Requests are harmless in themselves: they move `scratch` only, or ask the watched durable
// for less than a single event.

import { headers, type MsgHdrs } from 'nats';
import { STREAM } from '../../../src/nats/topology.js';
import { DURABLE } from '../../support/durable.js';

/** A durable beside the one that is watched, which may be moved. */
export const SCRATCH = 'scratch';
/** One that never has an event. */
export const EMPTY = 'empty';
export const CHARGED = 'sms.billing.v1.charged';
export const REPORTED = 'sms.dlr.v1.reported';

export interface Request {
  readonly subject: string;
  readonly body: string;
  readonly headers?: MsgHdrs;
}

const ask = (subject: string, body = ''): Request => ({ subject, body });
const api = (subject: string, body = '') => ask(`$JS.API.${subject}`, body);
const next = (durable: string, wanted: object) =>
  api(`CONSUMER.MSG.NEXT.${STREAM}.${durable}`, JSON.stringify(wanted));

let batches = 0;

/** One event as a batch, which has an answer of another kind. */
function batchOf(subject: string): Request {
  const head = headers();
  batches += 1;
  head.set('Nats-Batch-Id', `batch-${batches}`);
  head.set('Nats-Batch-Sequence', '1');
  head.set('Nats-Batch-Commit', '1');
  return { subject, body: '{}', headers: head };
}

/**
 * Answered by an empty status: 409 where an event waits, 404 where none does, 503 where the durable
 * is missing.
 */
const NOTHING_FITS = { batch: 1, max_bytes: 1, no_wait: true };

/**
 * What each credential may ask; `ack` is the reply subject of an event that `scratch` delivered.
 */
export const REQUESTS: Readonly<Record<'billing' | 'dlr' | 'ingest', (ack: string) => Request[]>> =
  {
    billing: () => [ask(CHARGED, '{}'), batchOf(CHARGED)],
    dlr: () => [ask(REPORTED, '{}'), batchOf(REPORTED)],
    ingest: (ack) => [
      api('INFO'),
      api(`STREAM.INFO.${STREAM}`),
      api(`STREAM.MSG.GET.${STREAM}`, '{"seq":1}'),
      api(`STREAM.MSG.GET.${STREAM}`, '{"seq":1000000}'),
      api(`DIRECT.GET.${STREAM}`, '{"seq":1}'),
      api(`DIRECT.GET.${STREAM}.${CHARGED}`),
      api(`CONSUMER.INFO.${STREAM}.${DURABLE}`),
      next(DURABLE, NOTHING_FITS),
      next(EMPTY, NOTHING_FITS),
      next(EMPTY, { batch: 1, expires: 1_000_000 }),
      next(EMPTY, { batch: 1, expires: 60_000_000, idle_heartbeat: 20_000_000 }),
      next(SCRATCH, { batch: 1, no_wait: true }),
      next('missing', NOTHING_FITS),
      ...['+WPI', '-NAK', '+NXT {"batch":1,"no_wait":true}', '+ACK', '+TERM'].map((body) =>
        ask(ack, body),
      ),
    ],
  };

export type Credential = keyof typeof REQUESTS;
export const CREDENTIALS = Object.keys(REQUESTS) as Credential[];

const CLOSED_API = [
  `STREAM.PURGE.${STREAM}`,
  `STREAM.DELETE.${STREAM}`,
  `STREAM.UPDATE.${STREAM}`,
  `STREAM.MSG.DELETE.${STREAM}`,
  `STREAM.SNAPSHOT.${STREAM}`,
  `STREAM.PEER.REMOVE.${STREAM}`,
  `STREAM.LEADER.STEPDOWN.${STREAM}`,
  'STREAM.CREATE.OTHER',
  'STREAM.NAMES',
  `CONSUMER.CREATE.${STREAM}`,
  `CONSUMER.CREATE.${STREAM}.other`,
  `CONSUMER.DURABLE.CREATE.${STREAM}.other`,
  `CONSUMER.DELETE.${STREAM}.${DURABLE}`,
  `CONSUMER.RESET.${STREAM}.${DURABLE}`,
  `CONSUMER.PAUSE.${STREAM}.${DURABLE}`,
  `CONSUMER.UNPIN.${STREAM}.${DURABLE}`,
  `CONSUMER.LEADER.STEPDOWN.${STREAM}.${DURABLE}`,
  'META.LEADER.STEPDOWN',
  'ACCOUNT.PURGE.SMS',
].map((subject) => `$JS.API.${subject}`);

const ACK = `$JS.ACK.${STREAM}.${DURABLE}.1.1.1.1.0`;
const OF_INGEST = [...new Set(REQUESTS.ingest(ACK).map(({ subject }) => subject))];
const INBOX_OF_OPS = '_INBOX_OPS.listens';

/** What each may not reach: the rest of the API, the requests, events and inboxes of others. */
export const CLOSED: Readonly<Record<Credential, readonly string[]>> = {
  billing: [...CLOSED_API, ...OF_INGEST, REPORTED, INBOX_OF_OPS],
  dlr: [...CLOSED_API, ...OF_INGEST, CHARGED, INBOX_OF_OPS],
  ingest: [...CLOSED_API, CHARGED, REPORTED, INBOX_OF_OPS],
};
