// `anlyt-etl verify`: compares every day that both sides retain, and changes nothing. What changed
// in Postgres since the last run cannot be in ClickHouse yet: those buckets are left out, and
// counted. Which copy and as of when is what the newest mark says, since that is what views read.
import { COPIED_ROLLUPS } from '../rollups/copied-rollup.js';
import type { DdlTarget } from './clickhouse/ddl.js';
import { newestMark } from './clickhouse/marks.js';
import { checkSchema } from './clickhouse/schema-check.js';
import type { CopyRoute } from './copy-rows.js';
import { readCheckpoint } from './postgres/checkpoint.js';
import { changedSlices, everyDay } from './postgres/extract-changes.js';
import { releaseRunnerLock, tryRunnerLock } from './postgres/fence.js';
import { beginSnapshot, endSnapshot } from './postgres/snapshot.js';
import type { Sessions } from './sessions.js';
import { type DifferentDay, daysAfterTheLast, differentDays } from './verify-days.js';

/** What was compared. */
export interface Verification {
  readonly outcome:
    | 'busy'
    | 'nothing copied yet'
    /** Postgres remembers a copy, ClickHouse has no mark of one. */
    | 'emptied'
    /** The copy is of a generation that serves no more. */
    | 'superseded'
    | 'compared';
  readonly dayCount: number;
  /** Changed since the last run, hence not compared. */
  readonly leftOutBuckets: number;
  readonly different: readonly DifferentDay[];
}

const nothing = { dayCount: 0, leftOutBuckets: 0, different: [] };

/** Compares; a runner at work would move the ground, so it is kept out meanwhile. */
export async function verifyEverything(open: Sessions, target: DdlTarget): Promise<Verification> {
  if (!(await tryRunnerLock(open.fence))) return { outcome: 'busy', ...nothing };
  try {
    return await compareAll(open, target);
  } finally {
    await releaseRunnerLock(open.fence).catch(() => {});
  }
}

async function compareAll(open: Sessions, target: DdlTarget): Promise<Verification> {
  await checkSchema(open.clickhouse, target);
  const { checkpoint } = await readCheckpoint(open.fence);
  const mark = await newestMark(open.clickhouse, target);
  if (mark === undefined) {
    return { outcome: checkpoint === undefined ? 'nothing copied yet' : 'emptied', ...nothing };
  }
  const serving = await beginSnapshot(open.reader);
  const { generation, copy } = mark;
  if (serving.generation !== generation) return { outcome: 'superseded', ...nothing };
  const label = { generation, copy };
  const { reader: postgres, clickhouse } = open;
  const route: CopyRoute = { postgres, clickhouse, target, chunkBytes: 0 };
  const different: DifferentDay[] = [];
  let dayCount = 0;
  let leftOutBuckets = 0;
  for (const rollup of COPIED_ROLLUPS) {
    const days = await everyDay(postgres, rollup, generation);
    const changed = await changedSlices(postgres, rollup, generation, mark.snapshot);
    const changedDays = new Set(changed.map(({ day }) => day));
    const unchanged = days.filter((day) => !changedDays.has(day));
    different.push(...(await differentDays(route, rollup, label, unchanged)));
    for (const { day, bucketSeconds } of changed) {
      different.push(...(await differentDays(route, rollup, label, [day], bucketSeconds)));
      leftOutBuckets += bucketSeconds?.length ?? 0;
    }
    different.push(...(await daysAfterTheLast(route, rollup, label, days)));
    dayCount += days.length;
  }
  await endSnapshot(postgres);
  return { outcome: 'compared', dayCount, leftOutBuckets, different };
}
