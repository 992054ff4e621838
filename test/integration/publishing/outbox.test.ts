// The outbox in a real database, with `pg` and with Prisma: what commits with the charge arrives,
// what rolls back does not, and a relay that died leaves its rows to the others.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import type { NatsConnection } from 'nats';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { PrismaClient } from '../../../src/generated/prisma/client.js';
import { enqueue } from '../../../src/publishing/outbox/enqueue.js';
import {
  type OutboxRelay,
  type RelayOptions,
  relayOutbox,
} from '../../../src/publishing/outbox/relay-outbox.js';
import { createDatabase } from '../../support/engines.js';
import {
  chargeOf,
  numbersIn,
  numbersTo,
  type PublishingSite,
  startPublishingSite,
} from './publishing-site.js';

const PATIENCE = { timeout: 60_000, interval: 50 };
const SOON = { timeout: 10_000, interval: 50 };
const BEFORE_A_CLAIM_ENDS = { timeout: 45_000, interval: 50 };

let site: PublishingSite;
let url: string;
let pool: pg.Pool;
let relays: OutboxRelay[] = [];

beforeAll(async () => {
  site = await startPublishingSite();
  url = (await createDatabase()).superuserUrl;
  pool = new pg.Pool({ connectionString: url });
  const table = readFileSync(join(projectRoot, 'src/publishing/outbox/outbox.sql'), 'utf8');
  await pool.query(table);
});
afterAll(async () => {
  await pool?.end();
  await site?.stop();
});

beforeEach(async () => {
  await pool.query('TRUNCATE sms_outbox, sms_outbox_refused');
  await site.createStream();
});
afterEach(async () => {
  await Promise.all(relays.map((relay) => relay.close()));
  relays = [];
  await site.start();
  await site.deleteStream();
});

function relay(more: Partial<RelayOptions> = {}): OutboxRelay {
  const credential = site.credential('billing');
  const one = relayOutbox({
    keepUntil: 'stored',
    client: pool,
    servers: site.server,
    credential,
    source: 'billing',
    ...more,
  });
  relays.push(one);
  return one;
}

const rowCount = async (table = 'sms_outbox') =>
  (await pool.query(`SELECT count(*)::int AS count FROM ${table}`)).rows[0]?.count as number;

async function inTransaction(
  end: 'COMMIT' | 'ROLLBACK',
  numbers: readonly number[],
): Promise<void> {
  const client = await pool.connect();
  await client.query('BEGIN');
  for (const number of numbers) {
    expect(await enqueue(client, chargeOf(number))).toEqual({ queued: true });
  }
  await client.query(end);
  client.release();
}

describe('an event in the outbox', () => {
  it('is published if, and only if, its transaction commits', async () => {
    relay();
    await inTransaction('ROLLBACK', [0, 1]);
    await inTransaction('COMMIT', [2, 3]);
    await expect.poll(async () => (await site.stored()).length, PATIENCE).toBe(2);
    await expect.poll(() => rowCount(), PATIENCE).toBe(0);
    expect(numbersIn(await site.stored())).toEqual([2, 3]);
  });

  it('commits with a Prisma transaction', async () => {
    relay();
    const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
    await prisma.$transaction(async (transaction) => {
      await enqueue(transaction, chargeOf(0));
    });
    const failing = prisma.$transaction(async (transaction) => {
      await enqueue(transaction, chargeOf(1));
      throw new Error('the charge failed');
    });
    await expect(failing).rejects.toThrow('the charge failed');
    await prisma.$disconnect();
    await expect.poll(() => rowCount(), PATIENCE).toBe(0);
    expect(numbersIn(await site.stored())).toEqual([0]);
  });

  it('is not written where its content is wrong', async () => {
    expect(await enqueue(pool, { ...chargeOf(0), amount: '-1' })).toEqual({
      queued: false,
      violations: [{ reason: 'invalid_field', field: 'amount' }],
    });
    expect(await enqueue(pool, null as never)).toMatchObject({ queued: false });
    expect(await rowCount()).toBe(0);
  });

  it('goes to the refused ones where it can never be counted', async () => {
    const insert = 'INSERT INTO sms_outbox (kind, payload, digest) VALUES ($1, $2, $3)';
    await enqueue(pool, chargeOf(0));
    // The digest of another row does not take that one along.
    const { rows: good } = await pool.query('SELECT digest FROM sms_outbox');
    await pool.query(insert, ['charged', 'no JSON', good[0].digest]);
    await pool.query(insert, ['charged', '{"eventId":"x"}', Buffer.alloc(8, 1)]);
    relay();
    await expect.poll(() => rowCount(), PATIENCE).toBe(0);
    const { rows } = await pool.query('SELECT reason FROM sms_outbox_refused ORDER BY id');
    expect(rows).toEqual([{ reason: 'malformed' }, { reason: 'invalid_field' }]);
    expect(numbersIn(await site.stored())).toEqual([0]);
  });

  it('is refused where its payload is not the text that was judged', async () => {
    await enqueue(pool, chargeOf(0));
    const { rows } = await pool.query('SELECT payload FROM sms_outbox');
    const text = ` ${rows[0].payload}`;
    const digest = createHash('sha256').update(text).digest().subarray(0, 8);
    const insert = 'INSERT INTO sms_outbox (kind, payload, digest) VALUES ($1, $2, $3)';
    await pool.query(insert, ['charged', text, digest]);
    relay();
    await expect.poll(() => rowCount(), PATIENCE).toBe(0);
    const refused = await pool.query('SELECT payload, reason FROM sms_outbox_refused');
    expect(refused.rows).toEqual([{ payload: text, reason: 'malformed' }]);
    expect(await site.stored()).toHaveLength(1);
  });
});

describe('a relay', () => {
  it('takes the digests of a client that has no Buffers', async () => {
    const client = {
      query: async (text: string, values: unknown[]) => {
        const { rows } = await pool.query(text, values);
        return {
          rows: rows.map((row) =>
            row.digest ? { ...row, digest: Uint8Array.from(row.digest) } : row,
          ),
        };
      },
    };
    await inTransaction('COMMIT', [0]);
    relay({ client });
    await expect.poll(async () => numbersIn(await site.stored()), SOON).toEqual([0]);
  });

  it('says what a client does that answers with nonsense, and goes on', async () => {
    const troubles: Error[] = [];
    let isBroken = true;
    const client = {
      query: async (text: string, values: unknown[]) =>
        isBroken ? { rows: [null] } : await pool.query(text, values),
    };
    await inTransaction('COMMIT', [0]);
    relay({ client, onTrouble: (error) => troubles.push(error) });
    await expect.poll(() => troubles.length, SOON).toBeGreaterThan(0);
    isBroken = false;
    await expect.poll(async () => numbersIn(await site.stored()), SOON).toEqual([0]);
  });

  it('asks less and less often while Postgres is away, and goes on when it is there', async () => {
    let isAway = true;
    let askedCount = 0;
    const client = {
      query: async (text: string, values: unknown[]) => {
        askedCount += 1;
        if (isAway) throw new Error('away');
        return await pool.query(text, values);
      },
    };
    await inTransaction('COMMIT', [0]);
    relay({ client });
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    // Each 200 ms would be 25 times.
    expect(askedCount).toBeLessThan(15);
    isAway = false;
    await expect.poll(async () => numbersIn(await site.stored()), PATIENCE).toEqual([0]);
  });
});

describe('relays', () => {
  it('share the rows: each is published once', async () => {
    await inTransaction('COMMIT', numbersTo(1_300));
    for (let one = 0; one < 3; one++) relay();
    await expect.poll(() => rowCount(), PATIENCE).toBe(0);
    const stored = await site.stored();
    expect(stored).toHaveLength(1_300);
    expect(numbersIn(stored)).toEqual(numbersTo(1_300));
  });

  it('publish the rows of one that died when its claim has ended, not before', async () => {
    await inTransaction('COMMIT', [0, 1]);
    await pool.query(
      "UPDATE sms_outbox SET claimed_by = 'another', claimed_until = now() + interval '2 seconds'",
    );
    relay();
    await inTransaction('COMMIT', [2]);
    await expect.poll(async () => numbersIn(await site.stored()), PATIENCE).toEqual([2]);
    await expect.poll(async () => numbersIn(await site.stored()), PATIENCE).toEqual([0, 1, 2]);
  });

  it('wait for NATS, and leave the rows to others when they end', async () => {
    await site.kill();
    const one = relay();
    await inTransaction('COMMIT', [0, 1]);
    await one.close();
    relays = [];
    await site.start();
    relay();
    await expect.poll(() => rowCount(), PATIENCE).toBe(0);
    expect(numbersIn(await site.stored())).toEqual([0, 1]);
  });

  it('keep rows until they are announced, where they are to', async () => {
    await inTransaction('COMMIT', [0, 1]);
    relay({ keepUntil: 'counted' });
    await expect.poll(async () => (await site.stored()).length, PATIENCE).toBe(2);
    expect(await rowCount()).toBe(2);
    const digests = (await site.stored()).map(({ payload }) =>
      createHash('sha256').update(payload).digest().subarray(0, 8),
    );
    const [first, second] = digests as [Buffer, Buffer];
    const ingest = await site.connectAs('ingest');
    const refusal = JSON.stringify([{ digest: second.toString('hex'), reason: 'conflict' }]);
    await expect
      .poll(async () => {
        ingest.publish('sms.counted.v1.billing', first);
        ingest.publish('sms.refused.v1.billing', refusal);
        return rowCount();
      }, PATIENCE)
      .toBe(0);
    await ingest.close();
    expect(await rowCount('sms_outbox_refused')).toBe(1);
  });
});

describe('a row that is kept until it is counted', () => {
  const storedCount = async () => (await site.stored()).length;
  /** As if so much time had passed since all claims. */
  const pass = (time: string) =>
    pool.query('UPDATE sms_outbox SET claimed_until = claimed_until - $1::interval', [time]);
  const claimsWritten = () =>
    expect
      .poll(async () => {
        const { rows } = await pool.query(
          'SELECT count(*)::int AS count FROM sms_outbox WHERE stored_sequence IS NULL',
        );
        return rows[0]?.count as number;
      }, PATIENCE)
      .toBe(0);
  let ingest: NatsConnection;
  const progress = (incarnation: string, judgedThrough: number) =>
    ingest.publish('sms.counted.v1.progress', JSON.stringify({ incarnation, judgedThrough }));

  beforeEach(async () => {
    ingest = await site.connectAs('ingest');
    await inTransaction('COMMIT', [0, 1]);
    relay({ keepUntil: 'counted' });
    await expect.poll(storedCount, PATIENCE).toBe(2);
    await claimsWritten();
  });
  afterEach(() => ingest.close());

  it('is not published again while ingest is away, nor by the next relay', async () => {
    await pass('10 minutes');
    await inTransaction('COMMIT', [2]);
    await expect.poll(async () => numbersIn(await site.stored()), PATIENCE).toEqual([0, 1, 2]);
    await claimsWritten();
    await relays.pop()?.close();
    relay({ keepUntil: 'counted' });
    await inTransaction('COMMIT', [3]);
    await expect.poll(async () => numbersIn(await site.stored()), PATIENCE).toEqual([0, 1, 2, 3]);
    expect([await storedCount(), await rowCount()]).toEqual([4, 4]);
  });

  it('is published again where it was judged for five seconds without a word', async () => {
    const [first] = await site.stored();
    const digest = createHash('sha256').update(String(first?.payload)).digest().subarray(0, 8);
    await expect
      .poll(async () => {
        ingest.publish('sms.counted.v1.billing', digest);
        progress('one', 1);
        return rowCount();
      }, PATIENCE)
      .toBe(1);
    const begun = performance.now();
    await expect
      .poll(() => {
        progress('one', 2);
        return storedCount();
      }, BEFORE_A_CLAIM_ENDS)
      .toBe(3);
    expect(performance.now() - begun).toBeGreaterThan(4_000);
  });

  it('is published again where its stream is gone, though its sequence is far', async () => {
    await pool.query("UPDATE sms_outbox SET stored_sequence = 1000, stored_in = 'one'");
    await expect
      .poll(() => {
        progress('two', 0);
        return storedCount();
      }, PATIENCE)
      .toBe(4);
  });
});
