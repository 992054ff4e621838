// What a soak asks of the broker as ops does: where the durable stands, and short waits, so that a
// frozen process exceeds them within the time of a test.

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ConsumerInfo,
  connect,
  type JetStreamManager,
  type NatsConnection,
  nanos,
} from 'nats';
import type { TestSite } from '../../support/site.js';

const STREAM = 'SMS_EVENTS';
const ACK_WAIT_MS = 4_000;

export async function asOps<T>(
  site: TestSite,
  act: (manager: JetStreamManager, connection: NatsConnection) => Promise<T>,
): Promise<T> {
  const { host, password } = new URL(site.nats.url('ops'));
  const connection = await connect({ servers: host, user: 'ops', pass: password });
  try {
    return await act(await connection.jetstreamManager(), connection);
  } finally {
    await connection.close();
  }
}

/** Of every durable; to be repeated after whatever sets them up. */
export function shortenAckWait(site: TestSite): Promise<void> {
  return asOps(site, async (manager) => {
    const wait = { ack_wait: nanos(ACK_WAIT_MS) };
    for await (const { name } of manager.consumers.list(STREAM)) {
      await manager.consumers.update(STREAM, name, wait);
    }
  });
}

/** The highest sequence that the stream holds. */
export function lastSequence(site: TestSite): Promise<number> {
  return asOps(site, async (manager) => (await manager.streams.info(STREAM)).state.last_seq);
}

export function deleteStream(site: TestSite): Promise<boolean> {
  return asOps(site, (manager) => manager.streams.delete(STREAM));
}

/** Of the generation that serves. */
export function servingDurable(site: TestSite): Promise<ConsumerInfo> {
  return asOps(site, async (manager) => manager.consumers.info(STREAM, await durableName(site)));
}

async function durableName(site: TestSite): Promise<string> {
  const { rows } = await site.database.query<{ durable: string }>(
    `SELECT durable FROM generation WHERE state = 'serving'`,
  );
  return rows[0]?.durable ?? '';
}

/** Waits until `probe` holds, whatever fails meanwhile; rejects after `timeoutMs`. */
export async function until(
  what: string,
  probe: () => Promise<boolean> | boolean,
  timeoutMs = 300_000,
): Promise<void> {
  let last: unknown;
  for (const deadline = Date.now() + timeoutMs; ; await sleep(100)) {
    try {
      if (await probe()) return;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`never came: ${what}`, { cause: last });
  }
}

/** Nothing pending, nothing unacknowledged. */
export function untilDrained(site: TestSite, timeoutMs: number): Promise<void> {
  const drained = async () => {
    const { num_pending, num_ack_pending } = await servingDurable(site);
    return num_pending === 0 && num_ack_pending === 0;
  };
  return until('a durable with nothing pending', drained, timeoutMs);
}

/** What `ops seek` asks of the broker: everything is delivered again, to whoever pulls. */
export async function seekToBeginning(site: TestSite): Promise<void> {
  const durable = await durableName(site);
  const subject = `$JS.API.CONSUMER.RESET.${STREAM}.${durable}`;
  const reply = await asOps(site, (_, connection) =>
    connection.request(subject, JSON.stringify({ seq: 1 }), { timeout: 10_000 }),
  );
  const { error } = reply.json<{ error?: { description: string } }>();
  if (error) throw new Error(`the durable cannot be reset: ${error.description}`);
}
