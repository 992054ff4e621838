// Readiness: hysteresis in both directions, and draining.
import { expect, test } from 'vitest';
import { Readiness } from '../../../src/platform/readiness.js';

function watched(): { readiness: Readiness; set: (works: boolean) => void; changes: string[] } {
  let works = true;
  const changes: string[] = [];
  const readiness = new Readiness({
    probes: { database: () => (works ? Promise.resolve() : Promise.reject(new Error('down'))) },
    failuresToLose: 3,
    successesToGain: 2,
    onChange: (ready, lacking) => {
      const why = lacking && ` ${lacking.step} ${(lacking.error as Error | undefined)?.message}`;
      changes.push(`${ready}${why ?? ''}`);
    },
  });
  return { readiness, changes, set: (value) => (works = value) };
}

test('the first success makes it ready; three failures in a row lose it; two successes regain it', async () => {
  const { readiness, set, changes } = watched();
  expect(readiness.ready).toBe(false);
  await readiness.look();
  expect(readiness.ready).toBe(true);
  set(false);
  await readiness.look();
  await readiness.look();
  set(true);
  await readiness.look();
  set(false);
  await readiness.look();
  await readiness.look();
  expect(readiness.ready).toBe(true);
  await readiness.look();
  expect(readiness.ready).toBe(false);
  set(true);
  await readiness.look();
  expect(readiness.ready).toBe(false);
  await readiness.look();
  expect(readiness.ready).toBe(true);
  expect(changes).toEqual(['true', 'false database down', 'true']);
});

test('a drained process is not ready at once and for good', async () => {
  const { readiness } = watched();
  await readiness.look();
  readiness.drain();
  expect(readiness.ready).toBe(false);
  await readiness.look();
  expect(readiness.ready).toBe(false);
});

test('a probe that hangs counts as a failure', async () => {
  const readiness = new Readiness({
    probes: { hangs: () => new Promise(() => {}) },
    probeTimeoutMs: 20,
  });
  await readiness.look();
  expect(readiness.ready).toBe(false);
});
