// The table of digests against a Map, over random steps: one that loses a digest would let a
// segment go too early, or never.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  IN_HAND,
  Outstanding,
  type Progress,
  STORED,
  WAITING,
} from '../../../src/publishing/spool/outstanding.js';

// Few low halves, so that most digests meet in one run of slots, at the table's end too.
const digest = fc.tuple(fc.nat({ max: 40 }), fc.constantFrom(0, 1, 2, 1022, 1023, 2047));
const step = fc.oneof(
  fc.record({ kind: fc.constant('add'), digest, segment: fc.nat({ max: 5 }) }),
  fc.record({ kind: fc.constant('delete'), digest, segment: fc.nat({ max: 5 }) }),
  fc.record({ kind: fc.constant('store'), digest, segment: fc.nat({ max: 5 }) }),
  fc.record({ kind: fc.constant('forget'), digest, segment: fc.nat({ max: 5 }) }),
  fc.record({ kind: fc.constant('deleteSegment'), digest, segment: fc.nat({ max: 5 }) }),
);

it('holds what a Map would hold', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const table = new Outstanding();
      const model = new Map<string, { segment: number; progress: Progress }>();
      for (const { kind, digest: pair, segment } of steps) {
        const [high, low] = pair;
        const key = `${high} ${low}`;
        const slot = table.find(high, low);
        expect(slot >= 0).toBe(model.has(key));
        if (kind === 'add' && slot < 0) {
          table.add(high, low, segment, IN_HAND);
          model.set(key, { segment, progress: IN_HAND });
        } else if (kind === 'delete' && slot >= 0) {
          table.delete(slot);
          model.delete(key);
        } else if (kind === 'store' && slot >= 0) {
          table.setProgress(slot, STORED);
          const entry = model.get(key);
          if (entry) entry.progress = STORED;
        } else if (kind === 'forget') {
          table.forgetStored(new Set([segment]));
          for (const entry of model.values()) {
            if (entry.segment === segment && entry.progress === STORED) entry.progress = WAITING;
          }
        } else if (kind === 'deleteSegment') {
          table.deleteSegments(new Set([segment]));
          for (const [other, entry] of model) if (entry.segment === segment) model.delete(other);
        }
        expect(table.size).toBe(model.size);
      }
      for (const [key, { segment, progress }] of model) {
        const [high = 0, low = 0] = key.split(' ').map(Number);
        const slot = table.find(high, low);
        expect([table.segmentAt(slot), table.progressAt(slot)]).toEqual([segment, progress]);
      }
    }),
    { numRuns: 60 },
  );
});

it('grows without losing a digest', () => {
  const table = new Outstanding();
  for (let index = 0; index < 10_000; index++) table.add(index, index * 7919, 1, WAITING);
  for (let index = 0; index < 10_000; index++) {
    expect(table.find(index, index * 7919)).toBeGreaterThanOrEqual(0);
  }
  expect(table.find(1, 0)).toBe(-1);
});
