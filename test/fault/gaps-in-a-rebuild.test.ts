// A gap belongs to one generation. While a rebuild fills another one, events that leave the stream
// before one of the two has counted them are a gap of that one alone: its watermark stands, the
// other's goes on, and each is accepted for itself.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GapStage, TOLD_MS } from './gaps-stage.js';
import { type Counter, startCounter, until } from './guarded-ingest.js';
import { asOps } from './held-commit.js';

const SERVING = 1;
const BUILDING = 2;

let stage: GapStage;
let counters: Record<typeof SERVING | typeof BUILDING, Counter>;

beforeEach(async () => {
  stage = await GapStage.create();
  const serving = await startCounter(stage.site);
  await stage.publish(10);
  await until('all are counted', async () => (await stage.counted(SERVING)) === 10);
  await stage.untilGoesOn(SERVING);
  await stage.site.ops('--as', 'tester', 'rebuild', 'start', '--yes');
  const building = await startCounter(stage.site, {}, ['--generation', String(BUILDING)]);
  counters = { [SERVING]: serving, [BUILDING]: building };
  await stage.untilGoesOn(BUILDING);
});
afterEach(() => stage?.site.close());

const DURABLES = { [SERVING]: 'analytics-rollup', [BUILDING]: 'analytics-rollup-g2' };
type Either = typeof SERVING | typeof BUILDING;

/** Resolves when the durable of a generation has nothing pending and nothing unacknowledged. */
async function drained(generation: Either): Promise<void> {
  await until(`generation ${generation} is drained`, async () => {
    const info = await asOps(stage.site, ({ consumers }) =>
      consumers.info('SMS_EVENTS', DURABLES[generation]),
    );
    return info.num_pending === 0 && info.num_ack_pending === 0;
  });
}

/**
 * Publishes ten that the sleepers do not count before they leave the stream; resolves when all
 * generations are awake again, and each sleeper has counted or missed its ten.
 */
async function lose(...sleepers: Either[]): Promise<number> {
  const before = (await stage.counted(SERVING)) ?? 0;
  for (const generation of sleepers) await drained(generation);
  for (const generation of sleepers) counters[generation].child.kill('SIGSTOP');
  const lostAtMs = Date.now();
  await stage.publish(10);
  for (const generation of [SERVING, BUILDING] as const) {
    if (!sleepers.includes(generation)) {
      const all = async () => (await stage.counted(generation)) === before + 10;
      await until(`generation ${generation} counts all`, all);
      await drained(generation);
    }
  }
  await stage.purge();
  for (const generation of sleepers) counters[generation].child.kill('SIGCONT');
  for (const generation of sleepers) {
    const settled = async () =>
      ((await stage.counted(generation)) ?? 0) + ((await stage.missing(generation)) ?? 0);
    await until('each is counted or told', async () => (await settled()) === before + 10, TOLD_MS);
    // The pull that was waiting when the process fell asleep was sent one event.
    expect([9, 10]).toContain(await stage.missing(generation));
  }
  return lostAtMs;
}

async function expectTold(generation: Either, lostAtMs: number): Promise<string> {
  const eventCount = (await stage.missing(generation)) ?? 0;
  return stage.expectTold({ counter: counters[generation], eventCount, lostAtMs, generation });
}

async function expectNothingTold(generation: Either): Promise<void> {
  await stage.afterLooks(generation);
  await stage.untilGoesOn(generation);
  expect(await stage.gaps(generation)).toBe(0);
  expect(await counters[generation].metric('sms_analytics_gap_events')).toBe(0);
  expect(counters[generation].log()).not.toContain('events left the stream');
}

const swap = () =>
  stage.site.ops(...['--as', 'tester', 'rebuild', 'swap', '--accept-differences', '--yes']);

describe('during a rebuild, a gap', () => {
  it('of the building generation is its own, and is accepted before it serves', async () => {
    const lostAtMs = await lose(BUILDING);
    const gapId = await expectTold(BUILDING, lostAtMs);
    await expectNothingTold(SERVING);
    const waiting = ['rebuild', 'swap', '--accept-differences', '--wait-seconds', '1', '--yes'];
    await expect(stage.site.ops(...waiting)).rejects.toThrow(/Generation 2 has counted up to/);
    await stage.acceptOnce(gapId, BUILDING);
    await expectNothingTold(SERVING);
    await swap();
    await stage.untilGoesOn(BUILDING);
  });

  it('of the serving generation is its own, and the one that counted all can serve', async () => {
    const lostAtMs = await lose(SERVING);
    const gapId = await expectTold(SERVING, lostAtMs);
    await expectNothingTold(BUILDING);
    await stage.acceptOnce(gapId, SERVING);
    await expectNothingTold(BUILDING);
    await swap();
    await stage.untilGoesOn(BUILDING);
    expect(await stage.counted(BUILDING)).toBe(21);
  });

  it('of both is told of each, and accepted for each', async () => {
    const lostAtMs = await lose(SERVING, BUILDING);
    const ofServing = await expectTold(SERVING, lostAtMs);
    const ofBuilding = await expectTold(BUILDING, lostAtMs);
    expect(ofServing).not.toBe(ofBuilding);
    await stage.acceptOnce(ofServing, SERVING);
    await stage.afterLooks(BUILDING);
    expect(await stage.dataAsOfMs(BUILDING)).toBeLessThanOrEqual(lostAtMs);
    await stage.acceptOnce(ofBuilding, BUILDING);
  });
});
