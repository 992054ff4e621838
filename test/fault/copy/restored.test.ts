// One side goes back in time: ClickHouse to an older copy of its directory, Postgres to an older
// copy of its database. Transaction ids, versions and marks of the lost time are then in the other
// side only, and must not win.

import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startClickHouse as startEngine } from '../../../deploy/local/engines/clickhouse/clickhouse.js';
import { freePorts } from '../../../deploy/local/engines/ports.js';
import { manyChanges, openStage } from '../../integration/copy/stage.js';
import { createClickHouse, createDatabase, type TestDatabase } from '../../support/engines.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

let directory: string;
beforeAll(async () => {
  directory = await temporaryDirectory('restored');
});

test('ClickHouse rolled back to an older directory is filled anew', async () => {
  const [port = 0] = await freePorts(1);
  const dataDir = join(directory, 'data');
  const launch = () => startEngine({ port, dataDir, logFile: join(directory, 'clickhouse.log') });
  let engine = await launch();
  const own = { url: `http://127.0.0.1:${port}`, database: 'rolled_back' };
  const stage = await openStage(await createDatabase(), own);
  await stage.change(manyChanges(200));
  await stage.run();

  await engine.stop();
  await cp(dataDir, join(directory, 'yesterday'), { recursive: true });
  engine = await launch();
  await stage.change(manyChanges(100, 2));
  await stage.run();
  await stage.change(manyChanges(30, 3));
  await stage.run();
  await stage.expectEqualSides();

  await engine.stop();
  await rm(dataDir, { recursive: true });
  await cp(join(directory, 'yesterday'), dataDir, { recursive: true });
  engine = await launch();
  await stage.change(manyChanges(10, 4));
  expect(await stage.run()).toMatchObject({
    outcome: 'copied',
    record: { kind: 'full', cause: 'ClickHouse was restored' },
  });
  await stage.expectEqualSides();

  await engine.stop();
  await rm(dataDir, { recursive: true });
  engine = await launch();
  expect(await stage.run()).toMatchObject({
    outcome: 'copied',
    record: { kind: 'full', cause: 'ClickHouse was emptied' },
  });
  await stage.expectEqualSides();
  await stage.close();
  await engine.stop();
});

test('Postgres rolled back to an older copy: what it never saw does not win', async () => {
  const today = await createDatabase();
  const warehouse = createClickHouse();
  const first = await openStage(today, warehouse);
  await first.change(manyChanges(200));
  await first.run();
  await first.close();
  const yesterday = await cloneOf(today);

  const lost = await openStage(today, warehouse);
  await lost.change(manyChanges(100, 2)); // versions that the restored side will reach again, with other content
  await lost.run();
  await lost.close();

  const restored = await openStage(yesterday, warehouse);
  await restored.change(manyChanges(80, 6));
  expect(await restored.run()).toMatchObject({
    outcome: 'copied',
    record: { kind: 'full', cause: 'Postgres was restored' },
  });
  await restored.expectEqualSides();
  await restored.change(manyChanges(5, 7));
  expect(await restored.run()).toMatchObject({ outcome: 'copied', record: { kind: 'changes' } });
  await restored.expectEqualSides();
  await restored.close();
});

/**
 * A second database with the same content, as a restored backup would be. Nobody may be connected
 * to the first.
 */
async function cloneOf(database: TestDatabase): Promise<TestDatabase> {
  const { superuserUrl } = await createDatabase();
  const source = new URL(database.superuserUrl).pathname.slice(1);
  const admin = new pg.Client({ connectionString: superuserUrl });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${source}_clone TEMPLATE ${source}`);
  await admin.end();
  const moved = (text: string): string => {
    const url = new URL(text);
    url.pathname = `/${source}_clone`;
    return url.href;
  };
  return { superuserUrl: moved(superuserUrl), url: (role) => moved(database.url(role)) };
}

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});
