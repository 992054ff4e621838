// The ports of the local stack: what is in use is said before anything starts.

import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { choosePorts, DEFAULT_PORTS, freePorts } from '../../../deploy/local/engines/ports.js';

let server: Server;
let taken = 0;

beforeAll(async () => {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  taken = typeof address === 'object' && address ? address.port : 0;
});
afterAll(() => server.close());

test('a taken port is named with its purpose and the way out', async () => {
  const [grpc = 0, apiAdmin = 0, ingestAdmin = 0, postgres = 0, clickhouse = 0] =
    await freePorts(5);
  const wanted = { grpc, apiAdmin, ingestAdmin, postgres, clickhouse, nats: taken };
  await expect(choosePorts('default', wanted)).rejects.toThrow(
    new RegExp(`${taken} {2}NATS[\\s\\S]*--ports auto`),
  );
});

test('automatic ports are all different', async () => {
  const ports = Object.values(await choosePorts('auto'));
  expect(new Set(ports).size).toBe(Object.keys(DEFAULT_PORTS).length);
});
