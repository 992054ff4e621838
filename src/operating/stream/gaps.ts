// `ops gaps`: events that left the stream before they were counted. While one is open, `data_as_of`
// waits at its beginning. Accepting says that these events are lost to the numbers, and lets it
// move on.
import type { Command } from 'commander';
import { acceptGap, readGaps, type StreamGap } from '../../counting/guard/noticed-gaps.js';
import { integerArgument } from '../arguments.js';
import { audited } from '../audited.js';
import { Refused } from '../exit-code.js';
import { withStore } from '../session.js';
import { confirm, print, printJson, tableText } from '../terminal.js';

const LONGEST_REASON = 500;

interface AcceptOptions {
  readonly reason: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function registerGaps(program: Command): void {
  const gaps = program
    .command('gaps')
    .description('events that left the stream before they were counted');
  gaps
    .command('list')
    .description('all gaps; an open one holds data_as_of back')
    .option('--open', 'the open ones only')
    .option('--json', 'answer as JSON')
    .action((options: { open?: boolean; json?: boolean }) => list(options));
  gaps
    .command('accept')
    .description('let data_as_of go on beyond a gap: its events will not be counted')
    .argument('<id>', 'of ops gaps list', integerArgument(1))
    .requiredOption('--reason <text>', 'why these events may be missing, for the audit record')
    .option('--dry-run', 'say what would be accepted and change nothing')
    .option('--yes', 'do not ask')
    .option('--json', 'answer as JSON')
    .action((id: number, options: AcceptOptions) => accept(id, options));
}

function list(options: { readonly open?: boolean; readonly json?: boolean }): Promise<void> {
  return withStore(async ({ pool }) => {
    const gaps = await readGaps(pool, options.open === true);
    if (options.json) printJson(gaps);
    else print(gaps.length === 0 ? 'There is no gap.' : tableText(gapRows(gaps)));
  });
}

/** A table of gaps, its head first. */
export function gapRows(gaps: readonly StreamGap[]): string[][] {
  return [
    ['id', 'state', 'generation', 'stream', 'sequences', 'missing', 'published', 'noticed'],
    ...gaps.map((gap) => [
      String(gap.gapId),
      gap.state,
      String(gap.generation),
      `${gap.stream} (${gap.streamId})`,
      gap.sequences,
      `${gap.missingCount} of ${gap.eventCount}`,
      `${gap.publishedAfter ?? '?'} to ${gap.publishedBefore ?? '?'}`,
      gap.noticedAt,
    ]),
  ];
}

function accept(id: number, options: AcceptOptions): Promise<void> {
  const reason = options.reason.trim();
  if (reason === '' || reason.length > LONGEST_REASON) {
    throw new Refused(`Give a --reason of 1 to ${LONGEST_REASON} characters.`);
  }
  return withStore(async (session) => {
    const gap = (await readGaps(session.pool, true)).find(({ gapId }) => gapId === id);
    if (gap === undefined) {
      throw new Refused(`No gap ${id} is open. See what there is: ops gaps list`);
    }
    const what = `${gap.missingCount} events, sequences ${gap.sequences} of ${gap.stream}`;
    if (options.dryRun) {
      if (options.json) printJson({ gapId: id, accepted: false });
      else print(`Would accept: ${what}.`);
      return;
    }
    await confirm(
      `Accept that these are never counted: ${what}? data_as_of goes on beyond them.`,
      options.yes === true,
    );
    await audited(session, 'accept-gap', String(id), async () => {
      if (!(await acceptGap(session.pool, id, reason))) {
        throw new Error(`Gap ${id} is not open any more; nothing was changed`);
      }
      return { summary: `${what}: ${reason}` };
    });
    if (options.json) printJson({ gapId: id, accepted: true });
    else print(`Accepted: ${what}. data_as_of goes on at the next look of ingest.`);
  });
}
