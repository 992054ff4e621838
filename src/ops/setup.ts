/**
 * `ops setup`: brings the broker to the contract's topology, the stream first, then the durable of
 * every generation that is not retired. Repeatable; it never moves a durable.
 */
import type { JetStreamManager } from 'nats';
import type { Pool } from 'pg';
import { ensureDurable, ensureStream, type SetupAction, STREAM } from '../broker/nats/topology.js';

/** What was done, in order: the stream, then the durables. */
export interface SetupStep {
  readonly kind: 'stream' | 'durable';
  readonly name: string;
  readonly action: SetupAction;
}

/** Rejects with the server's or the database's error; a repetition continues where it stopped. */
export async function setUp(
  manager: JetStreamManager,
  pool: Pick<Pool, 'query'>,
  options: { readonly replicas: number },
): Promise<SetupStep[]> {
  const steps: SetupStep[] = [
    { kind: 'stream', name: STREAM, action: await ensureStream(manager, options) },
  ];
  const { rows } = await pool.query<{ durable: string }>(
    `SELECT durable FROM generation WHERE state <> 'retired' ORDER BY generation`,
  );
  for (const { durable } of rows) {
    steps.push({ kind: 'durable', name: durable, action: await ensureDurable(manager, durable) });
  }
  return steps;
}
