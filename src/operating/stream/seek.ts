// `ops seek`: has events delivered again. What is in the ledger is not counted again, so a seek can
// only heal; to keep it so, it never moves a durable past what is counted.
import { type Command, Option } from 'commander';
import {
  type GenerationRow,
  highestSequence,
  readGenerations,
} from '../../counting/guard/generation.js';
import { type EpochMicros, formatInstant } from '../../domain/time/instant.js';
import { type StreamState, streamState } from '../../nats/durable-state.js';
import { durableInfo, firstSequenceAt, moveDurable } from '../../nats/seek.js';
import { STREAM } from '../../nats/topology.js';
import { instantArgument, integerArgument } from '../arguments.js';
import { audited } from '../audited.js';
import { Refused } from '../exit-code.js';
import { type Session, withSession } from '../session.js';
import { confirm, print, printJson } from '../terminal.js';

interface SeekOptions {
  readonly toTime?: EpochMicros;
  readonly toSequence?: number;
  readonly toDataAsOf?: boolean;
  readonly generation?: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Where a durable will be, and why there. */
export interface SeekPlan {
  readonly durable: string;
  readonly sequence: number;
  /** Events that will be delivered again. */
  readonly redeliveredCount: number;
  readonly note: string | undefined;
}

export function registerSeek(program: Command): void {
  program
    .command('seek')
    .description('have events delivered again from a time or sequence; nothing is counted twice')
    .addOption(
      new Option(
        '--to-time <instant>',
        'the first event stored at or after it, such as 2026-11-22T08:00:00Z',
      )
        .argParser(instantArgument)
        .conflicts(['toSequence', 'toDataAsOf']),
    )
    .addOption(
      new Option('--to-sequence <n>', 'this sequence of the stream')
        .argParser(integerArgument(0))
        .conflicts(['toDataAsOf']),
    )
    .option('--to-data-as-of', 'where Postgres stands: after it was restored from a backup')
    .option('--generation <n>', 'of a rebuild instead of the serving one', integerArgument(1))
    .option('--dry-run', 'say where it would go and change nothing')
    .option('--yes', 'do not ask')
    .option('--json', 'answer as JSON')
    .action((options: SeekOptions) => withSession((session) => run(session, options)));
}

async function run(session: Session, options: SeekOptions): Promise<void> {
  const { pool, connection, manager } = session;
  if (!options.toDataAsOf && (options.toTime ?? options.toSequence) === undefined) {
    throw new Refused('Say where to: --to-time, --to-sequence or --to-data-as-of.');
  }
  const generation = chosen(await readGenerations(pool), options.generation);
  const plan = await planSeek(session, generation, options);
  const say = (done: boolean, how?: string) => {
    if (options.json) return printJson({ ...plan, generation: generation.generation, done, how });
    print(
      `${plan.durable} ${done ? `was moved (${how})` : 'would be moved'} ` +
        `to sequence ${plan.sequence}: ${plan.redeliveredCount} events are delivered again.` +
        (plan.note ? ` ${plan.note}` : ''),
    );
  };
  if (options.dryRun) return say(false);
  await confirm(
    `Move ${plan.durable} to sequence ${plan.sequence}? ` +
      `${plan.redeliveredCount} events are delivered again, ` +
      'and data_as_of stands still until they are through.',
    options.yes === true,
  );
  const { how } = await audited(session, 'seek', plan.durable, async () => {
    const how = await moveDurable(connection, manager, plan.durable, plan.sequence);
    return { how, summary: `to sequence ${plan.sequence} (${how})` };
  });
  say(true, how);
}

/** The place that the options name, held to what is there and to what is counted. */
export async function planSeek(
  { pool, connection, manager }: Pick<Session, 'pool' | 'connection' | 'manager'>,
  { generation, durable, dataAsOf }: GenerationRow,
  options: Pick<SeekOptions, 'toTime' | 'toSequence' | 'toDataAsOf'>,
): Promise<SeekPlan> {
  const info = await durableInfo(manager, durable);
  if (info === undefined) {
    throw new Refused(`The durable ${durable} does not exist. Create it: ops setup`);
  }
  const stream = await streamState(manager, STREAM);
  const sequenceAt = (at: EpochMicros) => firstSequenceAt(connection, manager, stream, at);
  let wanted = options.toSequence ?? stream.firstSequence;
  if (options.toTime !== undefined) wanted = await sequenceAt(options.toTime);
  let counted = info.ack_floor.stream_seq;
  if (options.toDataAsOf) {
    // A restored Postgres knows less than was acknowledged; without a watermark it knows nothing.
    wanted = dataAsOf === undefined ? stream.firstSequence : await sequenceAt(dataAsOf);
    counted = await highestSequence(pool, generation);
  }
  const sequence = clamped(wanted, stream, counted);
  return {
    durable,
    sequence,
    redeliveredCount: Math.max(0, info.delivered.stream_seq - sequence + 1),
    note: note(wanted, sequence, stream, options.toDataAsOf ? dataAsOf : options.toTime),
  };
}

function clamped(wanted: number, { firstSequence, lastSequence }: StreamState, counted: number) {
  const most = Math.min(lastSequence, counted) + 1;
  return Math.max(firstSequence, Math.min(wanted, most), 1);
}

function note(
  wanted: number,
  sequence: number,
  { firstSequence }: StreamState,
  at: EpochMicros | undefined,
): string | undefined {
  const from = at === undefined ? '' : `Asked for ${formatInstant(at)}. `;
  if (sequence < wanted) {
    return `${from}Sequence ${wanted} lies past what is counted; going there would skip events.`;
  }
  if (sequence > wanted) return `${from}The stream begins at sequence ${firstSequence}.`;
  return from.trim() || undefined;
}

function chosen(all: readonly GenerationRow[], wanted: number | undefined): GenerationRow {
  const found = all.find(({ generation, state }) =>
    wanted === undefined ? state === 'serving' : generation === wanted && state !== 'retired',
  );
  if (found !== undefined) return found;
  const known = all.map(({ generation, state }) => `${generation} (${state})`).join(', ');
  throw new Refused(
    `There is no generation ${wanted ?? 'that serves'}. Known: ${known || 'none'}.`,
  );
}
