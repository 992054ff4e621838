// Ingestion does not wait for the copy: what is committed at any step of a run is copied by it or
// by the next one, once.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { manyChanges, openStage, type Stage } from '../../integration/copy/stage.js';
import { createClickHouse, createDatabase } from '../../support/engines.js';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage(await createDatabase(), createClickHouse());
  await stage.change(manyChanges(100));
  await stage.run();
});
afterAll(() => stage.close());

const steps = ['fenced', 'snapshot taken', 'loaded', 'verified', 'marked', 'checkpointed'] as const;

test.each(steps)(
  'what is committed when %s is copied at the latest by the next run',
  async (at) => {
    await stage.change(manyChanges(30, 3));
    let count = 0;
    const during = await stage.run({
      onStep: async (step) => {
        if (step !== at) return;
        count++;
        await stage.change(manyChanges(20, 7)); // buckets of rows that are there, and one of a row that is not
        await stage.change([
          { bucket: '2026-11-01T00:00:00Z', account: `fresh ${at}`, messages: 5 },
        ]);
      },
    });
    expect(count).toBe(1);
    const sound = { outcome: 'copied', record: { daysResent: 0, daysDifferent: 0 } };
    expect(during).toMatchObject(sound);
    expect(await stage.run()).toMatchObject(sound);
    await stage.expectEqualSides();
    expect(await stage.sql('SELECT count(*)::text FROM rollup_change')).toEqual([['0']]);
  },
);
