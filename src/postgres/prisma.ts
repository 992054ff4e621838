// The Prisma client over an open pool: for the tables beside the counting (audit, dead letters,
// streams, generations). The ledger and the rollups are partitioned and set-based; they are reached
// by parameterised SQL on the same pool (DESIGN.md, "Prisma and SQL").
import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { PrismaClient } from '../generated/prisma/client.js';

export type { PrismaClient } from '../generated/prisma/client.js';

/** A client that uses `pool` and leaves it open: whoever opened the pool ends it. */
export function openPrisma(pool: pg.Pool): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg(pool) });
}
