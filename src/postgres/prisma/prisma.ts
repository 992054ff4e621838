// The Prisma client over an open pool, for the tables that people edit row by row: audit records,
// the resolution of dead letters, the steps of a generation that is being built (schema.prisma).
// The ledger, the rollups, and what takes locks over several tables are SQL on the same pool
// (DESIGN.md, "Prisma and SQL").
//
// Invariant: the pool's sessions are in UTC (open-pool.ts), for Prisma sends instants without an
// offset.
import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { PrismaClient } from '../../generated/prisma/client.js';

export type { PrismaClient } from '../../generated/prisma/client.js';

/** A client that uses `pool` and leaves it open; the opener of the pool ends it. */
export function openPrisma(pool: pg.Pool): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg(pool), errorFormat: 'minimal' });
}
