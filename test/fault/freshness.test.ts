// data_as_of as the answers say it, whatever happens to the processes that count and to the
// engines: everything published before it is counted, it never goes back, and it comes up to the
// time of the look where nothing waits. Instants are the server's own: the timestamps of its
// messages, and its time when the test asks for it.

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { GetSummaryRequest } from '../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { analyticsClient } from '../support/analytics-client.js';
import { startPostgres } from '../support/engines.js';
import { consumerTime, microsOf } from '../support/freshness.js';
import { chargeOf, publicationOf } from '../support/publications.js';
import { createSite, type TestSite } from '../support/site.js';
import { type Counter, startCounter, until } from './guarded-ingest.js';
import { asOps, durable, heldSessions, holdCommits, setAckWait } from './held-commit.js';

/** So long that nothing is delivered again by itself. */
const ACK_WAIT_MS = 3_600_000;

let postgres: Awaited<ReturnType<typeof startPostgres>>;
let site: TestSite;
let counter: Counter;
/** When each message was stored; the first has sequence 1. */
const storedAt: number[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  site = await createSite({ database: postgres });
  await setAckWait(site, ACK_WAIT_MS);
  counter = await startCounter(site);
  await until('ready', async () => (await counter.readyStatus()) === 200);
});
afterAll(async () => {
  await site?.close();
  await postgres?.stop();
});

/** Publishes so many charges, one after the other; returns when the first of them was stored. */
async function publish(count: number): Promise<number> {
  const first = storedAt.length;
  for (let seq = first + 1; seq <= first + count; seq++) {
    await site.publish([publicationOf('sms.billing.v1.charged', chargeOf(seq))]);
    const stored = await asOps(site, ({ streams }) => streams.getMessage('SMS_EVENTS', { seq }));
    storedAt.push(microsOf(stored.timestamp));
  }
  return storedAt[first] ?? 0;
}

let newest = 0;

/**
 * What an answer would say now; whenever it is asked, it holds what data_as_of says, and that has
 * not gone back.
 */
async function freshness(): Promise<{ dataAsOf: number; revision: string }> {
  const { rows } = await site.database.query<{ at: string; revision: string; charges: number }>(
    `SELECT (extract(epoch FROM data_as_of) * 1000000)::bigint AS at, revision,
            (SELECT coalesce(sum(charges), 0)::int FROM money_account) AS charges
       FROM answer_state`,
  );
  const [{ at, revision, charges } = { at: '0', revision: '', charges: 0 }] = rows;
  const dataAsOf = Number(at);
  expect(charges).toBeGreaterThanOrEqual(storedAt.filter((one) => one < dataAsOf).length);
  expect(dataAsOf).toBeGreaterThanOrEqual(newest);
  newest = dataAsOf;
  return { dataAsOf, revision };
}

const dataAsOf = async () => (await freshness()).dataAsOf;

/**
 * Resolves after this process has begun and recorded a look: what it saw before has no part in it.
 */
async function afterALook({ child }: Counter): Promise<void> {
  const lookedAt = async () => {
    const { rows } = await site.database.query<{ at: string }>(
      `SELECT max(looked_at)::text AS at FROM ingest_progress WHERE worker LIKE '%-' || $1`,
      [String(child.pid)],
    );
    return rows[0]?.at;
  };
  for (let look = 1; look <= 2; look++) {
    const before = await lookedAt();
    await until('a look', async () => (await lookedAt()) !== before);
  }
}

/** It is at `instant`, and stays there. */
async function expectStanding(instant: number, looking: Counter): Promise<void> {
  for (let look = 1; look <= 2; look++) {
    await afterALook(looking);
    expect(await dataAsOf()).toBe(instant);
  }
}

/** Nothing waits any more, and it has come up to the server's time, and not beyond. */
async function expectCaughtUp(): Promise<void> {
  await site.drained();
  const now = await asOps(site, consumerTime);
  await until('data_as_of comes up to now', async () => (await dataAsOf()) >= now);
  expect(await dataAsOf()).toBeLessThanOrEqual(await asOps(site, consumerTime));
}

let release = async () => {};
const hold = async () => {
  const end = await holdCommits(site);
  release = async () => {
    release = async () => {};
    await end();
  };
};
// A test that fails shall not keep the ones after it waiting.
afterEach(() => release());

const unacknowledged = async () => (await durable(site)).num_ack_pending;

it('comes up to the time of the look while nothing waits', async () => {
  await expectCaughtUp();
  await publish(3);
  await expectCaughtUp();
});

it('is the timestamp of the first message that is not acknowledged during a backlog', async () => {
  await hold();
  const first = await publish(5);
  await until('a batch is held', async () => (await heldSessions(site)).length === 1);
  await expectStanding(first, counter);
  await release();
  await expectCaughtUp();
});

it('waits for the batch of a process that stands still, whatever another one counts', async () => {
  const before = await freshness();
  await hold();
  // Two: a process holds the batch that it commits, and pulls one ahead.
  const first = await publish(2);
  await until('both are pulled', async () => (await unacknowledged()) === 2);
  await until('a batch is held', async () => (await heldSessions(site)).length === 1);
  counter.child.kill('SIGSTOP');
  const other = await startCounter(site);
  await publish(5);
  await release();
  // One of the later ones may have gone to the process that stands still, which had asked for
  // another.
  await until('the other has counted', async () => {
    const { num_pending, num_ack_pending } = await durable(site);
    return num_pending === 0 && num_ack_pending <= 3;
  });
  await expectStanding(first, other);
  expect((await freshness()).revision).not.toBe(before.revision);
  counter.child.kill('SIGCONT');
  await expectCaughtUp();
  await other.child.stop();
});

const failed = () => counter.log().split('"look failed"').length - 1;

/** Resolves when ingest has noticed, to where data_as_of stands. */
async function stopNats(): Promise<number> {
  await site.nats.stop();
  counter.forget();
  await until('a look fails', () => failed() > 0);
  return dataAsOf();
}

it('stands still while NATS is away', async () => {
  const standing = await stopNats();
  await until('two more looks fail', () => failed() > 2);
  expect(await dataAsOf()).toBe(standing);
  await site.nats.start();
  await expectCaughtUp();
});

it('does not pass what was published while Postgres was away before that is counted', async () => {
  await postgres.stop();
  counter.forget();
  const first = await publish(3);
  await until('a look fails', () => counter.log().includes('"look failed"'));
  counter.child.kill('SIGSTOP');
  await postgres.start();
  expect(await dataAsOf()).toBeLessThanOrEqual(first);
  await hold();
  counter.child.kill('SIGCONT');
  await expectStanding(first, counter);
  await release();
  await expectCaughtUp();
});

it('stands still during a seek to the beginning', async () => {
  await publish(3);
  await expectCaughtUp();
  const before = await dataAsOf();
  await hold();
  await site.ops('seek', '--to-sequence', '1', '--yes');
  await until('all is pulled again', async () => (await unacknowledged()) === storedAt.length);
  await afterALook(counter);
  const standing = await dataAsOf();
  expect(standing).toBeGreaterThanOrEqual(before);
  await expectStanding(standing, counter);
  await release();
  await expectCaughtUp();
});

it('goes with a revision that is another one after every batch', async () => {
  const revisions = [(await freshness()).revision];
  for (let batch = 1; batch <= 4; batch++) {
    await publish(1);
    await site.drained();
    revisions.push((await freshness()).revision);
  }
  expect(new Set(revisions).size).toBe(5);
});

it('is what answers say, each with a revision of its own', async () => {
  await site.start('api');
  const client = analyticsClient(site.site.ports.grpc, site.tls, 'admin-dashboard');
  const question = GetSummaryRequest.fromPartial({ range: { start: dayOf(-1), end: dayOf(2) } });
  const revisions = new Map<string, string>();
  const instants = new Set<number>();
  // Nothing is counted meanwhile: data_as_of alone makes the difference.
  await until('five states have been answered', async () => {
    const { meta } = await client.getSummary(question);
    const instant = instantOf(meta?.dataAsOf);
    expect(revisions.get(meta?.revision ?? '') ?? String(instant)).toBe(String(instant));
    revisions.set(meta?.revision ?? '', String(instant));
    instants.add(instant);
    expect(instant).toBeLessThanOrEqual(await dataAsOf());
    return instants.size === 5;
  });
  client.close();
});

it('is told by an api that stays ready while NATS is away', async () => {
  const { grpc, apiAdmin } = site.site.ports;
  const client = analyticsClient(grpc, site.tls, 'admin-dashboard');
  const question = GetSummaryRequest.fromPartial({ range: { start: dayOf(-1), end: dayOf(2) } });
  const told = async () => {
    const { status } = await fetch(`http://127.0.0.1:${apiAdmin}/readyz`);
    expect(status).toBe(200);
    return instantOf((await client.getSummary(question)).meta?.dataAsOf);
  };
  const standing = await stopNats();
  await until('the answers have come up to it', async () => (await told()) === standing);
  await until('two more looks fail', () => failed() > 2);
  expect(await told()).toBe(standing);
  await site.nats.start();
  await until('the answers go on', async () => (await told()) > standing);
  client.close();
});

const dayOf = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

const instantOf = (at: { seconds: bigint; nanos: number } | undefined) =>
  Number(at?.seconds ?? 0n) * 1_000_000 + (at?.nanos ?? 0) / 1_000;
