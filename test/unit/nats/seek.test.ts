// Finding a place by time on a server that cannot: the same answer as looking at every message.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Stamped, searchSequence } from '../../../src/nats/seek.js';

it('finds the first message stored at or after an instant, across gaps', async () => {
  const gaps = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 })), {
    maxLength: 30,
  });
  await fc.assert(
    fc.asyncProperty(gaps, fc.integer({ min: 0, max: 100 }), async (steps, at) => {
      let sequence = 0;
      let storedAt = 0;
      const messages: Stamped[] = steps.map(([gap, later]) => {
        sequence += gap;
        storedAt += later;
        return { sequence, storedAt };
      });
      const last = sequence + 2; // the last messages were removed
      const nextAt = async (from: number) => messages.find((one) => one.sequence >= from);
      const expected = messages.find((one) => one.storedAt >= at)?.sequence ?? last + 1;
      expect(await searchSequence(1, last, at, nextAt)).toBe(expected);
    }),
  );
});
