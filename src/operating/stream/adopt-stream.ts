// `ops adopt-stream`: the answer to a stream that was recreated or rolled back, which ingest
// refuses to count (its sequences name other events now). The present stream is recorded under a
// number of its own and everything in it is judged again: what is counted already is not counted
// twice.
import type { Command } from 'commander';
import { freshEpoch, readGenerations } from '../../counting/guard/generation.js';
import {
  type KnownStream,
  readKnownStream,
  recordStream,
} from '../../counting/guard/ingest-progress.js';
import { type EpochMicros, formatInstant } from '../../domain/time/instant.js';
import { publishedAt, type StreamState, streamState } from '../../nats/durable-state.js';
import { isRolledBack } from '../../nats/rolled-back.js';
import { durableInfo, moveDurable } from '../../nats/seek.js';
import { STREAM } from '../../nats/topology.js';
import { integerArgument } from '../arguments.js';
import { audited } from '../audited.js';
import { type Session, withSession } from '../session.js';
import { confirm, print, printJson } from '../terminal.js';
import { setUp } from './setup.js';

interface AdoptOptions {
  readonly replicas: number;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function registerAdoptStream(program: Command): void {
  program
    .command('adopt-stream')
    .description('count from the present stream, after it was recreated or rolled back')
    .option('--replicas <n>', 'copies, where the stream is missing', integerArgument(1, 5), 1)
    .option('--force', 'also where the stream looks like the one that is counted (harmless)')
    .option('--dry-run', 'say what is found and change nothing')
    .option('--yes', 'do not ask')
    .option('--json', 'answer as JSON')
    .action((options: AdoptOptions) => withSession((session) => run(session, options)));
}

/** What was found of the stream, against what Postgres knows. */
type Finding = 'first' | 'missing' | 'recreated' | 'rolled back' | 'known';

async function run(session: Session, options: AdoptOptions): Promise<void> {
  const { pool, manager } = session;
  const generations = (await readGenerations(pool)).filter(({ state }) => state !== 'retired');
  const serving = generations.find(({ state }) => state === 'serving');
  const known = await readKnownStream(pool, serving?.generation ?? 0);
  const present = await streamState(manager, STREAM).catch(() => undefined);
  const durables = generations.map(({ durable }) => durable);
  const missing = [];
  for (const durable of present ? durables : []) {
    if ((await durableInfo(manager, durable)) === undefined) missing.push(durable);
  }
  const foundAt = present && known && (await publishedAt(manager, STREAM, known.highestSequence));
  const finding = findingOf(known, present, foundAt);
  const needed = finding !== 'known' || missing.length > 0 || options.force === true;
  if (!needed || options.dryRun) {
    if (options.json) printJson({ stream: STREAM, finding, missing, adopted: false });
    else print(`The stream ${STREAM}: ${explain(finding, known, present)}${without(missing)}`);
    return;
  }
  const count = present ? present.lastSequence - present.firstSequence + 1 : 0;
  await confirm(
    `The stream ${STREAM}: ${explain(finding, known, present)}${without(missing)} ` +
      `Adopt it and judge its ${Math.max(0, count)} events again?`,
    options.yes === true,
  );
  const done = await audited(session, 'adopt-stream', STREAM, () =>
    adopt(session, durables, options.replicas),
  );
  if (options.json) printJson({ stream: STREAM, finding, missing, adopted: true, ...done });
  else print(`Adopted: ${done.summary}. Ingest goes on by itself, or start it.`);
}

/** Repeatable: killed half-way, the next run makes one epoch more, which harms nothing. */
export async function adopt(
  { pool, connection, manager }: Pick<Session, 'pool' | 'connection' | 'manager'>,
  durables: readonly string[],
  replicas: number,
): Promise<{ readonly streamId: number; readonly summary: string }> {
  await setUp(manager, pool, { replicas });
  const stream = await streamState(manager, STREAM);
  // The durables first: ingest stays stopped until the stream is known, so nothing is acknowledged
  // in between.
  for (const durable of durables) {
    await moveDurable(connection, manager, durable, Math.max(1, stream.firstSequence));
  }
  const epoch = await freshEpoch(pool, STREAM, stream.createdAt);
  const streamId = await recordStream(pool, STREAM, stream.createdAt, epoch);
  const created = formatInstant(stream.createdAt);
  const summary = `stream ${streamId}, created ${created}, from sequence ${stream.firstSequence}`;
  return { streamId, summary };
}

function findingOf(
  known: KnownStream | undefined,
  present: StreamState | undefined,
  foundAt: EpochMicros | undefined,
): Finding {
  if (present === undefined) return 'missing';
  if (known === undefined) return 'first';
  if (present.createdAt !== known.createdAt) return 'recreated';
  return isRolledBack(known, present.lastSequence, foundAt) ? 'rolled back' : 'known';
}

function explain(
  finding: Finding,
  known: KnownStream | undefined,
  present: StreamState | undefined,
): string {
  switch (finding) {
    case 'missing':
      return 'it does not exist.';
    case 'first':
      return 'nothing was counted from any stream before.';
    case 'recreated':
      return (
        `it was recreated at ${formatInstant(present?.createdAt ?? 0)}; ` +
        `counted was the one of ${formatInstant(known?.createdAt ?? 0)}.`
      );
    case 'rolled back':
      return (
        `it was rolled back: counted is up to sequence ${known?.highestSequence}, ` +
        `which is not there or another event now; it ends at ${present?.lastSequence}.`
      );
    case 'known':
      return 'it is the one that is counted.';
  }
}

const without = (missing: readonly string[]) =>
  missing.length === 0 ? '' : ` It has no durable ${missing.join(', ')}.`;
