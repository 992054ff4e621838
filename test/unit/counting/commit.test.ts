// A statement that ran out of time, or was cancelled, blames the surroundings and never an event: a
// lock that somebody holds must not make dead letters. A batch that never fits into the time is
// halved until it does.

import { expect, it } from 'vitest';
import { type CommitOptions, commit, prepare } from '../../../src/counting/commit.js';
import { DEFAULT_ADMISSION_RULES } from '../../../src/domain/message/admission.js';
import { dayOf } from '../../../src/domain/time/instant.js';
import type { Envelope } from '../../../src/nats/envelope.js';
import type { Log } from '../../../src/platform/log.js';
import { bytes, CHARGED, CHARGED_JSON, STORED_AT } from './decode/decode-samples.js';

const cancelled = () =>
  Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' });

const NO_DAYS: ReadonlySet<number> = new Set();

function charges(count: number): Envelope[] {
  return Array.from({ length: count }, (_, at) => ({
    subject: CHARGED,
    sequence: at + 1,
    timestamp: STORED_AT,
    contentType: 'application/json',
    payload: bytes({ ...CHARGED_JSON, eventId: `chg-${at}` }),
    replySubject: 'reply',
    redelivered: false,
    traceparent: undefined,
  }));
}

/** Commits through an `apply` that is told the batch's highest sequence; what was said is kept. */
function committing(
  apply: (highestSequence: number) => void,
  ledgerFloor: () => number = () => -Infinity,
  missingDays: () => ReadonlySet<number> = () => NO_DAYS,
) {
  const warnings: string[] = [];
  const asked: string[] = [];
  const options: CommitOptions = {
    apply: async (batch) => {
      apply(batch.highestSequence);
      return { conflictCount: 1, duplicateCount: 1, lost: [], serving: true };
    },
    announce: () => {},
    rules: DEFAULT_ADMISSION_RULES,
    guard: {
      get ledgerFloor() {
        return ledgerFloor();
      },
      get missingDays() {
        return missingDays();
      },
      lookAtDays: async () => {
        asked.push('day');
        return 0;
      },
    },
    stopping: new AbortController().signal,
    log: { warn: (message: string) => warnings.push(message) } as unknown as Log,
  };
  const run = (envelopes: Envelope[]) => commit(options, prepare(options, envelopes, 1));
  return { run, warnings, asked };
}

it('tries a batch again that ran out of time, and says so', async () => {
  const tried: number[] = [];
  const { run, warnings } = committing((sequence) => {
    tried.push(sequence);
    if (tried.length === 1) throw cancelled();
  });
  expect(await run(charges(2))).toMatchObject({ unstorableCount: 0 });
  expect(tried).toEqual([2, 2]);
  expect(warnings).toEqual(['batch not applied, trying again']);
});

it('waits for a single event for as long as it takes, and makes no dead letter of it', async () => {
  let attempts = 0;
  const { run } = committing(() => {
    if (++attempts < 6) throw cancelled();
  });
  expect(await run(charges(1))).toMatchObject({ unstorableCount: 0, decided: { deadLetters: [] } });
  expect(attempts).toBe(6);
});

it('halves a batch that ran out of time again and again', async () => {
  const applied: number[] = [];
  const { run, warnings } = committing((sequence) => {
    if (sequence === 4 && !applied.includes(2)) throw cancelled();
    applied.push(sequence);
  });
  // Both halves count: each was told of one conflict and one duplicate.
  const sums = { unstorableCount: 0, conflictCount: 2, duplicateCount: 2 };
  expect(await run(charges(4))).toMatchObject(sums);
  expect(applied).toEqual([2, 4]);
  expect(warnings.at(-1)).toBe('batch ran out of time, halved');
});

it('makes one dead letter of an event that the database refuses, alone or among others', async () => {
  const refused = () => Object.assign(new Error('refused'), { code: '22021' });
  for (const count of [1, 2]) {
    let refusals = 0;
    const { run } = committing((sequence) => {
      // Once the event alone, or the batch and then the event; what comes last under its sequence
      // is its dead letter.
      if (sequence === count && refusals < count) {
        refusals += 1;
        throw refused();
      }
    });
    const committed = await run(charges(count));
    expect(committed).toMatchObject({ unstorableCount: 1, decided: { deadLetters: [] } });
    // The metric of committed events is told of the others only.
    expect(committed.decided.events).toHaveLength(count - 1);
  }
});

it('judges a batch anew whose day of the ledger is missing, and blames no event for it', async () => {
  const missing = () =>
    Object.assign(new Error('no partition of relation "ledger_g1" found for row'), {
      code: '23514',
    });
  let floor = -Infinity;
  let refusals = 0;
  const { run, warnings, asked } = committing(
    () => {
      if (++refusals > 1) return;
      // The day was dropped: its floor is known a look later.
      floor = Infinity;
      throw missing();
    },
    () => floor,
  );
  const { decided, unstorableCount } = await run(charges(2));
  expect(unstorableCount).toBe(0);
  expect(decided.deadLetters.map(({ reason }) => reason)).toEqual(['too_old', 'too_old']);
  expect(warnings).toEqual(['a ledger day is missing, trying again']);
  expect(asked).toEqual(['day']);
});

it('refuses the events of a day at once that a look finds missing', async () => {
  let days = NO_DAYS;
  const { run, asked } = committing(
    (sequence) => {
      if (days.size > 0) return;
      // What the look finds that is asked for now.
      days = new Set([dayOf(charges(sequence)[0]?.timestamp ?? 0)]);
      throw Object.assign(new Error('the ledger day is empty'), { code: '23514' });
    },
    () => -Infinity,
    () => days,
  );
  const { decided } = await run(charges(2));
  expect(decided.deadLetters.map(({ reason }) => reason)).toEqual(['day_missing', 'day_missing']);
  // For the error, and again before what is refused is committed.
  expect(asked).toEqual(['day', 'day']);
});

it('counts the events of a day that is back by the time at which they would be refused', async () => {
  const gone: ReadonlySet<number> = new Set([dayOf(STORED_AT)]);
  let looks = 0;
  const { run } = committing(
    () => {},
    () => -Infinity,
    () => (looks++ === 0 ? gone : NO_DAYS),
  );
  const { decided } = await run(charges(2));
  expect(decided.deadLetters).toEqual([]);
  expect(decided.events).toHaveLength(2);
});
