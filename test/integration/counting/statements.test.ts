// Each statement of counting, as Postgres is sent it: its text is pinned in `statements/`, so that
// a change of a fragment shows where it arrives, and it runs on a real database in the same breath.

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { announceProgress } from '../../../src/counting/announce/progress.js';
import {
  earliestMissingDayLetter,
  readMissingDays,
} from '../../../src/counting/days/missing-days.js';
import {
  freshEpoch,
  readGenerations,
  readStreams,
} from '../../../src/counting/guard/generation.js';
import {
  createLedgerDays,
  readGeneration,
  readKnownStream,
  recordStream,
  recordWatermark,
} from '../../../src/counting/guard/ingest-progress.js';
import { acceptGap, readGaps } from '../../../src/counting/guard/noticed-gaps.js';
import {
  beginAccount,
  findUnaccounted,
  recordGap,
  settleAccount,
} from '../../../src/counting/guard/stream-gaps.js';
import { applyBatch, encodeBatch } from '../../../src/counting/ledger/apply-batch.js';
import { foldBatch } from '../../../src/domain/message/ledger-fold.js';
import type { Queryable } from '../../../src/postgres/queryable.js';
import { createDatabase } from '../../support/engines.js';

const DAY = 86_400_000_000;
const AT = 20_000 * DAY;
const STREAM_NAME = 'SMS_EVENTS';

/** The ingest role, whose statements are kept as they are sent. */
let ingest: pg.Pool;
let ops: pg.Pool;
let sent: string[];
let streamId: number;

/** The pool itself, which says what passes through it. */
function overheard(pool: pg.Pool): Queryable {
  return new Proxy(pool, {
    get: (target, name) => {
      if (name !== 'query') return Reflect.get(target, name);
      return (query: string | pg.QueryConfig, values?: unknown[]) => {
        sent.push(typeof query === 'string' ? query : (query.text as string));
        return typeof query === 'string' ? target.query(query, values) : target.query(query);
      };
    },
  });
}

beforeAll(async () => {
  const database = await createDatabase();
  ingest = new pg.Pool({ connectionString: database.url('analytics_ingest') });
  ops = new pg.Pool({ connectionString: database.url('analytics_ops') });
  sent = [];
  streamId = await recordStream(ingest, STREAM_NAME, AT);
});
afterAll(async () => {
  await ingest?.end();
  await ops?.end();
});

const key = () => ({ generation: 1, streamId });
const empty = { folded: foldBatch([]), deadLetters: [], highestSequence: 7 };
const seen = { through: 9, firstSequence: 3, deleted: '{}', before: '{}' };
const around = { after: AT, before: undefined };
type Run = (ingest: Queryable, ops: Queryable) => Promise<unknown>;

/** File name, and what runs the statement, or the statements. */
const STATEMENTS: readonly (readonly [name: string, run: Run])[] = [
  ['apply-batch', (pool) => applyBatch(pool, { ...key(), worker: 'one' }, encodeBatch(empty))],
  ['generation', (pool) => readGeneration(pool, undefined)],
  ['known-stream', (pool) => readKnownStream(pool, 1)],
  ['record-stream', (pool) => recordStream(pool, STREAM_NAME, AT)],
  ['record-watermark', (pool) => recordWatermark(pool, { ...key(), worker: 'one' }, AT)],
  ['create-ledger-days', (pool) => createLedgerDays(pool, 1)],
  ['missing-days', (pool) => readMissingDays(pool, 1)],
  ['earliest-missing-day-letter', (pool) => earliestMissingDayLetter(pool)],
  ['begin-account', (pool) => beginAccount(pool, key(), 3, '{}')],
  ['find-unaccounted', (pool) => findUnaccounted(pool, key(), seen)],
  ['record-gap', (pool) => recordGap(pool, key(), '{[8,9]}', around)],
  ['settle-account', (pool) => settleAccount(pool, key(), 'one')],
  ['stream-progress', (pool) => announceProgress({ publish: () => {} }, pool, key())],
  ['gaps', (_, pool) => readGaps(pool, true)],
  ['accept-gap', (_, pool) => acceptGap(pool, 1, 'known')],
  ['generations', (_, pool) => readGenerations(pool)],
  ['streams', (_, pool) => readStreams(pool, STREAM_NAME)],
  ['fresh-epoch', (_, pool) => freshEpoch(pool, STREAM_NAME, AT)],
];

test.each(STATEMENTS)('%s is sent as it is written down, and runs', async (name, run) => {
  sent = [];
  await run(overheard(ingest), overheard(ops));
  const text = sent.map((statement) => `${statement.trim()};\n`).join('\n');
  await expect(text).toMatchFileSnapshot(`statements/${name}.sql`);
  // A list of columns may grow; a number in it would go on naming the place.
  expect(text).not.toMatch(/\b(?:GROUP|ORDER) BY \d/);
});
