// Attacks 21 and 23 to 27 end to end: published to NATS under the producers' own credentials,
// refused by the running ingest process at first delivery, acknowledged, recorded without their
// payload; no rollup moves, and the next good event is counted.

import { readFileSync } from 'node:fs';
import { connect, type JetStreamClient, type NatsConnection, headers as newHeaders } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Child } from '../../../deploy/local/engines/child.js';
import type { NatsUser } from '../../../deploy/local/engines/nats-server.js';
import { readCells } from '../../oracle/rollup-cells.js';
import { chargeOf, publicationOf } from '../../support/publications.js';
import { createSite, type TestSite } from '../../support/site.js';
import {
  forbiddenEvents,
  type HostileEvent,
  MARKER,
  malformedEvents,
  minutesAhead,
  moneyEvents,
  nulEvents,
  untimelyEvents,
} from './hostile-events.js';

/** The contract says a second; a loaded machine may take longer. */
const PATIENCE_MS = 20_000;

let site: TestSite;
let ingest: Child;
let producers: Record<'billing' | 'dlr', JetStreamClient>;
const connections: NatsConnection[] = [];
let charges = 0;

beforeAll(async () => {
  site = await createSite();
  ingest = await site.spawn('ingest', {
    LOG_LEVEL: 'trace',
    ADMIN_PORT: String(site.site.ports.ingestAdmin),
  });
  producers = { billing: await produce('billing'), dlr: await produce('dlr') };
  await expectNextCounted();
});
afterAll(async () => {
  await Promise.all(connections.map((connection) => connection.close()));
  await site?.close();
});

async function connectAs(user: NatsUser): Promise<NatsConnection> {
  const { host, password } = new URL(site.nats.url(user));
  const connection = await connect({ servers: host, user, pass: password });
  connections.push(connection);
  return connection;
}

const produce = async (user: 'billing' | 'dlr') => (await connectAs(user)).jetstream();

/** Publishes one event; resolves with its sequence in the stream. */
async function publish({ subject, content, contentType }: HostileEvent): Promise<number> {
  const headers = newHeaders();
  if (contentType !== undefined) headers.set('content-type', contentType);
  const producer = subject.startsWith('sms.dlr.') ? producers.dlr : producers.billing;
  const { payload } = publicationOf(subject, content);
  return (await producer.publish(subject, payload, { headers })).seq;
}

async function countedCharges(): Promise<number> {
  const { rows } = await site.database.query<{ charges: number }>(
    'SELECT coalesce(sum(charges), 0)::int AS charges FROM money_account',
  );
  return rows[0]?.charges ?? 0;
}

/** Publishes a good charge, and waits until it, too, is counted. */
async function expectNextCounted(changes: object = {}): Promise<void> {
  charges += 1;
  await site.publish([publicationOf('sms.billing.v1.charged', chargeOf(charges, changes))]);
  for (const deadline = Date.now() + PATIENCE_MS; (await countedCharges()) < charges; ) {
    if (Date.now() > deadline) throw new Error('the next good event was not counted');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await countedCharges()).toBe(charges);
}

interface Letter {
  readonly sequence: number;
  readonly verdict: string;
  readonly text: string;
}

async function lettersFrom(sequence: number): Promise<Letter[]> {
  const { rows } = await site.database.query<Letter>(
    `SELECT sequence::int, concat_ws(':', reason, field) AS verdict, d::text AS text
       FROM dead_letter d WHERE sequence >= $1 ORDER BY sequence`,
    [sequence],
  );
  return rows;
}

/** Everything that was delivered was delivered once, and all of it is acknowledged. */
async function expectDeliveredOnce(): Promise<void> {
  const manager = await (await connectAs('ops')).jetstreamManager();
  const durable = await manager.consumers.info('SMS_EVENTS', 'analytics-rollup');
  expect(durable).toMatchObject({ num_redelivered: 0, num_ack_pending: 0, num_pending: 0 });
  expect(durable.delivered.consumer_seq).toBe(durable.delivered.stream_seq);
  expect(durable.ack_floor).toMatchObject({ stream_seq: durable.delivered.stream_seq });
}

/** What ingest counts, summed over its reasons or at one of them. */
async function refusedCount(reason?: string): Promise<number> {
  const metrics = await fetch(`http://127.0.0.1:${site.site.ports.ingestAdmin}/metrics`);
  const pattern = /^sms_analytics_dead_letters_total\{(.*)\} (\d+)$/gm;
  return [...(await metrics.text()).matchAll(pattern)]
    .filter(([, labels]) => reason === undefined || labels?.includes(`reason="${reason}"`))
    .reduce((sum, [, , count]) => sum + Number(count), 0);
}

async function expectRefused(events: readonly HostileEvent[]): Promise<void> {
  const [cells, countBefore] = [await readCells(site.database), await refusedCount()];
  const sequences: number[] = [];
  for (const event of events) sequences.push(await publish(event));
  await site.drained();
  const letters = await lettersFrom(sequences[0] ?? 0);
  const got = letters.map(({ sequence, verdict }) => `${sequence} ${verdict}`);
  expect(got).toEqual(events.map(({ verdict }, at) => `${sequences[at]} ${verdict}`));
  expect(letters.filter(({ text }) => text.includes(MARKER))).toEqual([]);
  expect((await refusedCount()) - countBefore).toBe(events.length);
  expect([...(await readCells(site.database))].sort()).toEqual([...cells].sort());
  await expectDeliveredOnce();
  await expectNextCounted();
  expect(ingest.running).toBe(true);
}

describe('dead letters at first delivery, after which counting goes on:', () => {
  test('attack 23: what is malformed, strange, incomplete or too large', () =>
    expectRefused(malformedEvents()));

  test('attack 24: a NUL in any text', () => expectRefused(nulEvents()));

  test('attack 25: a forbidden field, also under a key that comes twice', () =>
    expectRefused(forbiddenEvents()));

  test('attack 26: times that are no times, too old, or ahead of the stream', () =>
    expectRefused(untimelyEvents()));

  test('attack 27: strange amounts and currencies', () => expectRefused(moneyEvents()));
});

test('what is just within the bounds of time is counted', async () => {
  const lately = minutesAhead(-60);
  await expectNextCounted({ acceptedAt: minutesAhead(4), chargedAt: minutesAhead(4) });
  await expectNextCounted({ acceptedAt: minutesAhead(-(35 * 24 - 1) * 60), chargedAt: lately });
});

test('dead letters are counted by their reasons, and no payload is in the log', async () => {
  const { rows } = await site.database.query<{ reason: string; count: number }>(
    'SELECT reason, count(*)::int AS count FROM dead_letter GROUP BY reason',
  );
  expect(rows.length).toBeGreaterThanOrEqual(6);
  for (const { reason, count } of rows) expect(await refusedCount(reason)).toBe(count);
  expect(readFileSync(ingest.logFile, 'utf8')).not.toContain(MARKER);
});

describe('attack 21: of different charges of one message the least counts, the others are dead letters', () => {
  // The least by chargedAt, then eventId, segments and amount: whichever of the two comes first.
  const twice = (index: number, changes: object) => ({
    ...{ what: '', subject: 'sms.billing.v1.charged', verdict: 'conflict' },
    content: chargeOf(index, { accountId: 'twice', ...changes }),
  });
  const early = { eventId: 'early', chargedAt: minutesAhead(-50), amount: '0.03' };
  const late = { eventId: 'late', chargedAt: minutesAhead(-40), amount: '0.04' };

  /** Publishes one after the other is counted; resolves with the sequences of the two. */
  async function publishApart(index: number, changes: readonly [object, object]) {
    const first = await publish(twice(index, changes[0]));
    await site.drained();
    const second = await publish(twice(index, changes[1]));
    await site.drained();
    return [first, second] as const;
  }
  const moneyOfTwice = async () => {
    const { rows } = await site.database.query<{ text: string }>(
      `SELECT sum(charges)::int || ' charges, ' || trim_scale(sum(charged)) AS text
         FROM money_account WHERE account_id = 'twice'`,
    );
    return rows[0]?.text;
  };

  test('the lesser one first', async () => {
    const [first, second] = await publishApart(2_001, [early, late]);
    const letters = await lettersFrom(first);
    expect(letters.map(({ sequence, verdict }) => [sequence, verdict])).toEqual([
      [second, 'conflict'],
    ]);
    expect(await moneyOfTwice()).toBe('1 charges, 0.03');
  });

  test('the lesser one last takes the place of the first', async () => {
    const [first] = await publishApart(2_002, [late, early]);
    const letters = await lettersFrom(first);
    expect(letters.map(({ sequence, verdict }) => [sequence, verdict])).toEqual([
      [first, 'conflict'],
    ]);
    expect(await moneyOfTwice()).toBe('2 charges, 0.06');
  });

  test('one eventId with two contents; and a copy of either is neither counted nor refused', async () => {
    const at = minutesAhead(-30);
    const cheap = { eventId: 'same', chargedAt: at, acceptedAt: at, amount: '0.01' };
    const dear = { ...cheap, amount: '0.02' };
    const [first] = await publishApart(2_003, [dear, cheap]);
    expect((await lettersFrom(first)).map(({ verdict }) => verdict)).toEqual(['conflict']);
    expect(await moneyOfTwice()).toBe('3 charges, 0.07');
    await publishApart(2_003, [cheap, cheap]);
    expect((await lettersFrom(first)).map(({ verdict }) => verdict)).toEqual(['conflict']);
    expect(await moneyOfTwice()).toBe('3 charges, 0.07');
    await expectDeliveredOnce();
    // One of each message above.
    expect(await refusedCount('conflict')).toBe(3);
  });
});
