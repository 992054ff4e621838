// The statements of the operators' verbs, as text and run: what is sent to Postgres is reviewed in
// statements.sql, and a real database accepts each.

import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { roleUrl } from '../../../deploy/local/engines/database.js';
import type { FoldedBatch } from '../../../src/domain/message/ledger-fold.js';
import { isCounted } from '../../../src/operating/dead-letters/counted.js';
import * as letters from '../../../src/operating/dead-letters/stored.js';
import * as compare from '../../../src/operating/rebuild/compare-generations.js';
import * as copy from '../../../src/operating/rebuild/copy-generation.js';
import * as swap from '../../../src/operating/rebuild/swap-generations.js';
import * as retention from '../../../src/operating/retention/retention.js';
import * as health from '../../../src/operating/status/generation-health.js';
import { openPrisma } from '../../../src/postgres/prisma/prisma.js';
import { recordStatements, sqlFile } from '../../support/recorded-statements.js';
import { createSite, type TestSite } from '../../support/site.js';

let site: TestSite;
let pool: pg.Pool;
beforeAll(async () => {
  site = await createSite();
  await site.database.query(
    `INSERT INTO event_stream (name, created_at) VALUES ('S', '2026-01-01')`,
  );
  const { databaseUrl, credentials } = site.site;
  pool = new pg.Pool({ connectionString: roleUrl(databaseUrl, 'analytics_ops', credentials) });
});
afterAll(async () => {
  await pool?.end();
  await site?.close();
});

const SOURCE = { sequence: 1, digest: 0n };
const BOOKED = {
  day: 20_000,
  messageId: '0193a5f2-7c1e-7d3a-9b4c-5e6f70819203',
  eventId: 'e1',
  amount: 25_000_000n,
  currency: 'EUR',
  accountId: 'acme',
  operatorId: '41220',
  source: SOURCE,
};
const CHARGED: FoldedBatch = {
  entries: [
    {
      ...BOOKED,
      acceptedAt: 1,
      report: undefined,
      deliveredSeen: false,
      failureSeen: false,
      charge: { ...BOOKED, chargedAt: 1, segments: 1 },
    },
  ],
  refunds: [],
  conflicts: [],
};
const REFUNDED: FoldedBatch = {
  entries: [],
  refunds: [{ ...BOOKED, refundedAt: 1 }],
  conflicts: [],
};

/** The computation is counting's own, and pinned there. */
const COMPUTE_LATER = 'WITH moved AS';

it('are these, and Postgres accepts each', async () => {
  const ran = recordStatements(pool);
  const prisma = openPrisma(pool);
  const filter = { reason: 'malformed', since: 0, open: true };
  const letter = { streamId: 1, sequence: 1 };
  const building = { generation: 2, base: 1, rebuiltFrom: 0 };
  const tier = retention.ROLLUP_TIERS[0] as retention.RollupTier;
  const statements = {
    listDeadLetters: await ran(() => letters.listDeadLetters(pool, filter, 10)),
    nextDeadLetters: await ran(() => letters.nextDeadLetters(pool, filter, letter, 10)),
    countDeadLetters: await ran(() => letters.countDeadLetters(pool, filter)),
    readDeadLetter: await ran(() => letters.readDeadLetter(pool, 1, 1)),
    resolveDeadLetter: await ran(() => letters.resolveDeadLetter(prisma, letter, 'discarded')),
    countByReason: await ran(() => letters.countByReason(pool)),
    isCounted: await ran(async () => {
      expect(await isCounted(pool, 1, CHARGED)).toBe(false);
      expect(await isCounted(pool, 1, REFUNDED)).toBe(false);
    }),
    insertBuilding: await ran(() => copy.insertBuilding(pool, 1, 0)),
    setRebuiltFrom: await ran(() => copy.setRebuiltFrom(prisma, 2, 0)),
    prepareGeneration: await ran(() => copy.prepareGeneration(pool, building)),
    copyGeneration: (await ran(() => copy.copyGeneration(pool, building, 30_000, () => {}))).filter(
      (text) => !text.startsWith(COMPUTE_LATER),
    ),
    differingBuckets: await ran(() => compare.differingBuckets(pool, 1, 2, 0)),
    rollupTotals: await ran(() => compare.rollupTotals(pool, 1, 2)),
    swapGenerations: await ran(async () => {
      await site.database.query(
        `INSERT INTO ingest_progress (generation, stream_id, worker, data_as_of)
         SELECT 2, stream_id, 'w', now() FROM event_stream LIMIT 1`,
      );
      expect(await swap.swapGenerations(pool, 1, 2)).toBe(true);
    }),
    retireBuilding: await ran(() => swap.retireBuilding(prisma, 2)),
    readUncleaned: await ran(() => swap.readUncleaned(pool)),
    secondsSinceLook: await ran(() => swap.secondsSinceLook(pool, 1)),
    countOlderReaders: await ran(async () =>
      swap.countOlderReaders(pool, await swap.markNow(pool)),
    ),
    dropGeneration: await ran(() => swap.dropGeneration(pool, 1)),
    ledgerDaysBelow: await ran(() => retention.ledgerDaysBelow(pool, 2, 30_000)),
    dropLedgerDays: await ran(() => retention.dropLedgerDays(pool, 2, 10_000)),
    oldestRollupDay: await ran(() => retention.oldestRollupDay(pool, tier, 2, 10_000)),
    deleteRollupDay: await ran(() => retention.deleteRollupDay(pool, tier, 2, 10_000)),
    countDeadWorkers: await ran(() => retention.countDeadWorkers(pool)),
    foldDeadWorkers: await ran(() => retention.foldDeadWorkers(pool)),
    readIngestWorkers: await ran(() => health.readIngestWorkers(pool)),
    readLedgerDays: await ran(() => health.readLedgerDays(pool, 2)),
    idsOnTwoDays: await ran(() => health.findOddity(pool, 'idsOnTwoDays', 2, 1_000)),
    overRefunded: await ran(() => health.findOddity(pool, 'overRefunded', 2, 1_000)),
  };
  for (const [name, texts] of Object.entries(statements)) expect(texts, name).not.toEqual([]);
  await expect(sqlFile(statements)).toMatchFileSnapshot('statements.sql');
});
