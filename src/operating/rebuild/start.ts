// `ops rebuild start`: a new generation beside the serving one. Steps, each repeatable: the row of
// the generation, its partitions, the copy (one transaction), the durable. Killed anywhere, the
// next start goes on.

import {
  type GenerationRow,
  readGenerations,
  readStreams,
} from '../../counting/guard/generation.js';
import {
  dayOf,
  type EpochMicros,
  formatInstant,
  MICROS_PER_DAY,
  MICROS_PER_MINUTE,
  parseInstant,
} from '../../domain/time/instant.js';
import { type StreamState, streamState } from '../../nats/durable-state.js';
import { durableInfo } from '../../nats/seek.js';
import { ensureDurable, STREAM } from '../../nats/topology.js';
import { audited } from '../audited.js';
import { Refused } from '../exit-code.js';
import type { Session } from '../session.js';
import { confirm, Progress, print, printJson } from '../terminal.js';
import {
  copyGeneration,
  insertBuilding,
  prepareGeneration,
  type Rebuild,
  setRebuiltFrom,
} from './copy-generation.js';

export interface StartOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/**
 * Events are at most 5 minutes older in the stream than by their own clocks. The rest of the two
 * hours is for the replay, which has to be past the stream's first events before those are 14 days
 * old.
 */
const MARGIN_MICROS = 120 * MICROS_PER_MINUTE;
/** Acceptance: no event of the stream is of a message accepted longer before it. */
const ACCEPTANCE_DAYS = 36;
/** A stream younger than this has lost nothing to its age, and will not while it is replayed. */
const WHOLE_STREAM_DAYS = 13;

/** Where a rebuild begins to compute anew. */
export interface Beginning {
  /** H: a UTC midnight. */
  readonly rebuiltFrom: EpochMicros;
  readonly why: string;
}

/** What H depends on. */
export interface StreamPast {
  readonly stream: StreamState;
  readonly firstStoredAt: EpochMicros;
  readonly now: EpochMicros;
  /** Generations counted from this stream only. */
  readonly onlyStream: boolean;
  /** When the present stream was first counted from: what an earlier one held is not in it. */
  readonly adoptedAt: EpochMicros;
  readonly ledgerFloor: string | undefined;
}

/**
 * H: the first UTC midnight from which on the stream holds every event of every message accepted.
 * Where the stream holds everything that was ever counted, that is before its first event.
 */
export function beginningOf(past: StreamPast): Beginning {
  const { stream, firstStoredAt, now, onlyStream, adoptedAt, ledgerFloor } = past;
  const young = firstStoredAt > now - WHOLE_STREAM_DAYS * MICROS_PER_DAY;
  if (stream.firstSequence <= 1 && young && onlyStream && ledgerFloor === undefined) {
    const rebuiltFrom = (dayOf(firstStoredAt) - ACCEPTANCE_DAYS) * MICROS_PER_DAY;
    return { rebuiltFrom, why: 'the stream holds everything that was ever counted' };
  }
  const complete =
    (onlyStream ? firstStoredAt : Math.max(firstStoredAt, adoptedAt)) + MARGIN_MICROS;
  const rebuiltFrom = Math.ceil(complete / MICROS_PER_DAY) * MICROS_PER_DAY;
  return { rebuiltFrom, why: `the stream is complete from ${formatInstant(complete)} on` };
}

export async function startRebuild(session: Session, options: StartOptions): Promise<void> {
  const generations = await readGenerations(session.pool);
  const serving = generations.find(({ state }) => state === 'serving');
  if (serving === undefined)
    throw new Refused('No generation serves: there is nothing to rebuild.');
  const building = generations.find(({ state }) => state === 'building');
  const beginning = await findBeginning(session, serving);
  if (building?.copiedAt !== undefined) await refuseStale(session, building, beginning);
  const from = formatInstant(
    (building?.copiedAt === undefined ? undefined : building.rebuiltFrom) ?? beginning.rebuiltFrom,
  );
  const next = building?.generation ?? Math.max(...generations.map((one) => one.generation)) + 1;
  if (options.dryRun) {
    if (options.json) printJson({ generation: next, rebuiltFrom: from, done: false });
    else print(`Would build generation ${next}, computed anew from ${from}: ${beginning.why}.`);
    return;
  }
  await confirm(
    `Build generation ${next} beside ${serving.generation}, computed anew from ${from} ` +
      `(${beginning.why})? It takes as much disk as the serving one.`,
    options.yes === true,
  );
  const done = await audited(session, 'rebuild start', `generation ${next}`, () =>
    build(session, serving, building, beginning),
  );
  if (options.json) printJson({ generation: done.generation, rebuiltFrom: from, done: true });
  else {
    print(`Generation ${done.generation} is copied, and computed anew from ${from}.`);
    print(`Fill it:  ingest --generation ${done.generation}`);
    print('Then:     ops rebuild status, ops rebuild swap');
  }
}

/** Does what is missing; returns the generation. */
export async function build(
  { pool, prisma, manager }: Pick<Session, 'pool' | 'prisma' | 'manager'>,
  serving: GenerationRow,
  building: GenerationRow | undefined,
  { rebuiltFrom }: Pick<Beginning, 'rebuiltFrom'>,
): Promise<{ readonly generation: number; readonly summary: string }> {
  const rebuild: Rebuild =
    building === undefined
      ? await insertBuilding(pool, serving.generation, rebuiltFrom)
      : { generation: building.generation, base: serving.generation, rebuiltFrom };
  const { generation } = rebuild;
  if (building?.copiedAt === undefined) {
    if (building !== undefined) await setRebuiltFrom(await prisma(), generation, rebuiltFrom);
    await prepareGeneration(pool, rebuild);
    const progress = new Progress('copying', 1);
    try {
      await copyGeneration(pool, rebuild, dayOf(rebuiltFrom), (done, all) =>
        progress.update(done, all),
      );
    } finally {
      progress.end();
    }
  }
  const durable = building?.durable ?? `analytics-rollup-g${generation}`;
  const action = await ensureDurable(manager, durable);
  const from = `from generation ${rebuild.base}, anew from ${formatInstant(rebuiltFrom)}`;
  return { generation, summary: `${from}, durable ${action}` };
}

/** A copy that waited too long: the stream has lost events that were not replayed into it. */
async function refuseStale(
  { manager }: Session,
  { generation, durable, rebuiltFrom = 0 }: GenerationRow,
  beginning: Beginning,
): Promise<void> {
  const info = await durableInfo(manager, durable);
  const untouched = info === undefined || info.delivered.consumer_seq === 0;
  if (!untouched || beginning.rebuiltFrom <= rebuiltFrom) return;
  throw new Refused(
    `Generation ${generation} was copied for a replay from ${formatInstant(rebuiltFrom)} on, ` +
      'and the stream no longer holds all of that. ' +
      'Begin again: ops rebuild abandon, then ops rebuild start',
  );
}

async function findBeginning(
  { pool, manager }: Session,
  { ledgerFloor }: GenerationRow,
): Promise<Beginning> {
  const stream = await streamState(manager, STREAM);
  const info = await manager.streams.info(STREAM);
  const streams = await readStreams(pool, STREAM);
  const newest = streams.at(-1);
  if (newest === undefined || newest.createdAt !== stream.createdAt) {
    throw new Refused('The stream is not the one that is counted. Run: ops adopt-stream');
  }
  return beginningOf({
    stream,
    // An empty stream has no first event: it is complete from now on.
    firstStoredAt:
      (info.state.messages > 0 ? parseInstant(info.state.first_ts) : undefined) ??
      (await serverNow(pool)),
    now: await serverNow(pool),
    onlyStream: streams.length === 1,
    adoptedAt: newest.firstSeenAt,
    ledgerFloor,
  });
}

async function serverNow(pool: Session['pool']): Promise<EpochMicros> {
  const { rows } = await pool.query<{ now: string }>(
    'SELECT (extract(epoch FROM now()) * 1000000)::bigint AS now',
  );
  return Number(rows[0]?.now);
}
