// The bounds that stand in a session of ingest: below the time that the broker waits for an
// acknowledgement.

import { expect, it } from 'vitest';
import { INGEST_POOL } from '../../../src/counting/pool-options.js';
import { durableConfig } from '../../../src/nats/topology.js';
import { openPool } from '../../../src/postgres/open-pool.js';
import { DURABLE } from '../../support/durable.js';
import { createDatabase } from '../../support/engines.js';

it('ends a statement of ingest before the broker delivers the batch again', async () => {
  const database = await createDatabase();
  const url = database.url('analytics_ingest');
  const pool = openPool({ reveal: () => url }, INGEST_POOL);
  const { rows } = await pool.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings
     WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout')`,
  );
  await pool.end();
  expect(rows).toHaveLength(2);
  const ackWaitMs = Number(durableConfig(DURABLE).ack_wait) / 1e6;
  for (const { setting } of rows) {
    expect(Number(setting)).toBeGreaterThan(0);
    expect(Number(setting)).toBeLessThan(ackWaitMs);
  }
  expect(INGEST_POOL.query_timeout).toBeLessThan(ackWaitMs);
});
