// The producer's own database, as it is handed to the outbox: a client, pool or transaction of
// `pg`, or a Prisma transaction.

/** What `pg` has. */
export interface QueryClient {
  query(text: string, values: unknown[]): Promise<{ readonly rows: unknown[] }>;
}

/** What a Prisma client and its transactions have. */
export interface PrismaClient {
  $executeRawUnsafe(text: string, ...values: unknown[]): Promise<number>;
}
