import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectWarehouse } from '../../../src/copy/clickhouse/connect.js';
import { loadChunk } from '../../../src/copy/clickhouse/load.js';
import { COPIED_ROLLUPS, type CopiedRollup } from '../../../src/rollups/copied-rollup.js';
import { createClickHouse, createDatabase } from '../../support/engines.js';
import { openStage, type Stage } from './stage.js';

let stage: Stage;
const throughput = COPIED_ROLLUPS.at(-1) as CopiedRollup;

beforeAll(async () => {
  stage = await openStage(await createDatabase(), createClickHouse());
  await stage.run();
});
afterAll(() => stage.close());

/** Copy 77 is read by no view. */
function chunk(...accepted: number[]) {
  const lines = accepted.map(
    (count, minute) => `1\t77\t${1_800_000_000 + 60 * minute}\t41220\t${count}\t0\t1\n`,
  );
  return { bytes: Buffer.from(lines.join('')), rowCount: accepted.length };
}

const storedRows = () =>
  stage.ask('SELECT accepted FROM DB.throughput_copy WHERE copy = 77 ORDER BY accepted');

test('a repeated sending is recognised; other rows under the same scope are not mistaken for it', async () => {
  const { target } = stage.ends;
  await loadChunk(stage.clickhouse, target, throughput, chunk(1, 2), 'run-1');
  await loadChunk(stage.clickhouse, target, throughput, chunk(1, 2), 'run-1');
  expect(await storedRows()).toEqual([['1'], ['2']]); // without FINAL: the second was not stored
  await loadChunk(stage.clickhouse, target, throughput, chunk(3, 4), 'run-1');
  expect(await storedRows()).toEqual([['1'], ['2'], ['3'], ['4']]);
});

test('a day that is sent again is stored even though its rows are those of before', async () => {
  const { target } = stage.ends;
  await stage.clickhouse.command({
    query: `ALTER TABLE ${target.database}.throughput_copy DELETE WHERE copy = 77`,
    clickhouse_settings: { mutations_sync: '2' },
  });
  await loadChunk(stage.clickhouse, target, throughput, chunk(1, 2), 'run-1/again');
  expect(await storedRows()).toEqual([['1'], ['2']]);
});

test('compressed requests arrive as they were sent', async () => {
  const client = connectWarehouse({ ...stage.ends.warehouse, compressRequests: true });
  await loadChunk(client, stage.ends.target, throughput, chunk(5, 6, 7), 'run-2');
  await client.close();
  expect((await storedRows()).flat()).toEqual(expect.arrayContaining(['5', '6', '7']));
});
