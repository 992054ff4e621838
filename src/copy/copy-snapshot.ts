// Copies what the plan says out of the run's snapshot, then verifies it: every day that was
// touched, and a rotating slice of the others. A day that differs is sent again, whole, once; what
// differs still is for a person to see.
import { COPIED_ROLLUPS, type CopiedRollup, type UtcDay } from '../rollups/copied-rollup.js';
import { type CopiedAmount, type CopyRoute, copyRows } from './copy-rows.js';
import type { Plan } from './plan.js';
import type { CheckpointState } from './postgres/checkpoint.js';
import { changedSlices, everyDay } from './postgres/extract-changes.js';
import type { DaySlice } from './postgres/extract-rows.js';
import type { RunRecord } from './postgres/run-record.js';
import type { RunSnapshot } from './postgres/snapshot.js';
import type { RunEnvironment } from './run-environment.js';
import {
  type DifferentDay,
  daysAfterTheLast,
  differentDays,
  rotatingSlice,
} from './verify-days.js';

/** A run whose plan is made. */
export interface OpenRun {
  readonly environment: RunEnvironment;
  readonly snapshot: RunSnapshot;
  readonly plan: Plan;
  readonly state: CheckpointState;
  readonly runId: string;
  readonly epoch: bigint;
}

/** What was copied, and what of it differs. */
export interface VerifiedCopy {
  readonly record: RunRecord;
  readonly different: readonly DifferentDay[];
  /** Where the rotating slice has come to. */
  readonly verifiedDay: UtcDay | undefined;
}

/** What there is to do for one rollup. */
interface RollupWork {
  readonly rollup: CopiedRollup;
  readonly slices: readonly DaySlice[];
  /** Every day that Postgres retains, ascending. */
  readonly days: readonly UtcDay[];
}

/** Copies and verifies; `begun` comes back with the counts added. */
export async function copyAndVerify(run: OpenRun, begun: RunRecord): Promise<VerifiedCopy> {
  const work = await workOf(run);
  const copied = await copyAll(run, work, begun);
  await run.environment.onStep?.('loaded');
  const verified = await verifyAll(run, work, copied);
  await run.environment.onStep?.('verified');
  return verified;
}

async function workOf({ environment, snapshot, plan }: OpenRun): Promise<readonly RollupWork[]> {
  const { reader } = environment;
  const work: RollupWork[] = [];
  for (const rollup of COPIED_ROLLUPS) {
    const days = await everyDay(reader, rollup, snapshot.generation);
    const slices =
      plan.kind === 'full'
        ? days.map((day) => ({ day, bucketSeconds: undefined }))
        : await changedSlices(reader, rollup, snapshot.generation, plan.since);
    // What retention has dropped since is neither copied nor compared.
    work.push({ rollup, days, slices: slices.filter(({ day }) => day >= (days[0] ?? '')) });
  }
  return work;
}

async function copyAll(
  run: OpenRun,
  work: readonly RollupWork[],
  begun: RunRecord,
): Promise<RunRecord> {
  const { environment } = run;
  const allSlices = work.reduce((sum, { slices }) => sum + slices.length, 0);
  let doneSlices = 0;
  let record = begun;
  const onChunk = async (amount: CopiedAmount): Promise<void> => {
    record = withAmount(record, amount);
    await environment.onStep?.('chunk loaded');
  };
  for (const { rollup, slices } of work) {
    const onSlice = (): void => {
      environment.onProgress?.({ doneSlices, allSlices, rowCount: record.rowsCopied });
      doneSlices++;
    };
    const label = labelOf(run);
    await copyRows(routeOf(run), rollup, label, slices, run.runId, onChunk, onSlice);
  }
  environment.onProgress?.({ doneSlices, allSlices, rowCount: record.rowsCopied });
  return record;
}

async function verifyAll(
  run: OpenRun,
  work: readonly RollupWork[],
  copied: RunRecord,
): Promise<VerifiedCopy> {
  const retained = [...new Set(work.flatMap(({ days }) => days))].sort();
  const rest = rotatingSlice(retained, run.state.verifiedDay, run.environment.sliceDays);
  let record = copied;
  const different: DifferentDay[] = [];
  for (const { rollup, slices, days } of work) {
    const touched = slices.map((slice) => slice.day);
    const toVerify = [...new Set([...touched, ...rest.filter((day) => days.includes(day))])];
    const first = await differentDays(routeOf(run), rollup, labelOf(run), toVerify.sort());
    const again = first.map(({ day }) => ({ day, bucketSeconds: undefined }));
    const scope = `${run.runId}/again`; // the same rows with the first token would be dropped
    const amount = await copyRows(routeOf(run), rollup, labelOf(run), again, scope);
    const days2 = first.map(({ day }) => day);
    const still = [
      ...(await differentDays(routeOf(run), rollup, labelOf(run), days2)),
      ...(await daysAfterTheLast(routeOf(run), rollup, labelOf(run), days)),
    ];
    different.push(...still);
    record = {
      ...withAmount(record, amount),
      daysVerified: record.daysVerified + toVerify.length,
      daysResent: record.daysResent + first.length,
      daysDifferent: record.daysDifferent + still.length,
    };
  }
  return { record, different, verifiedDay: rest.at(-1) };
}

function labelOf({ snapshot, plan }: OpenRun): { generation: number; copy: bigint } {
  return { generation: snapshot.generation, copy: plan.copy };
}

function routeOf({ environment }: OpenRun): CopyRoute {
  const { reader: postgres, clickhouse, target, chunkBytes } = environment;
  return { postgres, clickhouse, target, chunkBytes };
}

function withAmount(record: RunRecord, { rowCount, byteCount }: CopiedAmount): RunRecord {
  return {
    ...record,
    rowsCopied: record.rowsCopied + rowCount,
    bytesCopied: record.bytesCopied + byteCount,
  };
}
