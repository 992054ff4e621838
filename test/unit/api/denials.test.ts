// Denials on their way into the audit: none is dropped, however many come and however long the
// store is away.

import { expect, it } from 'vitest';
import { DenialAudit } from '../../../src/api/authorisation/denials.js';
import type { DenialRow } from '../../../src/audit/records/record-denials.js';
import type { Log } from '../../../src/platform/log.js';

const MINUTE = 60_000_000;
const silent = { error: () => {} } as unknown as Log;

it('counts under another name what no longer fits, also what comes back from a store that failed', async () => {
  let now = 1_000 * MINUTE;
  let refuse: (() => void) | undefined;
  const recorded: DenialRow[] = [];
  let away = true;
  const clock = { now: () => now, monotonicMs: () => now / 1_000 };
  const audit = new DenialAudit(clock, silent, async (rows) => {
    if (!away) return void recorded.push(...rows);
    await new Promise<void>((resolve) => {
      refuse = resolve;
    });
    throw new Error('away');
  });
  for (let n = 0; n < 1_500; n++) audit.note(`s${n}`, 'GetX', 'UNKNOWN_CALLER', `c${n}`);
  now += MINUTE;
  const first = audit.flush();
  while (refuse === undefined) await Promise.resolve();
  for (let n = 0; n < 2_500; n++) audit.note(`t${n}`, 'GetX', 'UNKNOWN_CALLER', `d${n}`);
  // Two days more: a minute of its own for each would be without bound.
  for (let n = 0; n < 2_880; n++) {
    now += MINUTE;
    audit.note(`u${n}`, 'GetX', 'UNKNOWN_CALLER', `e${n}`);
  }
  refuse();
  await first;
  away = false;
  await audit.flush(true);
  expect(recorded.reduce((sum, { count }) => sum + count, 0)).toBe(4_000 + 2_880);
  expect(recorded.length).toBe(2_000 + 1);
  const others = recorded.filter(({ caller }) => caller === 'other');
  expect(others.map(({ minute, count }) => [minute / MINUTE, count])).toEqual([
    [1_000, 500 + 2_880 + 1_500],
  ]);
});
