// Load, faults, and the truth at the end: events are published all the while, shuffled and copied;
// the faults of the schedule happen to the real processes; when all is quiet again the rollups are
// held against the oracle, which knows nothing but what the stream holds and what was taken from
// it.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Stored } from '../../oracle/judge.js';
import { startPostgres } from '../../support/engines.js';
import { createSite } from '../../support/site.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { shortenAckWait } from './broker.js';
import { startCuttingProxy } from './cutting-proxy.js';
import { inject } from './inject.js';
import { startLoad } from './load.js';
import { type Step, scheduleOf } from './schedule.js';
import type { Stage } from './stage.js';
import { type Verdict, verdict } from './verdict.js';
import { Workers } from './workers.js';

export interface SoakOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Told what happens. */
  readonly say: (line: string) => void;
}

export interface SoakResult extends Verdict {
  readonly faults: number;
  /** Acknowledged by the broker, copies included. */
  readonly published: number;
  /** Ingest processes that ended without having been told to. */
  readonly gaveUp: readonly string[];
}

/**
 * Runs the schedule of the seed against engines of its own. Rejects where it does not come to rest.
 */
export async function runSoak({ seed, seconds, say }: SoakOptions): Promise<SoakResult> {
  const postgres = await startPostgres();
  const site = await createSite({ database: postgres });
  await shortenAckWait(site);
  const proxy = await startCuttingProxy(postgres.port);
  const viaProxy = proxy.through(postgres.url('analytics_ingest'));
  const workers = new Workers(site, { DATABASE_URL: viaProxy, BATCH_SIZE: '200' });
  const stage: Stage = {
    ...{ site, postgres, proxy, workers, say },
    load: await startLoad(site, seed, seconds),
    copies: await temporaryDirectory('copies'),
    removed: [] as Stored[],
    mismatches: [],
    rebuilding: Promise.resolve(),
  };
  await Promise.all([workers.more(), workers.more()]);
  try {
    const faults = await injectAll(stage, scheduleOf(seed, seconds * 1000));
    await stage.rebuilding;
    const published = await stage.load.end();
    say(`quiet after ${faults} faults and ${published} events; waiting for the durable`);
    const last = await verdict(stage);
    const mismatches = [...stage.mismatches, ...last.mismatches];
    return { ...last, faults, published, mismatches, gaveUp: workers.gaveUp };
  } finally {
    await workers.end();
    await proxy.close();
    await site.close();
    await postgres.stop();
  }
}

/** Between two faults even where the schedule is late. */
const BREATH_MS = 300;

async function injectAll(stage: Stage, steps: readonly Step[]): Promise<number> {
  const began = Date.now();
  for (const { atMs, fault, draw } of steps) {
    await sleep(Math.max(BREATH_MS, began + atMs - Date.now()));
    stage.say(`${((Date.now() - began) / 1000).toFixed(1)} s  ${fault}`);
    await inject(stage, fault, draw);
  }
  return steps.length;
}
