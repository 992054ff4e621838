// What ingest announces of the batches that it commits, on a real ledger and a real server, as the
// producers hear it with their own rights: each event once it is durable, by the first 8 bytes of
// its payload's SHA-256, and only where the generation serves.

import { createHash } from 'node:crypto';
import { connect, type NatsConnection } from 'nats';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { announceJudged } from '../../../src/counting/announce/announce.js';
import { announceProgress } from '../../../src/counting/announce/progress.js';
import { type CommitOptions, commit, prepare } from '../../../src/counting/commit.js';
import { createLedgerDays, recordWatermark } from '../../../src/counting/guard/ingest-progress.js';
import { beginAccount, recordGap, settleAccount } from '../../../src/counting/guard/stream-gaps.js';
import { applyBatch } from '../../../src/counting/ledger/apply-batch.js';
import { DEFAULT_ADMISSION_RULES } from '../../../src/domain/message/admission.js';
import { dayOf } from '../../../src/domain/time/instant.js';
import type { Envelope } from '../../../src/nats/envelope.js';
import { createDatabase, startNats, type TestNats } from '../../support/engines.js';
import { chargeOf } from '../../support/publications.js';
import { silentLog } from '../../support/silent-log.js';

const SERVING = 1;
const BUILDING = 2;
const HOUR_MS = 3_600_000;
/** An hour ago: the ledger has days around today only. */
const ACCEPTED_AT = new Date(Date.now() - HOUR_MS).toISOString();
const TIMES = { acceptedAt: ACCEPTED_AT, chargedAt: ACCEPTED_AT };

let nats: TestNats;
let pool: pg.Pool;
let streamId: number;
let ingest: NatsConnection;
let billing: NatsConnection;
let dlr: NatsConnection;
/** All that was heard since the test began, by producer. */
let heard: Record<'billing' | 'dlr', { counted: string[]; refused: string[] }>;

async function as(user: 'ingest' | 'billing' | 'dlr'): Promise<NatsConnection> {
  const { host, password } = new URL(nats.url(user));
  return connect({ servers: host, user, pass: password });
}

/** Hears what `source` may hear, written as hexadecimal digests. */
async function hear(connection: NatsConnection, source: 'billing' | 'dlr'): Promise<void> {
  connection.subscribe(`sms.counted.v1.${source}`, {
    callback: (_, { data }) => {
      const digits = Buffer.from(data).toString('hex');
      heard[source].counted.push(...(digits.match(/.{16}/g) ?? []));
    },
  });
  connection.subscribe(`sms.refused.v1.${source}`, {
    callback: (_, message) => {
      for (const { digest, reason } of message.json<{ digest: string; reason: string }[]>()) {
        heard[source].refused.push(`${reason} ${digest}`);
      }
    },
  });
  await connection.flush();
}

beforeAll(async () => {
  const database = await createDatabase();
  nats = await startNats();
  pool = new pg.Pool({ connectionString: database.url('analytics_ingest') });
  const owner = new pg.Pool({ connectionString: database.superuserUrl, max: 1 });
  await owner.query(
    `INSERT INTO generation (generation, state, durable) VALUES ($1, 'building', 'two')`,
    [BUILDING],
  );
  await owner.query('SELECT create_generation_partitions($1)', [BUILDING]);
  await owner.end();
  for (const generation of [SERVING, BUILDING]) await createLedgerDays(pool, generation);
  const { rows } = await pool.query<{ stream_id: number }>(
    `INSERT INTO event_stream (name, created_at) VALUES ('SMS_EVENTS', now()) RETURNING stream_id`,
  );
  streamId = rows[0]?.stream_id ?? 0;
  [ingest, billing, dlr] = await Promise.all([as('ingest'), as('billing'), as('dlr')]);
  await hear(billing, 'billing');
  await hear(dlr, 'dlr');
});
afterAll(async () => {
  for (const connection of [ingest, billing, dlr]) await connection?.close();
  await pool?.end();
  await nats?.stop();
});
beforeEach(() => {
  heard = { billing: { counted: [], refused: [] }, dlr: { counted: [], refused: [] } };
});

let sequence = 0;

function envelope(subject: string, payload: string): Envelope {
  sequence += 1;
  return {
    subject,
    sequence,
    timestamp: Date.parse(ACCEPTED_AT) * 1_000,
    contentType: 'application/json',
    payload: Buffer.from(payload),
    replySubject: 'reply',
    redelivered: false,
    traceparent: undefined,
  };
}

/** A charge of message `index`; of two of one message the dearer one loses. */
const charge = (index: number, amount = '0.05', blank = '') =>
  envelope('sms.billing.v1.charged', JSON.stringify(chargeOf(index, { ...TIMES, amount })) + blank);

const report = (index: number) => {
  const { eventId, messageId, accountId, operatorId } = chargeOf(index);
  const ids = { eventId, messageId, accountId, operatorId };
  const content = { ...ids, acceptedAt: ACCEPTED_AT, reportedAt: ACCEPTED_AT, state: 'DELIVERED' };
  return envelope('sms.dlr.v1.reported', JSON.stringify(content));
};

const refund = (index: number, amount: string) => {
  const { eventId, messageId, accountId, operatorId } = chargeOf(index);
  const ids = { eventId, messageId, accountId, operatorId };
  const times = { acceptedAt: ACCEPTED_AT, refundedAt: ACCEPTED_AT };
  const content = { ...ids, ...times, amount, currency: 'EUR' };
  return envelope('sms.billing.v1.refunded', JSON.stringify(content));
};

/** The first 8 bytes of SHA-256, as a producer computes them. */
const digest = ({ payload }: Envelope) =>
  createHash('sha256').update(payload).digest('hex').slice(0, 16);

async function count(
  envelopes: readonly Envelope[],
  generation = SERVING,
  missingDays: ReadonlySet<number> = new Set(),
): Promise<void> {
  const options: CommitOptions = {
    apply: (batch, stream) =>
      applyBatch(pool, { generation, streamId: stream, worker: 'one' }, batch),
    announce: (batch) => announceJudged(ingest, silentLog, batch),
    rules: DEFAULT_ADMISSION_RULES,
    guard: { ledgerFloor: -Infinity, missingDays, lookAtDays: async () => 0 },
    stopping: new AbortController().signal,
    log: silentLog,
  };
  await commit(options, prepare(options, envelopes, streamId));
  // What was published before an answer was asked for has arrived when that arrives.
  await ingest.flush();
  await Promise.all([billing.flush(), dlr.flush()]);
}

const sorted = (texts: readonly string[]) => [...texts].sort();

it('announces each event to its own producer, once it is counted', async () => {
  const [one, two, reported] = [charge(1), charge(2), report(1)];
  await count([one, two, reported]);
  expect(sorted(heard.billing.counted)).toEqual(sorted([digest(one), digest(two)]));
  expect(heard.dlr.counted).toEqual([digest(reported)]);
  expect([...heard.billing.refused, ...heard.dlr.refused]).toEqual([]);
});

it('announces a copy again, whether it comes with its original or long after', async () => {
  const original = charge(3);
  const otherBytes = charge(3, '0.05', ' ');
  await count([original, otherBytes, charge(3)]);
  await count([otherBytes, charge(3)]);
  const [first, other] = [digest(original), digest(otherBytes)];
  expect(sorted(heard.billing.counted)).toEqual(sorted([first, first, first, other, other]));
  expect(heard.billing.refused).toEqual([]);
});

it('announces refused, with its reason, what breaks a rule', async () => {
  const malformed = envelope('sms.billing.v1.charged', '{');
  const unknown = envelope('sms.dlr.v9.anything', '{}');
  await count([malformed, unknown]);
  expect(heard.billing.refused).toEqual([`malformed ${digest(malformed)}`]);
  expect(heard.dlr.refused).toEqual([`unknown_subject ${digest(unknown)}`]);
  expect([...heard.billing.counted, ...heard.dlr.counted]).toEqual([]);
});

it('announces refused a charge that loses within its batch, and every copy of it', async () => {
  const [winner, loser, copy] = [charge(4, '0.01'), charge(4, '0.02'), charge(4, '0.02', ' ')];
  await count([loser, winner, copy]);
  expect(heard.billing.counted).toEqual([digest(winner)]);
  const refusals = [`conflict ${digest(loser)}`, `conflict ${digest(copy)}`];
  expect(sorted(heard.billing.refused)).toEqual(sorted(refusals));
});

it('announces refused a charge that loses to a counted one, again when it comes again', async () => {
  await count([charge(5, '0.01')]);
  heard.billing.counted = [];
  const [loser, copy] = [charge(5, '0.02'), charge(5, '0.02', ' ')];
  const refusals = sorted([`conflict ${digest(loser)}`, `conflict ${digest(copy)}`]);
  await count([loser, copy]);
  expect(sorted(heard.billing.refused)).toEqual(refusals);
  await count([copy, loser]);
  expect(sorted(heard.billing.refused)).toEqual(sorted([...refusals, ...refusals]));
  expect(heard.billing.counted).toEqual([]);
});

it('announces refused a charge that counted, when another one displaces it', async () => {
  const dear = charge(6, '0.02');
  await count([dear]);
  expect(heard.billing.counted).toEqual([digest(dear)]);
  const cheap = charge(6, '0.01');
  await count([cheap]);
  expect(heard.billing.counted).toEqual([digest(dear), digest(cheap)]);
  expect(heard.billing.refused).toEqual([`conflict ${digest(dear)}`]);
});

it('announces refused the content of a refund that loses, and counted the one that is kept', async () => {
  const [kept, lost] = [refund(7, '0.01'), refund(7, '0.02')];
  await count([kept]);
  await count([lost, kept]);
  expect(heard.billing.counted).toEqual([digest(kept), digest(kept)]);
  expect(heard.billing.refused).toEqual([`conflict ${digest(lost)}`]);
});

it('announces an event of a missing day as refused, and as counted once the day is back', async () => {
  const event = charge(8);
  await count([event], SERVING, new Set([dayOf(Date.parse(ACCEPTED_AT) * 1_000)]));
  expect(heard.billing).toEqual({ counted: [], refused: [`day_missing ${digest(event)}`] });
  await count([event]);
  expect(heard.billing.counted).toEqual([digest(event)]);
});

it('announces nothing of a generation that is being built', async () => {
  await count([charge(9), envelope('sms.billing.v1.charged', '{'), report(9)], BUILDING);
  const nothing = { counted: [], refused: [] };
  expect(heard).toEqual({ billing: nothing, dlr: nothing });
});

it('announces more than one message holds, all of it', async () => {
  const many = Array.from({ length: 8_001 }, (_, at) => report(10_000 + at));
  await count(many);
  expect(sorted(heard.dlr.counted)).toEqual(sorted(many.map(digest)));
});

it('announces progress of the serving generation, which a gap does not hold back', async () => {
  const key = { generation: SERVING, streamId };
  await beginAccount(pool, key, sequence + 1, '{}');
  await beginAccount(pool, { ...key, generation: BUILDING }, sequence + 1, '{}');
  const said: unknown[] = [];
  dlr.subscribe('sms.counted.v1.progress', { callback: (_, message) => said.push(message.json()) });
  await dlr.flush();
  const announce = async (generation = SERVING) => {
    await settleAccount(pool, key, 'one');
    await announceProgress(ingest, pool, { generation, streamId });
    await ingest.flush();
    await dlr.flush();
  };
  await announce();
  const counted = sequence;
  // Two sequences are gone, the third is counted.
  sequence += 2;
  await count([report(100)]);
  await announce();
  await recordGap(pool, key, `{[${counted + 1},${counted + 2}]}`, {
    after: undefined,
    before: undefined,
  });
  await recordWatermark(
    pool,
    { ...key, worker: 'one' },
    Date.parse('2026-11-22T10:00:00Z') * 1_000,
  );
  await announce();
  await announce(BUILDING);
  const ofStream = { stream: 'SMS_EVENTS', incarnation: String(streamId) };
  expect(said).toEqual([
    { ...ofStream, judgedThrough: counted },
    { ...ofStream, judgedThrough: counted },
    { ...ofStream, judgedThrough: counted + 3, dataAsOf: '2026-11-22T10:00:00.000000Z' },
  ]);
});
