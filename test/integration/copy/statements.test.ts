// The statements of the copy, as text and run: what is sent to Postgres is reviewed in
// statements.sql, and a real database accepts each.

import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as checkpoint from '../../../src/copy/postgres/checkpoint.js';
import * as changes from '../../../src/copy/postgres/extract-changes.js';
import { extractFingerprints } from '../../../src/copy/postgres/extract-fingerprints.js';
import { extractRows } from '../../../src/copy/postgres/extract-rows.js';
import * as fence from '../../../src/copy/postgres/fence.js';
import * as record from '../../../src/copy/postgres/run-record.js';
import { readCopyLag } from '../../../src/copy/postgres/select-copy-lag.js';
import { beginSnapshot, endSnapshot } from '../../../src/copy/postgres/snapshot.js';
import { COPIED_ROLLUPS, type CopiedRollup } from '../../../src/rollups/copied-rollup.js';
import { createDatabase } from '../../support/engines.js';
import { recordStatements, sqlFile } from '../../support/recorded-statements.js';

const RUN_ID = '0193a5f2-7c1e-7d3a-9b4c-5e6f70819203';

let pool: pg.Pool;
beforeAll(async () => {
  const database = await createDatabase();
  pool = new pg.Pool({ connectionString: database.url('analytics_etl'), max: 1 });
});
afterAll(() => pool?.end());

it('are these, and Postgres accepts each', async () => {
  const ran = recordStatements(pool);
  const client = await pool.connect();
  const rollup = COPIED_ROLLUPS[0] as CopiedRollup;
  const label = { generation: 1, copy: 1n };
  const rows = async (bucketSeconds: number[] | undefined) => {
    const slice = { day: '2026-01-01', bucketSeconds };
    for await (const lines of extractRows(client, rollup, label, slice, 1_000)) {
      expect(lines.rowCount).toBe(0);
    }
  };
  const start = {
    tryRunnerLock: await ran(() => fence.tryRunnerLock(client)),
    beginRun: await ran(() => fence.beginRun(client, RUN_ID)),
    raiseEpoch: await ran(() => fence.raiseEpoch(client, RUN_ID, 1n, 4n)),
    confirmEpoch: await ran(() => fence.confirmEpoch(client, 5n)),
    readCheckpoint: await ran(() => checkpoint.readCheckpoint(client)),
    isKnownRun: await ran(async () => {
      expect(await checkpoint.isKnownRun(client, RUN_ID)).toBe(true);
    }),
    setPendingCopy: await ran(() => checkpoint.setPendingCopy(client, 5n, label)),
  };
  let snapshot = '';
  const read = {
    beginSnapshot: await ran(async () => {
      snapshot = (await beginSnapshot(client)).snapshot;
    }),
    changedSlices: await ran(() => changes.changedSlices(client, rollup, 1, snapshot)),
    hasUnchangedRows: await ran(() => changes.hasUnchangedRows(client, rollup, 1, snapshot)),
    everyDay: await ran(() => changes.everyDay(client, rollup, 1)),
    extractRows: await ran(() => rows(undefined)),
    'extractRows of some buckets': await ran(() => rows([0])),
    extractFingerprints: await ran(() => extractFingerprints(client, rollup, 1, ['2026-01-01'])),
  };
  await endSnapshot(client);
  const run = { ...label, runId: RUN_ID, dataAsOf: null };
  const end = {
    writeCheckpoint: await ran(() =>
      checkpoint.writeCheckpoint(client, {
        ...run,
        epoch: 5n,
        snapshot,
        systemIdentifier: '1',
        verifiedDay: undefined,
      }),
    ),
    pruneChanges: await ran(() => changes.pruneChanges(client, snapshot)),
    recordRun: await ran(() =>
      record.recordRun(client, {
        ...run,
        outcome: 'copied',
        kind: 'full',
        cause: 'x',
        rowsCopied: 0,
        bytesCopied: 0,
        daysVerified: 0,
        daysResent: 0,
        daysDifferent: 0,
        changesPruned: 0,
        failure: '',
      }),
    ),
    forgetOldRuns: await ran(() => record.forgetOldRuns(client)),
    readCopyLag: await ran(() => readCopyLag(client)),
    releaseRunnerLock: await ran(() => fence.releaseRunnerLock(client)),
  };
  client.release();
  const statements = { ...start, ...read, ...end };
  for (const [name, texts] of Object.entries(statements)) expect(texts, name).not.toEqual([]);
  await expect(sqlFile(statements)).toMatchFileSnapshot('statements.sql');
});
