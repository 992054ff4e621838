// Random ledgers, random questions: every number of every answer equals the oracle's, who counts
// the events themselves by brute force (test/oracle). Each question is asked again after every few
// batches, of processes that remember what they read before, much or little of it, or whole
// answers: what is remembered is tried as well.
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUpDay } from '../../../src/counting/days/add-up-day.js';
import { decode } from '../../../src/counting/decode/decode.js';
import { recordWatermark } from '../../../src/counting/guard/ingest-progress.js';
import {
  applyBatch,
  conflictLetters,
  encodeBatch,
} from '../../../src/counting/ledger/apply-batch.js';
import { foldBatch } from '../../../src/domain/message/ledger-fold.js';
import { Dimension } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { differences } from '../../oracle/differences.js';
import type { Stored } from '../../oracle/judge.js';
import { ledgerOf } from '../../oracle/ledger.js';
import { createDatabase, type TestDatabase } from '../../support/engines.js';
import { type Answer, expectedPages, pagesOf, type Standings } from './asked-pages.js';
import { EVERYTHING, factsOf } from './facts-met.js';
import { DAY, iso, ledgersOf, SEASONS, type Season } from './random-ledger.js';
import { type Question, questionsOf } from './random-questions.js';
import { queriesAt, type TestQueries } from './rollup-rows.js';
import { unbalanced } from './sums-of-answers.js';

const SEED = 20_261_122;
const MESSAGES = 200;
const QUESTIONS = 60;
const BATCHES = 10;
/** Batches between two rounds of questions. */
const ROUND = 2;
const RETENTION_DAYS = 480;

let database: TestDatabase;
let owner: pg.Pool;
let streamId: number;
let sequence = 0;
const met = new Set<string>();

/** Makes a database whose ledger takes the days of these events. */
async function open(events: readonly Stored[]): Promise<void> {
  database = await createDatabase();
  owner = new pg.Pool({ connectionString: database.superuserUrl, max: 2 });
  const days = new Set(events.map(({ payload }) => acceptedAtOf(payload).slice(0, 10)));
  await owner.query(
    `SELECT create_ledger_days(1::smallint, day, day) FROM unnest($1::date[]) AS day`,
    [[...days]],
  );
  const { rows } = await owner.query<{ stream_id: number }>(
    `INSERT INTO event_stream (name, created_at) VALUES ('SMS_EVENTS', now()) RETURNING stream_id`,
  );
  streamId = rows[0]?.stream_id as number;
}

const acceptedAtOf = (payload: Uint8Array): string =>
  JSON.parse(Buffer.from(payload).toString()).acceptedAt;

/** Counts a batch as ingest does. */
async function apply(batch: readonly Stored[]): Promise<void> {
  const events = batch.map((stored) => {
    const decoded = decode({ ...stored, sequence: ++sequence, timestamp: stored.storedAt });
    if (!decoded.admitted) throw new Error(`refused: ${decoded.refusal.reason}`);
    return decoded.event;
  });
  const folded = foldBatch(events);
  const countable = { folded, deadLetters: conflictLetters(folded), highestSequence: sequence };
  await applyBatch(owner, { generation: 1, streamId, worker: 'one' }, encodeBatch(countable));
}

/**
 * Adds up every third day, each time others: of the rest some are as they were added up, and some
 * have changed since.
 */
async function addUpSome(batches: readonly Stored[], turn: number): Promise<void> {
  const days = new Set(batches.map(({ payload }) => acceptedAtOf(payload).slice(0, 10)));
  const third = [...days].sort().filter((_, i) => i % 3 === turn % 3);
  for (const day of third) await addUpDay(owner, 1, Date.parse(day) / 86_400_000);
}

/** Each remembers in another way; all must say the same. */
const processesAt = (now: string): [string, TestQueries][] => {
  const common = {
    lookIntervalMs: 0,
    retentionDays: RETENTION_DAYS,
    throughputRetentionDays: RETENTION_DAYS,
  };
  return [
    ['with slots', queriesAt(database, now, { ...common, cacheEntries: 0 })],
    [
      'with few slots',
      queriesAt(database, now, { ...common, cacheEntries: 0, memoryBytes: 60_000 }),
    ],
    ['with answers', queriesAt(database, now, common)],
  ];
};

describe.each(SEASONS)('in a ledger of $name', (season: Season) => {
  const at = SEASONS.indexOf(season);
  const now = Date.parse(season.now) * 1000;
  const retainedFrom = now - RETENTION_DAYS * DAY;
  const [batches = []] = fc.sample(ledgersOf(season, MESSAGES, BATCHES), {
    ...{ seed: SEED + at, numRuns: 1 },
  });
  const sample = fc.sample(questionsOf(season, retainedFrom), {
    ...{ seed: SEED + at, numRuns: QUESTIONS },
  });
  // Accounts first: they are read as the latest look says, and that is still the one of the round
  // before.
  const questions = [...sample.filter(isOfAccounts), ...sample.filter((one) => !isOfAccounts(one))];
  let processes: [string, TestQueries][] = [];

  beforeAll(async () => {
    await open(batches.flat());
    processes = processesAt(season.now);
  });
  afterAll(async () => {
    for (const [, queries] of processes) await queries.end();
    await owner?.end();
  });

  it('every answer equals the oracle, whatever was remembered', { timeout: 300_000 }, async () => {
    const revisions = new Set<string>();
    for (let done = 0; done < batches.length; done += ROUND) {
      for (const batch of batches.slice(done, done + ROUND))
        if (batch.length > 0) await apply(batch);
      await addUpSome(batches.flat(), done / ROUND);
      const counted = ledgerOf(batches.slice(0, done + ROUND).flat());
      // From before the anchors' last week to the wall clock, never at the edge of a cell.
      const left = (batches.length - done - ROUND) / batches.length;
      const dataAsOf = now - Math.floor(left * 12 * DAY) - 333_333_333;
      await recordWatermark(owner, { generation: 1, streamId, worker: 'one' }, dataAsOf);
      const standing = { dataAsOf, retainedFrom };
      const found = await roundOf(processes, questions, { ledger: counted, ...standing });
      expect(found.wrong.join('\n')).toBe('');
      // All processes and questions of a round stand on one revision, and every round on another.
      expect(found.revisions.size).toBe(1);
      for (const revision of found.revisions) expect(revisions.has(revision)).toBe(false);
      for (const revision of found.revisions) revisions.add(revision);
    }
    expect(processes.at(-1)?.[1].cacheUse().hits).toBeGreaterThanOrEqual(QUESTIONS);
  });
});

it('the questions were about everything that answers can differ in', () => {
  expect(EVERYTHING.filter((fact) => !met.has(fact))).toEqual([]);
});

function isOfAccounts({ rpc, asked }: Question): boolean {
  if (rpc !== 'getDeliveryBreakdown') return rpc === 'getAccountUsage';
  const filtered = (asked.filter?.accountIds.length ?? 0) > 0;
  return filtered || asked.groupBy.includes(Dimension.DIMENSION_ACCOUNT);
}

/** Asks every question of every process, twice where answers are kept. */
async function roundOf(
  processes: readonly [string, TestQueries][],
  questions: readonly Question[],
  standings: Standings,
): Promise<{ wrong: string[]; revisions: Set<string> }> {
  const wrong: string[] = [];
  const revisions = new Set<string>();
  const twice = [...processes, ...processes.slice(-1)];
  for (const question of questions) {
    let expected: Answer[] | undefined;
    for (const [name, queries] of twice) {
      const pages = await pagesOf(queries, question);
      if (expected === undefined) {
        expected = expectedPages(question, pages, standings);
        for (const fact of factsOf(question, expected)) met.add(fact);
      }
      const lines = differences(pages, expected);
      for (const page of pages) {
        lines.push(...unbalanced(question, page));
        revisions.add(page.meta?.revision ?? '');
      }
      if (lines.length === 0) continue;
      const asked = JSON.stringify(question);
      wrong.push(`${asked} ${name}, data_as_of ${iso(standings.dataAsOf)}`, ...lines.slice(0, 5));
    }
  }
  return { wrong: wrong.slice(0, 40), revisions };
}
