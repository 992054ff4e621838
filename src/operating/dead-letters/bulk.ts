// Replays or discards all open dead letters of one reason, in batches and in the order of their
// names, so that a run that is killed leaves the rest open. One audit record for all.
import type { EpochMicros } from '../../domain/time/instant.js';
import { audited } from '../audited.js';
import { Refused } from '../exit-code.js';
import { type StoreSession, withSession, withStore } from '../session.js';
import { confirm, Progress, print, printJson } from '../terminal.js';
import { readGround, replay } from './replay.js';
import {
  countDeadLetters,
  type DeadLetterFilter,
  nextDeadLetters,
  resolveDeadLetter,
  type StoredDeadLetter,
} from './stored.js';

export interface BulkOptions {
  readonly all?: boolean;
  readonly reason?: string;
  readonly since?: EpochMicros;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const BATCH = 500;

export function replayAll(options: BulkOptions): Promise<void> {
  return withSession(async (session) => {
    const ground = await readGround(session);
    let missing: string | undefined;
    await forAll(session, options, 'replay', async (letter) => {
      const verdict = await replay(session, ground, letter);
      if (verdict.outcome === 'still refused' && verdict.dayMissing) missing ??= verdict.why;
      return verdict.outcome;
    });
    if (missing !== undefined) throw new Error(`Not all are counted: ${missing}`);
  });
}

export function discardAll(options: BulkOptions): Promise<void> {
  return withStore((session) =>
    forAll(session, options, 'discard', async (letter) => {
      const done = await resolveDeadLetter(await session.prisma(), letter, 'discarded');
      return done ? 'discarded' : 'resolved meanwhile';
    }),
  );
}

async function forAll(
  session: StoreSession,
  options: BulkOptions,
  verb: 'replay' | 'discard',
  act: (letter: StoredDeadLetter) => Promise<string>,
): Promise<void> {
  const { reason, since } = options;
  if (!options.all || reason === undefined) {
    throw new Refused('Say which: an id, or --all --reason <reason>.');
  }
  const filter = { reason, since, open: true };
  const count = await countDeadLetters(session.pool, filter);
  if (options.dryRun || count === 0) {
    if (options.json) printJson({ reason, count, done: false });
    else print(`${count} open dead letters were refused as ${reason}.`);
    return;
  }
  const lost = verb === 'discard' ? ' They are then never counted.' : '';
  await confirm(`${verb} ${count} dead letters refused as ${reason}?${lost}`, options.yes === true);
  const { outcomes, summary } = await audited(session, `dead-letter ${verb}`, reason, () =>
    goThrough(session, filter, count, act),
  );
  if (options.json) printJson({ reason, count, done: true, outcomes });
  else print(summary);
}

async function goThrough(
  { pool }: StoreSession,
  filter: DeadLetterFilter,
  count: number,
  act: (letter: StoredDeadLetter) => Promise<string>,
) {
  const progress = new Progress('dead letters', count);
  const outcomes: Record<string, number> = {};
  let after = { streamId: 0, sequence: -1 };
  let done = 0;
  try {
    for (;;) {
      const letters = await nextDeadLetters(pool, filter, after, BATCH);
      const last = letters.at(-1);
      if (last === undefined) break;
      for (const letter of letters) {
        const outcome = await act(letter);
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        progress.update(++done, Math.max(count, done));
      }
      after = last;
    }
  } finally {
    progress.end();
  }
  const parts = Object.entries(outcomes).map(([outcome, number]) => `${number} ${outcome}`);
  return { outcomes, summary: parts.join(', ') || 'none left' };
}
