// `ops dead-letters`: sees to events that were not counted. A dead letter is named by `<stream
// id>:<sequence>`; its payload is in the stream only, as long as that holds it.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEAD_LETTER_MEANING, DEAD_LETTER_REASONS } from '../../domain/message/dead-letter.js';
import { type EpochMicros, formatInstant } from '../../domain/time/instant.js';
import { systemClock } from '../../platform/clock.js';
import { integerArgument, sinceArgument } from '../arguments.js';
import { audited } from '../audited.js';
import { Refused } from '../exit-code.js';
import { type StoreSession, withSession, withStore } from '../session.js';
import { confirm, print, printJson, tableText } from '../terminal.js';
import { type BulkOptions, discardAll, replayAll } from './bulk.js';
import { readGround, replay } from './replay.js';
import {
  listDeadLetters,
  readDeadLetter,
  resolveDeadLetter,
  type StoredDeadLetter,
} from './stored.js';

interface ListOptions {
  readonly reason?: string;
  readonly since?: EpochMicros;
  readonly limit: number;
  readonly resolved?: boolean;
  readonly json?: boolean;
}

/** The name of a dead letter. */
interface LetterName {
  readonly streamId: number;
  readonly sequence: number;
}

const DEFAULT_LIMIT = 50;
const LARGEST_LIMIT = 10_000;
const reasonOption = () =>
  new Option('--reason <reason>', 'only those refused for it').choices(DEAD_LETTER_REASONS);
const sinceOption = () =>
  new Option('--since <time>', 'only those recorded since: 90m, 12h, 3d or an instant').argParser(
    sinceArgument(() => systemClock.now()),
  );

export function registerDeadLetters(program: Command): void {
  const letters = program
    .command('dead-letters')
    .description('see to events that were not counted');
  letters
    .command('list', { isDefault: true })
    .description('the newest ones, without those that are resolved')
    .addOption(reasonOption())
    .addOption(sinceOption())
    .option('--limit <n>', 'at most', integerArgument(1, LARGEST_LIMIT), DEFAULT_LIMIT)
    .option('--resolved', 'also those that are replayed or discarded')
    .option('--json', 'answer as JSON')
    .action((options: ListOptions) => withStore((session) => list(session, options)));
  letters
    .command('show')
    .description('everything that is known of one; never its payload')
    .argument('<id>', '<stream id>:<sequence>', letterName)
    .option('--json', 'answer as JSON')
    .action((name: LetterName, options: { json?: boolean }) =>
      withStore(async ({ pool }) => show(await existing(pool, name), options.json === true)),
    );
  const bulk = (command: Command) =>
    command
      .argument('[id]', '<stream id>:<sequence>', letterName)
      .option('--all', 'all open ones with --reason')
      .addOption(reasonOption())
      .addOption(sinceOption())
      .option('--dry-run', 'say which and change nothing')
      .option('--yes', 'do not ask')
      .option('--json', 'answer as JSON');
  bulk(letters.command('replay'))
    .description("judge again under today's rules, and count what is admitted")
    .action((name: LetterName | undefined, options: BulkOptions) =>
      name === undefined ? replayAll(options) : replayOne(name, options),
    );
  bulk(letters.command('discard'))
    .description('mark as done with, uncounted')
    .action((name: LetterName | undefined, options: BulkOptions) =>
      name === undefined ? discardAll(options) : discardOne(name, options),
    );
}

function letterName(text: string): LetterName {
  const [, streamId, sequence] = /^(\d{1,5}):(\d{1,16})$/.exec(text) ?? [];
  if (streamId === undefined)
    throw new InvalidArgumentError('Expected <stream id>:<sequence>: 1:42.');
  return { streamId: Number(streamId), sequence: Number(sequence) };
}

const nameOf = ({ streamId, sequence }: LetterName) => `${streamId}:${sequence}`;

async function existing(pool: StoreSession['pool'], name: LetterName): Promise<StoredDeadLetter> {
  const letter = await readDeadLetter(pool, name.streamId, name.sequence);
  if (letter === undefined) {
    throw new Refused(`There is no dead letter ${nameOf(name)}. See: ops dead-letters list`);
  }
  return letter;
}

async function open(pool: StoreSession['pool'], name: LetterName): Promise<StoredDeadLetter> {
  const letter = await existing(pool, name);
  if (letter.resolution === undefined) return letter;
  throw new Refused(`The dead letter ${nameOf(name)} is ${letter.resolution} already.`);
}

const instant = (at: EpochMicros | undefined) => (at === undefined ? undefined : formatInstant(at));
const forJson = (letter: StoredDeadLetter) => ({
  id: nameOf(letter),
  ...letter,
  digest: String(letter.digest),
  publishedAt: instant(letter.publishedAt),
  recordedAt: instant(letter.recordedAt),
  resolvedAt: instant(letter.resolvedAt),
});

async function list({ pool }: StoreSession, options: ListOptions): Promise<void> {
  const { reason, since, limit, resolved } = options;
  const letters = await listDeadLetters(pool, { reason, since, open: !resolved }, limit);
  if (options.json) return printJson(letters.map(forJson));
  if (letters.length === 0) return print('There are none.');
  const rows = letters.map((letter) => [
    nameOf(letter),
    formatInstant(letter.recordedAt).slice(0, 19),
    letter.reason + (letter.field ? ` (${letter.field})` : ''),
    letter.subject,
    letter.messageId ?? '-',
    letter.resolution ?? 'open',
  ]);
  print(tableText([['id', 'recorded (UTC)', 'reason', 'subject', 'message', 'state'], ...rows]));
}

function show(letter: StoredDeadLetter, json: boolean): void {
  const meaning = DEAD_LETTER_MEANING[letter.reason as keyof typeof DEAD_LETTER_MEANING];
  if (json) {
    printJson({ ...forJson(letter), meaning });
    return;
  }
  const rows = Object.entries({ ...forJson(letter), meaning }).map(([name, value]) => [
    name,
    value === undefined ? '-' : String(value),
  ]);
  print(tableText(rows));
}

function would(act: string, letter: StoredDeadLetter, { json }: BulkOptions): void {
  const { reason } = letter;
  if (json) printJson({ id: nameOf(letter), reason, done: false });
  else print(`Would ${act}: ${nameOf(letter)} (${reason}).`);
}

function replayOne(name: LetterName, options: BulkOptions): Promise<void> {
  return withSession(async (session) => {
    const letter = await open(session.pool, name);
    if (options.dryRun) return would('judge again', letter, options);
    await confirm(
      `Judge ${nameOf(name)} (${letter.reason}) again? What is admitted is counted for good.`,
      options.yes === true,
    );
    const ground = await readGround(session);
    await audited(session, 'dead-letter replay', nameOf(name), async () => {
      const verdict = await replay(session, ground, letter);
      if (verdict.outcome === 'replayed') return { summary: `was refused as ${letter.reason}` };
      throw new Error(`${nameOf(name)} is not counted: ${verdict.why}`);
    });
    if (options.json) printJson({ id: nameOf(name), outcome: 'replayed' });
    else print(`${nameOf(name)} is counted now.`);
  });
}

function discardOne(name: LetterName, options: BulkOptions): Promise<void> {
  return withStore(async (session) => {
    const letter = await open(session.pool, name);
    if (options.dryRun) return would('discard', letter, options);
    await confirm(
      `Discard ${nameOf(name)} (${letter.reason})? It is then never counted.`,
      options.yes === true,
    );
    await audited(session, 'dead-letter discard', nameOf(name), async () => {
      await resolveDeadLetter(await session.prisma(), letter, 'discarded');
      return { summary: `was refused as ${letter.reason}` };
    });
    if (options.json) printJson({ id: nameOf(name), outcome: 'discarded' });
    else print(`${nameOf(name)} is discarded.`);
  });
}
