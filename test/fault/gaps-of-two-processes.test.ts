// Two ingest processes count one stream; one of them dies with a batch in its hands, and the events
// leave the stream before they are delivered again. Only what the dead one held is a gap: what the
// other holds or has committed is none. The batches are held by a lock on a rollup.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GapStage } from './gaps-stage.js';
import { type Counter, startCounter, until } from './guarded-ingest.js';
import { durable, heldSessions, holdCommits, setAckWait } from './held-commit.js';

/** What is counted before; the batches come after it. */
const BEFORE = 3;
/** What a process's statement holds. */
const BATCH = 4;
/** What a process holds in all. */
const HELD = BATCH + 1;
/**
 * Longer than a test, so that no batch of a dead process is delivered again before it is purged.
 */
const ACK_WAIT_MS = 600_000;

let stage: GapStage;
let release: (() => Promise<void>) | undefined;

beforeEach(async () => {
  stage = await GapStage.create();
  await setAckWait(stage.site, ACK_WAIT_MS);
  // The first process makes the ledger's days; afterwards only batches wait for the lock.
  const first = await startCounter(stage.site);
  await stage.publish(BEFORE);
  await until('all are counted', async () => (await stage.counted()) === BEFORE);
  await stage.site.drained();
  await first.child.stop();
});
// A test that fails with the lock in its hands would keep its processes waiting.
afterEach(async () => {
  await release?.();
  await stage?.site.close();
});

interface Holder {
  readonly counter: Counter;
  readonly session: number;
}

/**
 * Starts a process that holds `BATCH` events in its statement and one more in its hands: the pull
 * that waits meanwhile takes that one, so that what follows goes to the next process.
 */
async function holding(): Promise<Holder> {
  const others = await heldSessions(stage.site);
  const before = (await durable(stage.site)).num_ack_pending;
  await stage.publish(BATCH);
  const counter = await startCounter(stage.site);
  const own = async () =>
    (await heldSessions(stage.site)).filter((session) => !others.includes(session));
  await until('the batch is held', async () => (await own()).length === 1);
  const [session = 0] = await own();
  await stage.publish(1);
  await until('the waiting pull is sent one event', async () => {
    return (await durable(stage.site)).num_ack_pending === before + BATCH + 1;
  });
  return { counter, session };
}

/** The process dies, and its statement with it. */
async function die({ counter, session }: Holder): Promise<void> {
  counter.child.kill('SIGKILL');
  await counter.child.exited;
  await stage.site.database.query('SELECT pg_terminate_backend($1)', [session]);
  const gone = async () => !(await heldSessions(stage.site)).includes(session);
  await until('its session is gone', gone);
}

async function unlock(): Promise<void> {
  await release?.();
  release = undefined;
}

describe('of two processes that hold a batch each, one dies and both batches leave the stream', () => {
  it.each([
    ['the earlier', '{[4,9)}'],
    ['the later', '{[9,14)}'],
  ])('%s batch is told where the other was counted before', async (which, told) => {
    release = await holdCommits(stage.site);
    const [one, other] = [await holding(), await holding()];
    const [dead, alive] = which === 'the earlier' ? [one, other] : [other, one];
    const lostAtMs = await stage.publishedAtMs(which === 'the earlier' ? 4 : 9);
    await die(dead);
    await unlock();
    await until('the other is counted', async () => (await stage.counted()) === BEFORE + HELD);
    await stage.afterLooks();
    expect(await stage.gaps()).toBe(0);
    await stage.purge();
    const gap = { counter: alive.counter, eventCount: HELD, lostAtMs };
    const gapId = await stage.expectTold(gap);
    expect(await stage.noticed()).toBe(told);
    await stage.acceptOnce(gapId);
    expect(await stage.noticed()).toBe(told);
    // One more was published while the gap was open.
    expect(await stage.counted()).toBe(BEFORE + HELD + 1);
  });

  it('a batch that the other still holds is missed by no gap once it is committed', async () => {
    release = await holdCommits(stage.site);
    const dead = await holding();
    await holding();
    const lostAtMs = await stage.publishedAtMs(4);
    await die(dead);
    await stage.purge();
    await stage.afterLooks();
    expect(await stage.dataAsOfMs()).toBeLessThanOrEqual(lostAtMs);
    await unlock();
    await until('the other is counted', async () => (await stage.counted()) === BEFORE + HELD);
    await until('only the dead one is missed', async () => (await stage.missing()) === HELD);
    const text = 'SELECT range_agg(missing)::text AS value FROM stream_gap';
    expect(await stage.one(text)).toBe('{[4,9)}');
    await stage.publish(1);
    await stage.afterLooks();
    expect(await stage.dataAsOfMs()).toBeLessThanOrEqual(lostAtMs);
    for (const { gapId } of JSON.parse(await stage.site.ops('gaps', 'list', '--open', '--json'))) {
      await stage.site.ops(
        '--as',
        'tester',
        'gaps',
        'accept',
        `${gapId}`,
        '--reason',
        'x',
        '--yes',
      );
    }
    await stage.untilGoesOn();
    expect(await stage.counted()).toBe(BEFORE + HELD + 1);
  });
});
