// What is remembered of slots is found again only where a statement would read the same, and is
// bounded.
import { describe, expect, it } from 'vitest';
import { DayVersions, type Look } from '../../../src/answers/freshness/look.js';
import { type SlotKind, SlotMemory } from '../../../src/answers/memory/slot-memory.js';
import { MICROS_PER_DAY, MICROS_PER_MINUTE } from '../../../src/domain/time/instant.js';
import { type Slot, slotsOf } from '../../../src/rollups/slots.js';

const HOUR = 60 * MICROS_PER_MINUTE;
const TEXTS = { name: 'texts', bytesOf: (value: string) => value.length };

/** A look that says these versions of the days from 1970-01-01 on. */
function lookAt(versions: readonly number[], owner = 'one'): Look {
  return {
    ...{ generation: 1, dataAsOf: 0, revision: '', origin: '', owner },
    days: new DayVersions([...versions.keys()], versions),
  };
}

const slot = (from: number, to: number, settledTo = from): Slot => ({ from, to, settledTo });

/** What is known of slots, each asked for by itself. */
function recall<T>(
  memory: SlotMemory,
  kind: SlotKind<T>,
  series: string,
  slots: readonly Slot[],
  look: Look,
) {
  return slots.flatMap(({ from, to, settledTo }) =>
    memory.recall(kind, series, { edges: [from, to], settledThrough: settledTo }, look),
  );
}

function memoryOf(maxBytes: number, look: Look): SlotMemory {
  const memory = new SlotMemory(maxBytes);
  memory.enter(look);
  return memory;
}

describe('a slot is found again', () => {
  const look = lookAt([3, 5, 7]);
  const noon = MICROS_PER_DAY / 2;
  const across = slot(noon, MICROS_PER_DAY + noon);

  it('under the versions of its own days, whatever the others are', () => {
    const memory = memoryOf(10_000, look);
    memory.keep(TEXTS, 'a', across, look, 'kept');
    const found = (versions: number[]) =>
      recall(memory, TEXTS, 'a', [across], lookAt(versions)).join();
    expect(found([3, 5, 7])).toBe('kept');
    expect(found([3, 5, 8])).toBe('kept');
    expect(found([4, 5, 7])).toBe('');
    expect(found([3, 6, 7])).toBe('');
  });

  it('with the same part of it settled, and only that', () => {
    const memory = memoryOf(10_000, look);
    memory.keep(TEXTS, 'a', slot(0, 2 * HOUR, HOUR), look, 'half');
    const found = (settledTo: number) =>
      recall(memory, TEXTS, 'a', [slot(0, 2 * HOUR, settledTo)], look).join();
    expect([0, HOUR, 2 * HOUR].map(found)).toEqual(['', 'half', '']);
  });

  it('as itself: same ends, same series, same kind', () => {
    const memory = memoryOf(10_000, look);
    memory.keep(TEXTS, 'a', slot(0, HOUR), look, 'kept');
    expect(recall(memory, TEXTS, 'b', [slot(0, HOUR)], look)).toEqual([undefined]);
    expect(recall(memory, { ...TEXTS, name: 'more' }, 'a', [slot(0, HOUR)], look)).toEqual([
      undefined,
    ]);
    const others = [slot(0, 2 * HOUR), slot(HOUR, 2 * HOUR), slot(0, HOUR), slot(0, HOUR / 2)];
    expect(recall(memory, TEXTS, 'a', others, look)).toEqual([
      undefined,
      undefined,
      'kept',
      undefined,
    ]);
  });

  it('as what was kept last', () => {
    const memory = memoryOf(10_000, look);
    for (const text of ['old', 'new']) memory.keep(TEXTS, 'a', slot(0, HOUR), look, text);
    expect(recall(memory, TEXTS, 'a', [slot(0, HOUR)], look)).toEqual(['new']);
  });

  it('only in the generation and the database that it was read of', () => {
    const [first, second] = [lookAt([1], 'one'), lookAt([1], 'two')];
    const memory = memoryOf(10_000, first);
    memory.keep(TEXTS, 'a', slot(0, HOUR), first, 'kept');
    expect(recall(memory, TEXTS, 'a', [slot(0, HOUR)], second)).toEqual([undefined]);
    memory.enter(second);
    expect(recall(memory, TEXTS, 'a', [slot(0, HOUR)], second)).toEqual([undefined]);
    // A read that was begun before the change ends after it: what it has found is not of this
    // generation.
    memory.keep(TEXTS, 'a', slot(0, HOUR), first, 'late');
    expect(recall(memory, TEXTS, 'a', [slot(0, HOUR)], second)).toEqual([undefined]);
    memory.enter(first);
    expect(recall(memory, TEXTS, 'a', [slot(0, HOUR)], first)).toEqual([undefined]);
  });
});

describe('a day whose hours are known', () => {
  const look = lookAt([3, 5]);
  const joined = { ...TEXTS, sum: (values: readonly string[]) => values.join('') };
  const day = slot(0, MICROS_PER_DAY, 7 * HOUR);
  const hoursOf = (settledTo: number, count = 24) =>
    Array.from({ length: count }, (_, i) => {
      const [from, to] = [i * HOUR, (i + 1) * HOUR];
      return slot(from, to, Math.min(Math.max(from, settledTo), to));
    });
  const knowing = (hours: readonly Slot[], version = 3): SlotMemory => {
    const memory = memoryOf(100_000, look);
    hours.forEach((hour, i) => {
      memory.keep(joined, 'a', hour, lookAt([version]), String.fromCharCode(65 + i));
    });
    return memory;
  };

  it('is their sum, in order', () => {
    const memory = knowing(hoursOf(7 * HOUR));
    expect(recall(memory, joined, 'a', [day], look)).toEqual(['ABCDEFGHIJKLMNOPQRSTUVWX']);
    expect(recall(memory, joined, 'b', [day], look)).toEqual([undefined]);
  });

  it('is not, where an hour is missing, of another version or settled otherwise', () => {
    const found = (memory: SlotMemory) => recall(memory, joined, 'a', [day], look);
    expect(found(knowing(hoursOf(7 * HOUR, 23)))).toEqual([undefined]);
    expect(found(knowing(hoursOf(7 * HOUR), 4))).toEqual([undefined]);
    expect(found(knowing(hoursOf(7.5 * HOUR)))).toEqual([undefined]);
  });

  it('is read where values cannot be added up, and where it does not begin with an hour', () => {
    const memory = knowing(hoursOf(7 * HOUR));
    expect(recall(memory, TEXTS, 'a', [day], look)).toEqual([undefined]);
    expect(recall(memory, { ...joined, sum: () => undefined }, 'a', [day], look)).toEqual([
      undefined,
    ]);
    const later = slot(HOUR / 4, MICROS_PER_DAY + HOUR / 4, 7 * HOUR);
    expect(recall(memory, joined, 'a', [later], look)).toEqual([undefined]);
  });
});

describe('the memory', () => {
  const look = lookAt([1]);
  const QUARTER = HOUR / 4;
  /** Every sixth hour, each a block of its own. */
  const slots = Array.from({ length: 90 }, (_, i) => slot(i * 6 * HOUR, i * 6 * HOUR + QUARTER));

  it('is bounded: of more than it has room for, the latest are found', () => {
    // 10,000 bytes have room for seven texts of 400 letters and the 876 bytes of a block.
    const memory = memoryOf(10_000, look);
    for (const one of slots) memory.keep(TEXTS, 'a', one, look, 'x'.repeat(400));
    const found = recall(memory, TEXTS, 'a', slots, look).map((text) => text !== undefined);
    const kept = found.filter((known) => known).length;
    expect(kept).toBeGreaterThanOrEqual(6);
    expect(kept).toBeLessThanOrEqual(7);
    expect(found.slice(-kept)).toEqual(new Array(kept).fill(true));
  });

  it('forgets slots that lie one after the other together, and only those', () => {
    const memory = memoryOf(10_000, look);
    const hours = [0, 6 * HOUR].map((start) =>
      Array.from({ length: 24 }, (_, i) => slot(start + i * QUARTER, start + (i + 1) * QUARTER)),
    );
    const known = () =>
      hours.map((some) => recall(memory, TEXTS, 'a', some, look).filter(Boolean).length);
    for (const one of hours.flat()) memory.keep(TEXTS, 'a', one, look, 'x'.repeat(100));
    expect(known()).toEqual([24, 24]);
    const later = slot(12 * HOUR, 12 * HOUR + QUARTER);
    memory.keep(TEXTS, 'a', later, look, 'x'.repeat(4_000));
    expect(known()).toEqual([0, 24]);
  });

  it('counts what takes the place of something once', () => {
    const memory = memoryOf(10_000, look);
    for (const length of [400, 300]) {
      memory.keep(TEXTS, 'a', slot(0, QUARTER), look, 'x'.repeat(length));
    }
    const alone = memoryOf(10_000, look);
    alone.keep(TEXTS, 'a', slot(0, QUARTER), look, 'x'.repeat(300));
    expect(memory.bytes).toBe(alone.bytes);
  });

  it('keeps what is used while others come and go', () => {
    const memory = memoryOf(10_000, look);
    const [first, ...others] = slots as [Slot, ...Slot[]];
    memory.keep(TEXTS, 'a', first, look, 'used');
    for (const one of others) {
      memory.keep(TEXTS, 'a', one, look, 'x'.repeat(400));
      expect(recall(memory, TEXTS, 'a', [first], look)).toEqual(['used']);
    }
  });

  it('keeps what comes last also where everything else was found since', () => {
    const memory = memoryOf(10_000, look);
    const known = () => slots.filter((one) => recall(memory, TEXTS, 'a', [one], look)[0]).length;
    for (const one of slots) {
      memory.keep(TEXTS, 'a', one, look, 'x'.repeat(400));
      expect(recall(memory, TEXTS, 'a', [one], look)).toEqual(['x'.repeat(400)]);
      expect(known()).toBeGreaterThan(0);
    }
  });

  it('leaves nothing behind of blocks that are forgotten, however many series there were', () => {
    const memory = memoryOf(10_000, look);
    for (let i = 0; i < 1_000; i++) {
      memory.keep(TEXTS, `series ${i}`, slot(0, HOUR), look, 'x'.repeat(400));
    }
    expect(memory.blocks).toBeLessThanOrEqual(7);
    expect(memory.bytes).toBeLessThanOrEqual(10_000);
  });

  it('counts the names of series, which may be as long as a question', () => {
    const memory = memoryOf(1_000_000, look);
    const nameOf = (i: number) => `${i}`.padEnd(60_000, '.');
    for (let i = 0; i < 100; i++) memory.keep(TEXTS, nameOf(i), slot(0, HOUR), look, 'kept');
    expect(memory.blocks).toBeLessThan(1_000_000 / 60_000);
    expect(recall(memory, TEXTS, nameOf(99), [slot(0, HOUR)], look)).toEqual(['kept']);
  });

  it('does not keep what alone has no room', () => {
    const memory = memoryOf(10_000, look);
    memory.keep(TEXTS, 'a', slot(0, HOUR), look, 'kept');
    memory.keep(TEXTS, 'a', slot(HOUR, 2 * HOUR), look, 'x'.repeat(20_000));
    expect(recall(memory, TEXTS, 'a', [slot(0, HOUR)], look)).toEqual(['kept']);
  });

  it('of no size keeps nothing', () => {
    const memory = memoryOf(0, look);
    memory.keep(TEXTS, 'a', slot(0, HOUR), look, '');
    expect(recall(memory, TEXTS, 'a', [slot(0, HOUR)], look)).toEqual([undefined]);
  });
});

it('slots lie between edges, the settled boundary within each', () => {
  const edges = [0, HOUR, 2 * HOUR, 3 * HOUR];
  const settledThrough = HOUR + HOUR / 4;
  expect(slotsOf({ edges, settledThrough })).toEqual([
    slot(0, HOUR, HOUR),
    slot(HOUR, 2 * HOUR, settledThrough),
    slot(2 * HOUR, 3 * HOUR, 2 * HOUR),
  ]);
});
