// What `ops status` tells, gathered from the broker and from Postgres; printing is status.ts.

import { readCopyLag } from '../../copy/postgres/select-copy-lag.js';
import { type GenerationRow, readGenerations } from '../../counting/guard/generation.js';
import { readGaps, type StreamGap } from '../../counting/guard/noticed-gaps.js';
import { type EpochMicros, formatInstant, MICROS_PER_SECOND } from '../../domain/time/instant.js';
import { settledThrough } from '../../domain/time/settling.js';
import { STREAM_NOT_FOUND, unless } from '../../nats/api-errors.js';
import { readDurableState } from '../../nats/durable-state.js';
import { durableInfo } from '../../nats/seek.js';
import { STREAM } from '../../nats/topology.js';
import { systemClock } from '../../platform/clock.js';
import { countByReason, type ReasonCount } from '../dead-letters/stored.js';
import type { Session } from '../session.js';
import {
  findOddity,
  type IngestWorker,
  type LedgerDays,
  type Oddity,
  readIngestWorkers,
  readLedgerDays,
} from './generation-health.js';

/** The stream; instants as RFC 3339 text everywhere in the report. */
export interface StreamReport {
  readonly name: string;
  readonly createdAt: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly messages: number;
  readonly bytes: number;
}

export interface DurableReport {
  readonly name: string;
  readonly generation: number;
  /** False: it does not exist, and nothing else of it is known. */
  readonly exists: boolean;
  readonly pending?: number;
  readonly unacknowledged?: number;
  readonly ackFloor?: number;
  /** How far behind now everything is counted; 0 where nothing waits. */
  readonly lagSeconds?: number;
}

export interface GenerationReport {
  readonly generation: number;
  readonly state: string;
  readonly durable: string;
  readonly dataAsOf: string | undefined;
  readonly settledThrough: string | undefined;
  readonly revision: bigint;
  readonly ledgerFloor: string | undefined;
}

export interface StatusReport {
  /** Undefined where it does not exist. */
  readonly stream: StreamReport | undefined;
  readonly durables: readonly DurableReport[];
  readonly generations: readonly GenerationReport[];
  readonly ingest: readonly (Omit<IngestWorker, 'dataAsOf' | 'lookedAt'> & {
    readonly dataAsOf: string | undefined;
    readonly lookedAt: string | undefined;
  })[];
  readonly ledgerDays: readonly LedgerDays[];
  readonly deadLetters: readonly ReasonCount[];
  /** Open gaps: events that left the stream before they were counted. */
  readonly gaps: readonly StreamGap[];
  /**
   * Durables of the stream that belong to no generation: each is somebody's, and none of them
   * counts.
   */
  readonly foreignConsumers: readonly string[];
  /** How far the copy in ClickHouse is, as the last runs of anlyt-etl have left it. */
  readonly copy: {
    readonly completedAt: string | undefined;
    readonly dataAsOf: string | undefined;
    readonly lastOutcome: string | undefined;
  };
  /** Of the serving generation; undefined where the question took too long. */
  readonly idsOnTwoDays: Oddity | undefined;
  readonly overRefunded: Oddity | undefined;
}

const text = (at: EpochMicros | undefined) => (at === undefined ? undefined : formatInstant(at));

/** Everything at once; the two questions over the whole ledger give up after `timeoutMs`. */
export async function reportStatus(session: Session, timeoutMs: number): Promise<StatusReport> {
  const { config, pool, manager } = session;
  const generations = await readGenerations(pool);
  const alive = generations.filter(({ state }) => state !== 'retired');
  const serving = generations.find(({ state }) => state === 'serving');
  const info = await unless(manager.streams.info(STREAM), STREAM_NOT_FOUND);
  const durables: DurableReport[] = [];
  for (const one of alive) durables.push(await durableReport(session, one, info !== undefined));
  const odd = (question: 'idsOnTwoDays' | 'overRefunded') =>
    findOddity(pool, question, serving?.generation ?? 0, timeoutMs);
  return {
    stream: info && {
      name: STREAM,
      createdAt: info.created,
      firstSequence: info.state.first_seq,
      lastSequence: info.state.last_seq,
      messages: info.state.messages,
      bytes: info.state.bytes,
    },
    durables,
    generations: generations.map((row) => generationReport(row, config.settleHours)),
    ingest: (await readIngestWorkers(pool)).map((one) => ({
      ...one,
      dataAsOf: text(one.dataAsOf),
      lookedAt: text(one.lookedAt),
    })),
    ledgerDays: await Promise.all(alive.map(({ generation }) => readLedgerDays(pool, generation))),
    deadLetters: await countByReason(pool),
    gaps: await readGaps(pool, true),
    foreignConsumers: info === undefined ? [] : await foreignConsumers(session, alive),
    copy: await copyReport(pool),
    idsOnTwoDays: await odd('idsOnTwoDays'),
    overRefunded: await odd('overRefunded'),
  };
}

/** Names of the stream's consumers that no living generation counts by. */
async function foreignConsumers(
  { manager }: Session,
  generations: readonly GenerationRow[],
): Promise<string[]> {
  const own = new Set(generations.map(({ durable }) => durable));
  const names: string[] = [];
  for await (const { name } of manager.consumers.list(STREAM)) if (!own.has(name)) names.push(name);
  return names.sort();
}

async function durableReport(
  { manager }: Session,
  { durable, generation }: GenerationRow,
  streamExists: boolean,
): Promise<DurableReport> {
  const info = streamExists ? await durableInfo(manager, durable) : undefined;
  if (info === undefined) return { name: durable, generation, exists: false };
  const look = await readDurableState(manager, STREAM, durable);
  const idle = info.num_pending === 0 && info.num_ack_pending === 0;
  const behind = look === undefined || idle ? 0 : systemClock.now() - look.dataAsOf;
  return {
    name: durable,
    generation,
    exists: true,
    pending: info.num_pending,
    unacknowledged: info.num_ack_pending,
    ackFloor: info.ack_floor.stream_seq,
    lagSeconds: Math.max(0, Math.round(behind / MICROS_PER_SECOND)),
  };
}

async function copyReport(pool: Session['pool']): Promise<StatusReport['copy']> {
  const { copiedAt, dataAsOf, lastOutcome } = await readCopyLag(pool);
  return { completedAt: text(copiedAt), dataAsOf: text(dataAsOf), lastOutcome };
}

function generationReport(row: GenerationRow, settleHours: number): GenerationReport {
  const { dataAsOf } = row;
  return {
    generation: row.generation,
    state: row.state,
    durable: row.durable,
    dataAsOf: text(dataAsOf),
    settledThrough:
      dataAsOf === undefined ? undefined : text(settledThrough(dataAsOf, settleHours)),
    revision: row.revision,
    ledgerFloor: row.ledgerFloor,
  };
}
