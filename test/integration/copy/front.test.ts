// The front over the embedded engine answers as ClickHouse's HTTP interface does, as far as the
// client and curl use it.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ClickHouseError, createClient } from '@clickhouse/client';
import { afterAll, expect, test } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { createClickHouse } from '../../support/engines.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const { url } = createClickHouse();
const client = createClient({
  url,
  compression: { request: true, response: true },
  log: { level: 127 },
});
afterAll(() => client.close());

test('parameters arrive as they were given, whatever characters they have', async () => {
  const text = `it's\ta "tab", a \\ and a\nline`;
  const result = await client.query({
    query:
      'SELECT {text:String} AS text, {list:Array(String)} AS list, {none:Nullable(String)} AS none, toString({n:UInt64}) AS n',
    query_params: { text, list: ["a'b", 'c\\d'], none: null, n: '18446744073709551615' },
    format: 'JSONEachRow',
  });
  expect(await result.json()).toEqual([
    { text, list: ["a'b", 'c\\d'], none: null, n: '18446744073709551615' },
  ]);
});

test('settings hold for one request and are not seen by the next', async () => {
  const read = async (settings: Record<string, string>): Promise<unknown> => {
    const result = await client.query({
      query: `SELECT getSetting('max_block_size') AS size`,
      clickhouse_settings: settings,
      format: 'JSONEachRow',
    });
    return result.json();
  };
  expect(await read({ max_block_size: '777' })).toEqual([{ size: 777 }]);
  expect(await read({})).not.toEqual([{ size: 777 }]);
});

test('errors carry the code and type of ClickHouse', async () => {
  const failure = await client.query({ query: 'SELECT * FROM not_there' }).catch((error) => error);
  expect(failure).toBeInstanceOf(ClickHouseError);
  expect(failure).toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' });
  const answer = await fetch(url, { method: 'POST', body: 'SELEC 1' });
  expect(answer.status).toBe(400);
  expect(answer.headers.get('x-clickhouse-exception-code')).toBe('62');
});

test('curl can ask by GET, and GET cannot write', async () => {
  const get = (query: string): Promise<Response> =>
    fetch(`${url}/?query=${encodeURIComponent(query)}`);
  expect(await (await get('SELECT 1 + 1')).text()).toBe('2\n');
  expect((await get('CREATE DATABASE by_get')).status).toBe(403);
  expect(await (await fetch(`${url}/ping`)).text()).toBe('Ok.\n');
});

test('a directory that another front has open, and a wrong port, are clear messages', async () => {
  const directory = await temporaryDirectory('front');
  const front = (...args: string[]) =>
    spawn(
      process.execPath,
      [join(projectRoot, 'dist/deploy/local/engines/clickhouse/clickhouse-front.js'), ...args],
      {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { ...process.env, EXIT_WITH_PARENT: 'on' },
      },
    );
  const first = front('--port', '0', '--data-dir', directory);
  const ready = await new Promise<string>((resolve) =>
    first.stdout.once('data', (chunk) => resolve(String(chunk))),
  );
  const { port } = JSON.parse(ready) as { port: number };
  expect(port).toBeGreaterThan(0);

  const second = front('--port', '0', '--data-dir', directory);
  let said = '';
  second.stderr.on('data', (chunk) => {
    said += chunk;
  });
  expect(await new Promise((resolve) => second.once('close', resolve))).toBe(1);
  expect(said).toMatch(/Another process may have it open/);

  first.stdin.end(); // as if the parent had died
  expect(await new Promise((resolve) => first.once('close', resolve))).toBe(0);
});
