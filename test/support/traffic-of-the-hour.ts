// Demo traffic that tests publish, drawn for a given instant: the events follow the clock, so what
// a test needs of them must hold at every instant (test/unit/traffic/every-hour.test.ts).

import { random } from '../../deploy/local/traffic/random.js';
import { type Publication, publications } from '../../deploy/local/traffic/schedule.js';

const SECOND = 1_000_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;

/**
 * Valid traffic of the eight hours before `nowMs`, in `count` lots of `size`: later lots report on
 * earlier ones.
 */
export function lotsAt(nowMs: number, count: number, size: number, seed: number): Publication[][] {
  const now = Math.floor(nowMs / 1000) * SECOND;
  const from = now - 8 * HOUR;
  const wanted = count * size;
  let valid: Publication[] = [];
  // A pace is a mean: few events vary by half of it. So the pace rises until there are enough.
  for (let spare = 1.5; valid.length < wanted; spare *= 1.5) {
    const paces = [{ from, eventsPerSecond: (spare * wanted) / (8 * 3_600), rhythm: false }];
    valid = [...publications({ seed, paces }, from, now)].filter(({ invalid }) => !invalid);
  }
  return Array.from({ length: count }, (_, lot) => valid.slice(lot * size, (lot + 1) * size));
}

/**
 * Four whole days and the day of `nowMs` so far, in another order, and about every tenth event
 * twice.
 */
export function shuffledDays(nowMs: number, seed: number): Publication[] {
  const now = nowMs * 1000;
  const from = now - (now % DAY) - 4 * DAY;
  const all = [
    ...publications({ seed, paces: [{ from, eventsPerSecond: 0.02, rhythm: true }] }, from, now),
  ];
  const draw = random(seed);
  // Copies carry no message id, so the broker keeps them.
  const copies = all
    .filter(() => draw.chance(0.1))
    .map((one) => ({ ...one, headers: { 'content-type': one.headers['content-type'] ?? '' } }));
  return [...all, ...copies]
    .map((publication) => ({ publication, place: draw.unit() }))
    .sort((one, other) => one.place - other.place)
    .map(({ publication }) => publication);
}
