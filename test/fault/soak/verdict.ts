// The rollups and dead letters against the oracle, which knows nothing but what the stream holds
// and what was taken from it.

import { judge, type Stored } from '../../oracle/judge.js';
import { ledgerOf } from '../../oracle/ledger.js';
import { cellDifferences, cellsOf, readCells } from '../../oracle/rollup-cells.js';
import type { TestSite } from '../../support/site.js';
import { untilDrained } from './broker.js';
import type { Stage } from './stage.js';

const QUIET_TIMEOUT_MS = 300_000;

export interface Verdict {
  /** In the stream. */
  readonly stored: number;
  readonly messages: number;
  /**
   * Cells of the rollups that differ from the oracle's; dead letters that are missing or too many.
   */
  readonly mismatches: readonly string[];
}

/** Waits until all is counted; nothing may be published meanwhile. */
export async function verdict({ site, removed }: Pick<Stage, 'site' | 'removed'>) {
  await untilDrained(site, QUIET_TIMEOUT_MS);
  const stored = await site.stored();
  const ledger = ledgerOf([...removed, ...stored]);
  const cells = cellDifferences(await readCells(site.database), cellsOf(ledger));
  const letters = await letterDifferences(site, stored);
  const conflicts = await site.database.query<{ event_id: string }>(
    `SELECT DISTINCT event_id FROM dead_letter WHERE reason = 'conflict'`,
  );
  const losers = new Set(ledger.conflicts.map(({ eventId }) => eventId));
  const recorded = new Set(conflicts.rows.map((row) => row.event_id));
  const lost = [...losers].filter((eventId) => !recorded.has(eventId));
  return {
    stored: stored.length,
    messages: ledger.messages.length,
    mismatches: [
      ...cells,
      ...letters,
      ...lost.map((eventId) => `conflict ${eventId} has no dead letter`),
    ],
  } satisfies Verdict;
}

/**
 * An adopted stream is judged anew from its beginning: its letters are those of all that it holds,
 * each in its place.
 */
async function letterDifferences(site: TestSite, stored: readonly Stored[]): Promise<string[]> {
  const { rows } = await site.database.query<{ sequence: string; reason: string; letter: string }>(
    `SELECT sequence, reason, to_json(dead_letter)::text AS letter FROM dead_letter
     WHERE reason <> 'conflict' AND stream_id = (SELECT max(stream_id) FROM event_stream)`,
  );
  const recorded = new Map(rows.map((row) => [Number(row.sequence), row]));
  const refused = new Map<number, string>();
  for (const [index, one] of stored.entries()) {
    const judged = judge(one);
    if (judged.kind === 'refused') refused.set(index + 1, judged.reason);
  }
  return [...new Set([...recorded.keys(), ...refused.keys()])]
    .filter((sequence) => recorded.get(sequence)?.reason !== refused.get(sequence))
    .map((sequence) => {
      const letter = recorded.get(sequence)?.letter ?? 'no dead letter';
      return `sequence ${sequence}: ${letter} where the oracle has ${refused.get(sequence)}`;
    });
}
