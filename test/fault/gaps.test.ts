// Events that leave the stream before they are counted: purged, expired, pushed out by a lowered
// limit, deleted in the middle. Each is told within seconds, the watermark stands before it until
// it is accepted, and counting goes on. What was counted before it left is no gap.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GapStage, TOLD_MS } from './gaps-stage.js';
import { type Counter, startCounter, until } from './guarded-ingest.js';
import { heldSessions, holdCommits, setAckWait } from './held-commit.js';

let stage: GapStage;
let counter: Counter;

beforeEach(async () => {
  stage = await GapStage.create();
  counter = await startCounter(stage.site);
  await until('ready', async () => (await counter.readyStatus()) === 200);
});
afterEach(() => stage?.site.close());

/** Stops the process while `act` happens to events that it has not seen. */
async function asleep(act: () => Promise<void>): Promise<void> {
  await stage.site.drained();
  counter.child.kill('SIGSTOP');
  await act();
  counter.child.kill('SIGCONT');
}

/** The gap is told, the watermark stands before `lostAtMs`, and goes on once it is accepted. */
async function expectToldAndAccepted(eventCount: number, lostAtMs: number): Promise<void> {
  await stage.acceptOnce(await stage.expectTold({ counter, eventCount, lostAtMs }));
}

/**
 * Publishes 20, loses up to `lost` of 30 more, and counts 5 after them: every event is counted, or
 * told.
 */
async function loses(lose: () => Promise<unknown>, lost: number): Promise<void> {
  await stage.publish(20);
  let lostAtMs = 0;
  await asleep(async () => {
    lostAtMs = Date.now();
    await stage.publish(30);
    await lose();
    await stage.publish(5);
  });
  const total = async () => ((await stage.counted()) ?? 0) + ((await stage.missing()) ?? 0);
  await until('each is counted or told', async () => (await total()) === 55, TOLD_MS);
  const told = (await stage.missing()) ?? 0;
  // The pull that was waiting when the process fell asleep was sent one event: that one is counted.
  expect([lost - 1, lost]).toContain(told);
  await expectToldAndAccepted(told, lostAtMs);
  expect(await stage.counted()).toBe(56 - told);
}

describe('events that leave the stream before they are counted are told', () => {
  it('after a purge', () => loses(() => stage.purge(), 30));

  it('after a lowered limit', async () => {
    // 10 of 50 stay: the 20 that are counted go first, and 20 that are not.
    await loses(async () => {
      await stage.update({ max_msgs: 10, discard: 'old' });
      await stage.update({ max_msgs: -1, discard: 'new' });
    }, 20);
  });

  it('after max_age', () => loses(() => stage.expire(), 30));

  it('after deletions in the middle of a backlog', async () => {
    await loses(async () => {
      const last = await stage.lastSequence();
      await stage.deleteMessages([last - 12, last - 11, last - 3]);
    }, 3);
  });

  it('across a restart of ingest, and where a process died with a purged batch in its hands', async () => {
    await setAckWait(stage.site, 3_000);
    await stage.publish(3);
    await stage.site.drained();
    const release = await holdCommits(stage.site);
    const lostAtMs = Date.now();
    await stage.publish(4);
    await until('a batch is held', async () => (await heldSessions(stage.site)).length === 1);
    const [session] = await heldSessions(stage.site);
    counter.child.kill('SIGKILL');
    await counter.child.exited;
    await stage.site.database.query('SELECT pg_terminate_backend($1)', [session]);
    await stage.purge();
    await release();
    counter = await startCounter(stage.site);
    await expectToldAndAccepted(4, lostAtMs);
  });

  it('through an upgrade from a ledger without the accounting', async () => {
    await stage.publish(6);
    await stage.site.drained();
    await counter.child.stop();
    // As release 0.1 left it: no account, and progress rows without sequences.
    await stage.site.database.query(
      'DELETE FROM stream_account; UPDATE ingest_progress SET committed = NULL',
    );
    const lostAtMs = Date.now();
    await stage.publish(7);
    await stage.purge();
    counter = await startCounter(stage.site);
    await expectToldAndAccepted(7, lostAtMs);
  });
});

describe('what was counted before it left is no gap', () => {
  it('by retention, by a seek and by copies', async () => {
    await stage.publish(10);
    await stage.site.drained();
    await stage.purge(5);
    await stage.site.ops('--as', 'tester', 'seek', '--to-sequence', '1', '--yes');
    await stage.publish(5);
    await stage.site.drained();
    await stage.purge();
    await stage.afterLooks();
    await stage.untilGoesOn();
    expect(await stage.gaps()).toBe(0);
    expect(await stage.counted()).toBe(15);
    expect(await stage.one('SELECT counted_through::int AS value FROM stream_account')).toBe(15);
  });

  it('and a batch that commits after its events were purged closes its gap', async () => {
    await stage.publish(1);
    await stage.site.drained();
    const release = await holdCommits(stage.site);
    // One: of more, some may not be pulled yet when they are purged.
    await stage.publish(1);
    await until('a batch is held', async () => (await heldSessions(stage.site)).length === 1);
    await stage.purge();
    await release();
    await until('all are counted', async () => (await stage.counted()) === 2);
    await until('no gap is open', async () => (await stage.missing()) === 0);
    await stage.untilGoesOn();
  });
});
