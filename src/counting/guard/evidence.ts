// Collects what the guard judges by: what Postgres knows, what the broker says, and what Postgres
// knows then. The order matters: a batch that commits in between shows in the second answer only.
import type { JetStreamManager } from 'nats';
import { publishedAt, readDurableState, streamState } from '../../nats/durable-state.js';
import { STREAM } from '../../nats/topology.js';
import type { Queryable } from '../../postgres/queryable.js';
import type { Evidence } from './guard.js';
import { type Generation, type KnownStream, readKnownStream } from './ingest-progress.js';

/** What one examination finds. */
export type Found = Omit<Evidence, 'last'>;

/**
 * The rest of the evidence after `before`; undefined where that must be asked again. Rejects where
 * one of both sides is away, or the stream or its durable does not exist.
 */
export async function gatherEvidence(
  manager: JetStreamManager,
  queryable: Queryable,
  { generation, state, durable: name }: Generation,
  before: KnownStream | undefined,
): Promise<Found | undefined> {
  const stream = await streamState(manager, STREAM);
  const foundAt = await publishedAt(manager, STREAM, before?.highestSequence ?? 0);
  const durable = await readDurableState(manager, STREAM, name);
  if (durable === undefined) return undefined;
  const after = await readKnownStream(queryable, generation);
  const building = state === 'building' ? generation : undefined;
  return { before, stream, foundAt, durable, after, building };
}
