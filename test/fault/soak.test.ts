// The truth under fire: a random schedule of faults under load, on the real processes, and at the
// end not one cell of any rollup may differ from the oracle. Bounded here; `npm run test:soak --
// --minutes N --seed S` runs it for longer.

import { expect, it } from 'vitest';
import { runSoak } from './soak/run.js';
import { FAULTS, scheduleOf } from './soak/schedule.js';

const seconds = Number(process.env.SOAK_SECONDS ?? 42);
const seed = Number(process.env.SOAK_SEED ?? 1);
const say = (line: string) => void process.stderr.write(`soak: ${line}\n`);

it('the same seed makes the same schedule, another seed another', () => {
  expect(scheduleOf(seed, 60_000)).toEqual(scheduleOf(seed, 60_000));
  expect(scheduleOf(seed, 60_000)).not.toEqual(scheduleOf(seed + 1, 60_000));
});

it('a run of five minutes and more has every fault', () => {
  const drawn = new Set(scheduleOf(seed, 300_000).map(({ fault }) => fault));
  expect([...drawn].sort()).toEqual(FAULTS.map(({ fault }) => fault).sort());
});

it(
  'the rollups equal the oracle to the last unit after every fault',
  async () => {
    const result = await runSoak({ seed, seconds, say });
    say(
      `seed ${seed}: ${result.faults} faults injected, ${result.published} events published, ` +
        `${result.stored} stored, ${result.messages} messages, ${result.mismatches.length} mismatches`,
    );
    expect(result.mismatches.slice(0, 20)).toEqual([]);
    expect(result.gaveUp).toEqual([]);
    expect(result.messages).toBeGreaterThan(0);
  },
  (4 * seconds + 1_200) * 1000,
);
