// A batch belongs to the stream that it was pulled from. Here one is pulled, and waits for the
// batch before it, while the stream is deleted, recreated and adopted: its sequences name other
// events by then, so it is given up, not committed.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSite, type TestSite } from '../support/site.js';
import { lotsOf, Published, startCounter, until, untilRefusing } from './guarded-ingest.js';
import { asOps, durable, heldSessions, holdCommits, refusedOf } from './held-commit.js';

const BATCH = 100;

let site: TestSite;

beforeAll(async () => {
  site = await createSite();
});
afterAll(() => site?.close());

interface Progress {
  readonly highest: number;
  /** Sequences of the refused events. */
  readonly refused: readonly number[];
}

async function progressOf(streamId: number): Promise<Progress> {
  const { rows } = await site.database.query<{ highest: number; refused: number[] }>(
    `SELECT (SELECT coalesce(max(highest_sequence), 0)::int FROM ingest_progress WHERE stream_id = $1) AS highest,
            ARRAY(SELECT sequence::int FROM dead_letter
                  WHERE stream_id = $1 AND reason <> 'conflict' ORDER BY sequence) AS refused`,
    [streamId],
  );
  return rows[0] ?? { highest: -1, refused: [] };
}

async function streamIds(): Promise<number[]> {
  const { rows } = await site.database.query<{ id: number }>(
    'SELECT stream_id::int AS id FROM event_stream ORDER BY stream_id',
  );
  return rows.map(({ id }) => id);
}

it('a batch that was pulled before the stream was recreated and adopted is never committed as of the new one', async () => {
  const [first = [], second = [], third = []] = lotsOf(3, BATCH - 1, 23);
  const counted = new Published(site);
  const unlock = await holdCommits(site);
  await counted.publish(first);
  await site.publish(refusedOf(first));
  await site.publish(second);
  await site.publish(refusedOf(second));
  // The first batch is at the database, the second in memory behind it, when the stream goes.
  const counter = await startCounter(site, { BATCH_SIZE: String(BATCH) });
  await until('the first batch is held', async () => (await heldSessions(site)).length === 1);
  await until(
    'the second batch is pulled',
    async () => (await durable(site)).num_ack_pending === 2 * BATCH,
  );
  await asOps(site, (manager) => manager.streams.delete('SMS_EVENTS'));
  await site.ops('setup');
  await untilRefusing(counter, 'recreated', 'ops adopt-stream');
  await site.ops('adopt-stream', '--yes');
  await until('it counts on', () => counter.log().includes('counting goes on'));
  const [oldId = 0, newId = 0, ...more] = await streamIds();
  expect(more).toEqual([]);
  counter.forget();
  await unlock();
  await site.publish(refusedOf(third));
  await counted.publish(third);
  await until('of the new stream is counted', async () => (await progressOf(newId)).highest > 0);
  // The second batch would have brought the new stream a sequence that it does not have.
  expect((await progressOf(newId)).highest).toBeLessThanOrEqual(BATCH);
  await counted.expectCells();
  expect(await progressOf(oldId)).toEqual({ highest: BATCH, refused: [BATCH] });
  expect(await progressOf(newId)).toEqual({ highest: BATCH, refused: [1] });
  // What was given up with the old stream is counted once its producers publish it again.
  await counted.publish(second);
  await counted.expectCells();
  expect(counter.log()).not.toContain('counting stopped');
  await until('ready again', async () => (await counter.readyStatus()) === 200);
});
