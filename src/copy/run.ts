// One run: fence, snapshot, extract, load, verify, mark, checkpoint, prune. It may be cut off
// between any two of these: until the checkpoint is written, the next run finds the same difference
// again, and sending a row twice changes nothing. A copy is marked only after it was verified, and
// views read nothing that is not marked.
import { randomUUID } from 'node:crypto';
import { COPIED_ROLLUPS, type UtcDay } from '../rollups/copied-rollup.js';
import { greatestCopy, hasRowsOf, type Mark, newestMark, writeMark } from './clickhouse/marks.js';
import { checkSchema } from './clickhouse/schema-check.js';
import { copyAndVerify, type OpenRun } from './copy-snapshot.js';
import { planRun } from './plan.js';
import {
  isKnownRun,
  readCheckpoint,
  setPendingCopy,
  writeCheckpoint,
} from './postgres/checkpoint.js';
import { hasUnchangedRows, pruneChanges } from './postgres/extract-changes.js';
import {
  beginRun,
  confirmEpoch,
  raiseEpoch,
  releaseRunnerLock,
  tryRunnerLock,
} from './postgres/fence.js';
import { forgetOldRuns, type RunRecord, recordRun } from './postgres/run-record.js';
import { beginSnapshot, endSnapshot } from './postgres/snapshot.js';
import type { RunEnvironment } from './run-environment.js';
import { ensureMigrated } from './sessions.js';
import type { DifferentDay } from './verify-days.js';

/** How a run ended, where it could end at all; everything else is thrown. */
export type RunResult =
  | { readonly outcome: 'busy' }
  | { readonly outcome: 'copied'; readonly record: RunRecord }
  | {
      readonly outcome: 'mismatch';
      readonly record: RunRecord;
      readonly days: readonly DifferentDay[];
    };

/** Runs once. Failures are recorded in Postgres where that still works, then thrown. */
export async function runOnce(environment: RunEnvironment): Promise<RunResult> {
  const { fence } = environment;
  if (!(await tryRunnerLock(fence))) return { outcome: 'busy' };
  try {
    return await fencedRun(environment);
  } finally {
    await releaseRunnerLock(fence).catch(() => {}); // a lost session has lost its lock already
  }
}

async function fencedRun(environment: RunEnvironment): Promise<RunResult> {
  const { fence, reader } = environment;
  const state = await readCheckpoint(fence);
  const runId = randomUUID();
  // Before ClickHouse is asked anything: its absence is recorded, too.
  const begun = await beginRun(fence, runId);
  let record: RunRecord = { ...emptyRecord, runId };
  try {
    const { mark, atLeast } = await findCopies(environment);
    const markIsKnown = mark !== undefined && (await isKnownRun(fence, mark.runId));
    const epoch = await raiseEpoch(fence, runId, begun.epoch, atLeast);
    await environment.onStep?.('fenced');
    const snapshot = await beginSnapshot(reader);
    await environment.onStep?.('snapshot taken');
    const plan = planRun({
      state,
      snapshot,
      mark,
      markIsKnown,
      tableIsLost: await tableIsLost(environment, mark, snapshot.generation),
      fullAskedFor: environment.full,
      epoch,
    });
    const { generation, dataAsOf } = snapshot;
    const cause = plan.kind === 'full' ? plan.cause : '';
    record = { ...record, kind: plan.kind, cause, generation, copy: plan.copy, dataAsOf };
    if (plan.kind === 'full') await setPendingCopy(fence, epoch, { generation, copy: plan.copy });
    const run: OpenRun = { environment, snapshot, plan, state, runId, epoch };
    const { record: copied, different, verifiedDay } = await copyAndVerify(run, record);
    record = copied;
    await endSnapshot(reader);
    if (different.length > 0) {
      record = { ...record, outcome: 'mismatch' };
      await recordRun(fence, record);
      return { outcome: 'mismatch', record, days: different };
    }
    record = { ...record, changesPruned: await complete(run, verifiedDay), outcome: 'copied' };
    await recordRun(fence, record);
    return { outcome: 'copied', record };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    await recordRun(fence, { ...record, outcome: 'failed', failure }).catch(() => {});
    throw error;
  }
}

/** Tables as this build expects them, the newest mark in them, and what a new epoch must exceed. */
async function findCopies({
  clickhouse,
  target,
}: RunEnvironment): Promise<{ mark: Mark | undefined; atLeast: bigint }> {
  await ensureMigrated(clickhouse, target);
  await checkSchema(clickhouse, target);
  const mark = await newestMark(clickhouse, target);
  const highestCopy = await greatestCopy(clickhouse, target);
  return {
    mark,
    atLeast: mark !== undefined && mark.epoch > highestCopy ? mark.epoch : highestCopy,
  };
}

/** A table that was emptied or made anew is found before its days are looked at one by one. */
async function tableIsLost(
  { reader, clickhouse, target }: RunEnvironment,
  mark: Mark | undefined,
  generation: number,
): Promise<boolean> {
  if (mark?.generation !== generation) return false;
  for (const rollup of COPIED_ROLLUPS) {
    if (await hasRowsOf(clickhouse, target, rollup, mark)) continue;
    if (await hasUnchangedRows(reader, rollup, generation, mark.snapshot)) return true;
  }
  return false;
}

const emptyRecord: Omit<RunRecord, 'runId'> = {
  outcome: 'failed',
  kind: undefined,
  cause: '',
  generation: undefined,
  copy: undefined,
  dataAsOf: null,
  rowsCopied: 0,
  bytesCopied: 0,
  daysVerified: 0,
  daysResent: 0,
  daysDifferent: 0,
  changesPruned: 0,
  failure: '',
};

/** Mark, checkpoint, prune. Returns how many rows of the change log went. */
async function complete(run: OpenRun, verifiedDay: UtcDay | undefined): Promise<number> {
  const { environment, snapshot, plan, runId, epoch } = run;
  const { fence, clickhouse, target, settlingSeconds, onStep } = environment;
  const { generation, dataAsOf, revision, systemIdentifier } = snapshot;
  const { copy } = plan;
  await confirmEpoch(fence, epoch);
  await writeMark(clickhouse, target, {
    generation,
    copy,
    epoch,
    runId,
    snapshot: snapshot.snapshot,
    dataAsOf,
    settlingSeconds,
    revision,
  });
  await onStep?.('marked');
  await writeCheckpoint(fence, {
    epoch,
    runId,
    generation,
    copy,
    snapshot: snapshot.snapshot,
    systemIdentifier,
    dataAsOf,
    verifiedDay,
  });
  await onStep?.('checkpointed');
  const pruned = await pruneChanges(fence, snapshot.snapshot);
  await forgetOldRuns(fence);
  await onStep?.('pruned');
  return pruned;
}
