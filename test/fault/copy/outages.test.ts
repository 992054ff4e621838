// ClickHouse away, slow or full, Postgres away, tables that have drifted: each ends with an error
// that says what to do and an exit code of its own, nothing is lost, and the next run continues.

import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectWarehouse } from '../../../src/copy/clickhouse/connect.js';
import { newestMark } from '../../../src/copy/clickhouse/marks.js';
import { canPass, EXIT, exitCodeOf } from '../../../src/copy/exit-code.js';
import { withSessions } from '../../../src/copy/sessions.js';
import { anlytEtl, environmentOf } from '../../integration/copy/command.js';
import { manyChanges, openStage, type Stage } from '../../integration/copy/stage.js';
import { createClickHouse, createDatabase, startClickHouse } from '../../support/engines.js';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage(await createDatabase(), createClickHouse());
  await stage.change(manyChanges(60));
  await stage.run();
});
afterAll(() => stage.close());

async function failureOf(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => expect.unreachable('it succeeded'),
    (error: Error) => error,
  );
}

test('ClickHouse away: unavailable, and the next run copies what was left', async () => {
  const warehouse = await startClickHouse();
  const own = await openStage(await createDatabase(), warehouse);
  await own.change(manyChanges(40));
  await own.run();
  await own.change(manyChanges(20, 2));
  await warehouse.kill();
  const failure = await failureOf(own.run());
  expect(exitCodeOf(failure)).toBe(EXIT.unavailable);
  expect(failure.message).toMatch(/cannot be reached .* the next run continues/);
  await warehouse.start();
  expect(await own.run()).toMatchObject({ outcome: 'copied', record: { kind: 'changes' } });
  await own.expectEqualSides();

  await own.change(manyChanges(20, 3));
  const midway = await failureOf(
    own.run({ onStep: (step) => (step === 'snapshot taken' ? warehouse.kill() : undefined) }),
  );
  expect(exitCodeOf(midway)).toBe(EXIT.unavailable);
  expect(await own.sql(`SELECT outcome FROM etl_run ORDER BY epoch DESC LIMIT 1`)).toEqual([
    ['failed'],
  ]);
  await warehouse.start();
  await own.run();
  await own.expectEqualSides();
  await own.close();
  await warehouse.stop();
});

test('ClickHouse away from the first request on is recorded as a failed run', async () => {
  const away = { ...environmentOf(stage.ends), CLICKHOUSE_URL: 'http://127.0.0.1:9' };
  const lastRun = `SELECT outcome, failure LIKE '%cannot be reached%', finished_at IS NOT NULL
                     FROM etl_run ORDER BY epoch DESC LIMIT 1`;
  const [[before] = []] = await stage.sql('SELECT count(*)::text FROM etl_run');
  expect(await anlytEtl([], away)).toMatchObject({ code: EXIT.unavailable });
  expect(await stage.sql(lastRun)).toEqual([['failed', true, true]]);
  expect(await stage.sql('SELECT last_outcome FROM etl_lag')).toEqual([['failed']]);
  expect(await stage.sql('SELECT count(*)::text FROM etl_run')).toEqual([
    [String(Number(before) + 1)],
  ]);
  expect(await stage.run()).toMatchObject({ outcome: 'copied', record: { kind: 'changes' } });
  expect(await stage.sql('SELECT last_outcome FROM etl_lag')).toEqual([['copied']]);
});

/** A server that answers as `listener` says, in ClickHouse's place. */
async function inItsPlace(listener: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

test('ClickHouse that does not answer in time is unavailable', async () => {
  const { url, server } = await inItsPlace(() => {});
  const client = connectWarehouse({ url, username: 'etl', password: '', requestTimeoutMs: 200 });
  const failure = await failureOf(newestMark(client, stage.ends.target));
  expect(exitCodeOf(failure)).toBe(EXIT.unavailable);
  await client.close();
  server.closeAllConnections();
  server.close();
});

test.each([
  [502, '<html><body><h1>502 Bad Gateway</h1></body></html>'],
  [503, 'upstream connect error or disconnect/reset before headers'],
  [504, ''],
  [429, 'Too Many Requests'],
])('a proxy that answers %i in its place is an outage', async (status, body) => {
  const { url, server } = await inItsPlace((_, response) => {
    response.writeHead(status, { 'Content-Type': 'text/html' });
    response.end(body);
  });
  const client = connectWarehouse({ url, username: 'etl', password: '' });
  const failure = await failureOf(newestMark(client, stage.ends.target));
  expect(exitCodeOf(failure)).toBe(EXIT.unavailable);
  expect(failure.message).toMatch(/an answer that is not ClickHouse's/);
  expect(canPass(failure)).toBe(true); // what --loop asks
  await client.close();
  server.close();
});

test.each([
  [75, 'CANNOT_WRITE_TO_FILE_DESCRIPTOR', EXIT.unavailable, /make room/],
  [173, 'CANNOT_ALLOCATE_MEMORY', EXIT.unavailable, /make room/],
  [243, 'NOT_ENOUGH_SPACE', EXIT.unavailable, /make room/],
  [252, 'TOO_MANY_PARTS', EXIT.unavailable, /make room/],
  [516, 'AUTHENTICATION_FAILED', EXIT.refused, /grants\.sql/],
  [497, 'ACCESS_DENIED', EXIT.refused, /grants\.sql/],
  [60, 'UNKNOWN_TABLE', EXIT.schema, /anlyt-etl migrate/],
  [49, 'LOGICAL_ERROR', EXIT.unexpected, /answered with an error/],
])('code %i (%s) of ClickHouse ends with exit code %i', async (code, type, exit, message) => {
  const { url, server } = await inItsPlace((_, response) => {
    response.writeHead(500, { 'X-ClickHouse-Exception-Code': String(code) });
    response.end(`Code: ${code}. DB::Exception: Anything at all. (${type}) (version 26.7)\n`);
  });
  const client = connectWarehouse({ url, username: 'etl', password: '' });
  const failure = await failureOf(newestMark(client, stage.ends.target));
  expect(failure.message).toMatch(message);
  expect(exitCodeOf(failure)).toBe(exit);
  await client.close();
  server.close();
});

test('a missing column is told before a row is sent, and copying goes on once it is back', async () => {
  const { database } = stage.ends.target;
  await stage.change(manyChanges(10, 8));
  await stage.clickhouse.command({
    query: `ALTER TABLE ${database}.latency_copy DROP COLUMN messages`,
  });
  const failure = await failureOf(stage.run());
  expect(exitCodeOf(failure)).toBe(EXIT.schema);
  expect(failure.message).toContain('latency_copy.messages is missing, must be Int64');
  expect(failure.message).toContain('anlyt-etl run --full');
  await stage.clickhouse.command({
    query: `ALTER TABLE ${database}.latency_copy ADD COLUMN messages Int64`,
  });
  expect(await stage.run({ full: true })).toMatchObject({ outcome: 'copied' });
  await stage.expectEqualSides();
});

test('a column that Postgres lacks is told as drift, and copying goes on once it is back', async () => {
  await stage.change(manyChanges(10, 9));
  await stage.sql('ALTER TABLE money_account RENAME COLUMN refunded TO given_back');
  const failure = await failureOf(stage.run());
  expect(exitCodeOf(failure)).toBe(EXIT.schema);
  expect(failure.message).toMatch(/ops migrate/);
  await stage.sql('ALTER TABLE money_account RENAME COLUMN given_back TO refunded');
  await stage.run();
  await stage.expectEqualSides();
});

test('Postgres away, or a wrong password', async () => {
  const away = { ...stage.ends, databaseUrl: 'postgresql://analytics_etl:x@127.0.0.1:1/none' };
  expect(exitCodeOf(await failureOf(withSessions(away, async () => {})))).toBe(EXIT.unavailable);
  const wrong = new URL(stage.ends.databaseUrl);
  wrong.password = 'wrong';
  const refused = await failureOf(
    withSessions({ ...stage.ends, databaseUrl: wrong.href }, async () => {}),
  );
  expect(exitCodeOf(refused)).toBe(EXIT.refused);
});

test('Postgres that goes away in the middle of a run is unavailable, and the next run continues', async () => {
  await stage.change(manyChanges(10, 10));
  const failure = await failureOf(
    stage.run({
      onStep: async (step) => {
        if (step !== 'snapshot taken') return;
        await stage.sql(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name LIKE 'anlyt-etl %' AND datname = current_database()`,
        );
      },
    }),
  );
  expect(exitCodeOf(failure)).toBe(EXIT.unavailable);
  await stage.run();
  await stage.expectEqualSides();
});
