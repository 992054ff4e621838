// The compiled `ops` as a script sees it: its exit code and its two outputs; and events to feed a
// site with.

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { connect, type NatsConnection } from 'nats';
import { serviceChild } from '../../../deploy/local/stack/services.js';
import {
  encode,
  headersOf,
  PLAIN,
  type SmsEvent,
  subjectOf,
} from '../../../deploy/local/traffic/event.js';
import type { Publication } from '../../../deploy/local/traffic/schedule.js';
import { MessageState } from '../../../src/generated/proto/sms/events/v1/events.js';
import type { TestSite } from '../../support/site.js';

export interface OpsRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command line to its end, without a terminal. */
export function runOps(
  { site }: Pick<TestSite, 'site'>,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<OpsRun> {
  const child = serviceChild('ops', site, [...args]);
  return new Promise((resolve) => {
    execFile(
      child.command,
      child.args ?? [],
      { env: { ...child.env, ...env }, maxBuffer: 16 * 1024 * 1024 },
      (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
    );
  });
}

/** As above; fails unless it ends with 0. */
export async function ops(site: Pick<TestSite, 'site'>, ...args: string[]): Promise<string> {
  const run = await runOps(site, args);
  if (run.code !== 0) throw new Error(`ops ${args.join(' ')}: ${run.code}\n${run.out}${run.err}`);
  return run.out;
}

/** The answer to `--json`. */
// biome-ignore lint/suspicious/noExplicitAny: as a script reads it
export async function opsJson(site: Pick<TestSite, 'site'>, ...args: string[]): Promise<any> {
  return JSON.parse(await ops(site, ...args, '--json'));
}

export function publication(event: SmsEvent): Publication {
  return {
    subject: subjectOf(event),
    payload: encode(event, PLAIN),
    headers: headersOf(event, PLAIN),
    at: event.occurredAt,
    copy: false,
    invalid: false,
  };
}

const HOUR = 3_600_000_000;

/** A charge of one message, accepted an hour ago unless said otherwise. */
export function charge(over: Partial<Extract<SmsEvent, { kind: 'charged' }>> = {}): SmsEvent {
  const acceptedAt = over.acceptedAt ?? Date.now() * 1000 - HOUR;
  return {
    kind: 'charged',
    eventId: `chg-${randomUUID()}`,
    messageId: randomUUID(),
    accountId: 'acme',
    operatorId: '26201',
    acceptedAt,
    occurredAt: acceptedAt,
    segments: 1,
    amount: '0.05',
    currency: 'EUR',
    ...over,
  };
}

/** A refund of that charge. */
export function refund(of: SmsEvent, amount: string, currency = 'EUR'): SmsEvent {
  const { messageId, accountId, operatorId, acceptedAt, occurredAt } = of;
  const eventId = `rfd-${randomUUID()}`;
  const common = { messageId, accountId, operatorId, acceptedAt, occurredAt };
  return { kind: 'refunded', eventId, ...common, amount, currency };
}

/** DELIVERED two seconds after acceptance. */
export function delivered(of: SmsEvent): SmsEvent {
  const { messageId, accountId, operatorId, acceptedAt } = of;
  const common = { messageId, accountId, operatorId, acceptedAt };
  const occurredAt = acceptedAt + 2_000_000;
  const eventId = `dlr-${randomUUID()}`;
  return { kind: 'reported', eventId, ...common, occurredAt, state: MessageState.DELIVERED };
}

/** A connection of one user of deploy/nats/nats.conf. */
export function connectAs(
  { nats }: Pick<TestSite, 'nats'>,
  user: 'ingest' | 'ops' | 'billing' | 'dlr',
): Promise<NatsConnection> {
  const { host, password } = new URL(nats.url(user));
  return connect({ servers: host, user, pass: decodeURIComponent(password) });
}

/** Waits until `probe` holds; rejects after `timeoutMs`. */
export async function until(
  what: string,
  probe: () => Promise<boolean>,
  timeoutMs = 120_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await probe())) {
    if (Date.now() > deadline) throw new Error(`after ${timeoutMs} ms: not ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
