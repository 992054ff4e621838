// Events that leave the stream before they are counted: purged, expired, pushed out by a lowered
// limit, deleted in the middle. Each is told within seconds, the watermark stands before it until
// it is accepted, and counting goes on. What was counted before it left is no gap. The stream is
// one without `deny_purge` and `deny_delete`, else half of it cannot happen.

import { type JetStreamManager, nanos } from 'nats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { durableConfig, streamConfig } from '../../src/nats/topology.js';
import { chargeOf, publicationOf } from '../support/publications.js';
import { createSite, type TestSite } from '../support/site.js';
import { type Counter, startCounter, until } from './guarded-ingest.js';
import { asOps, heldSessions, holdCommits, setAckWait } from './held-commit.js';

const STREAM = 'SMS_EVENTS';
/**
 * What a gap is told within (issue: 5 s), with room for a machine that is busy with other tests.
 */
const TOLD_MS = 30_000;

let site: TestSite;
let counter: Counter;
let published = 0;

/** A stream from which events can be taken, as one of release 0.1 was. */
async function withoutDenials(manager: JetStreamManager): Promise<void> {
  await manager.streams.delete(STREAM);
  const config = { ...streamConfig({ replicas: 1 }), deny_purge: false, deny_delete: false };
  await manager.streams.add(config as never);
  await manager.consumers.add(STREAM, durableConfig('analytics-rollup'));
}

beforeEach(async () => {
  published = 0;
  site = await createSite();
  await asOps(site, withoutDenials);
  counter = await startCounter(site);
  await until('ready', async () => (await counter.readyStatus()) === 200);
});
afterEach(() => site?.close());

/** Publishes so many charges of messages of their own. */
async function publish(count: number): Promise<void> {
  const numbers = Array.from({ length: count }, () => ++published);
  await site.publish(numbers.map((n) => publicationOf('sms.billing.v1.charged', chargeOf(n))));
}

async function one<T>(text: string): Promise<T | undefined> {
  const { rows } = await site.database.query<{ value: T }>(text);
  return rows[0]?.value;
}
const counted = () => one<number>('SELECT count(*)::int AS value FROM ledger');
const dataAsOf = async () =>
  Number(
    await one(
      'SELECT (extract(epoch FROM data_as_of) * 1000000)::bigint AS value FROM answer_state',
    ),
  );
const missing = () =>
  one<number>(
    `SELECT coalesce(sum(event_count(missing)), 0)::int AS value FROM stream_gap WHERE accepted_at IS NULL`,
  );
const gaps = () => one<number>('SELECT count(*)::int AS value FROM stream_gap');

/** Stops the process while `act` happens to events that it has not seen. */
async function asleep(act: () => Promise<void>): Promise<void> {
  await site.drained();
  counter.child.kill('SIGSTOP');
  await act();
  counter.child.kill('SIGCONT');
}

const update = (config: object) => asOps(site, ({ streams }) => streams.update(STREAM, config));
const lastSequence = async () =>
  (await asOps(site, ({ streams }) => streams.info(STREAM))).state.last_seq;

/** Resolves when every look since now was recorded twice. */
async function afterLooks(): Promise<void> {
  const looked = () => one<string>('SELECT max(looked_at)::text AS value FROM ingest_progress');
  for (let look = 1; look <= 3; look++) {
    const before = await looked();
    await until('a look', async () => (await looked()) !== before);
  }
}

/**
 * The gap is told everywhere, the watermark stands before `lostAt`, and goes on once the gap is
 * accepted.
 */
async function expectToldAndAccepted(eventCount: number, lostAtMs: number): Promise<void> {
  await until('the gap is recorded', async () => (await missing()) === eventCount, TOLD_MS);
  await until('the metric tells it', async () => {
    return (await counter.metric('sms_analytics_gap_events')) === eventCount;
  });
  expect(counter.log()).toContain('events left the stream before they were counted');
  await publish(1);
  await afterLooks();
  expect(await dataAsOf()).toBeLessThanOrEqual(lostAtMs * 1_000);
  const status = await site.ops('status');
  expect(status).toMatch(new RegExp(`OPEN GAPS[^]*${eventCount} of ${eventCount}`));
  const [gap] = JSON.parse(await site.ops('gaps', 'list', '--open', '--json'));
  const accept = ['--as', 'tester', 'gaps', 'accept', String(gap.gapId), '--reason', 'lost'];
  expect(await site.ops(...accept, '--dry-run')).toMatch(/^Would accept: /);
  expect(await missing()).toBe(eventCount);
  await site.ops(...accept, '--yes');
  const acceptedMs = Date.now();
  await until('the watermark goes on', async () => (await dataAsOf()) > acceptedMs * 1_000);
  const act = `SELECT count(*)::int AS value FROM audit_record WHERE action = 'accept-gap' AND outcome = 'done'`;
  expect(await one(act)).toBe(1);
  expect(await one(`SELECT count(*)::int AS value FROM stream_gap`)).toBe(1);
}

/**
 * Publishes 20, loses up to `lost` of 30 more, and counts 5 after them: every event is counted, or
 * told.
 */
async function loses(lose: () => Promise<unknown>, lost: number): Promise<void> {
  await publish(20);
  let lostAtMs = 0;
  await asleep(async () => {
    lostAtMs = Date.now();
    await publish(30);
    await lose();
    await publish(5);
  });
  const total = async () => ((await counted()) ?? 0) + ((await missing()) ?? 0);
  await until('each is counted or told', async () => (await total()) === 55, TOLD_MS);
  const told = (await missing()) ?? 0;
  // The pull that was waiting when the process fell asleep was sent one event: that one is counted.
  expect([lost - 1, lost]).toContain(told);
  await expectToldAndAccepted(told, lostAtMs);
  expect(await counted()).toBe(56 - told);
}

describe('events that leave the stream before they are counted are told', () => {
  it('after a purge', () => loses(() => asOps(site, ({ streams }) => streams.purge(STREAM)), 30));

  it('after a lowered limit', async () => {
    // 10 of 50 stay: the 20 that are counted go first, and 20 that are not.
    await loses(async () => {
      await update({ max_msgs: 10, discard: 'old' });
      await update({ max_msgs: -1, discard: 'new' });
    }, 20);
  });

  it('after max_age', async () => {
    await loses(async () => {
      await update({ max_age: nanos(100), duplicate_window: nanos(100) });
      await until('all have expired', async () => {
        return (await asOps(site, ({ streams }) => streams.info(STREAM))).state.messages === 0;
      });
      await update({ max_age: nanos(3_600_000), duplicate_window: nanos(100) });
    }, 30);
  });

  it('after deletions in the middle of a backlog', async () => {
    await loses(async () => {
      const last = await lastSequence();
      await asOps(site, async ({ streams }) => {
        for (const sequence of [last - 12, last - 11, last - 3]) {
          await streams.deleteMessage(STREAM, sequence);
        }
      });
    }, 3);
  });

  it('across a restart of ingest, and where a process died with a purged batch in its hands', async () => {
    await setAckWait(site, 3_000);
    await publish(3);
    await site.drained();
    const release = await holdCommits(site);
    const lostAtMs = Date.now();
    await publish(4);
    await until('a batch is held', async () => (await heldSessions(site)).length === 1);
    const [session] = await heldSessions(site);
    counter.child.kill('SIGKILL');
    await counter.child.exited;
    await site.database.query('SELECT pg_terminate_backend($1)', [session]);
    await asOps(site, ({ streams }) => streams.purge(STREAM));
    await release();
    counter = await startCounter(site);
    await expectToldAndAccepted(4, lostAtMs);
  });

  it('through an upgrade from a ledger without the accounting', async () => {
    await publish(6);
    await site.drained();
    await counter.child.stop();
    // As release 0.1 left it: no account, and progress rows without sequences.
    await site.database.query(
      'DELETE FROM stream_account; UPDATE ingest_progress SET committed = NULL',
    );
    const lostAtMs = Date.now();
    await publish(7);
    await asOps(site, ({ streams }) => streams.purge(STREAM));
    counter = await startCounter(site);
    await expectToldAndAccepted(7, lostAtMs);
  });
});

describe('what was counted before it left is no gap', () => {
  it('by retention, by a seek and by copies', async () => {
    await publish(10);
    await site.drained();
    await asOps(site, ({ streams }) => streams.purge(STREAM, { keep: 5 }));
    await site.ops('--as', 'tester', 'seek', '--to-sequence', '1', '--yes');
    await publish(5);
    await site.drained();
    await asOps(site, ({ streams }) => streams.purge(STREAM));
    await afterLooks();
    const nowMs = Date.now();
    await until('the watermark goes on', async () => (await dataAsOf()) > nowMs * 1_000);
    expect(await gaps()).toBe(0);
    expect(await counted()).toBe(15);
    expect(await one('SELECT counted_through::int AS value FROM stream_account')).toBe(15);
  });

  it('and a batch that commits after its events were purged closes its gap', async () => {
    await publish(1);
    await site.drained();
    const release = await holdCommits(site);
    // One: of more, some may not be pulled yet when they are purged.
    await publish(1);
    await until('a batch is held', async () => (await heldSessions(site)).length === 1);
    await asOps(site, ({ streams }) => streams.purge(STREAM));
    await release();
    await until('all are counted', async () => (await counted()) === 2);
    await until('no gap is open', async () => (await missing()) === 0);
    const nowMs = Date.now();
    await until('the watermark goes on', async () => (await dataAsOf()) > nowMs * 1_000);
  });
});
