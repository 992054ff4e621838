// What every verb works with: Postgres as analytics_ops, NATS as the ops user, and the name under
// which acts are recorded. Opened for one verb and closed after it.
import { randomUUID } from 'node:crypto';
import type { JetStreamManager, NatsConnection } from 'nats';
import type { Pool } from 'pg';
import { connectNats } from '../nats/connect.js';
import { type ConfigOf, readConfig } from '../platform/settings/config.js';
import { opsSettings } from '../platform/settings/settings-ops.js';
import { refusePrivilegedSession } from '../postgres/check-role.js';
import { openPool } from '../postgres/open-pool.js';
import type { PrismaClient } from '../postgres/prisma/prisma.js';
import { currentActor } from './actor.js';
import { Refused } from './exit-code.js';

const INBOX_PREFIX = '_INBOX_OPS';
/** Enough for a copy beside the questions asked meanwhile. */
const POOL_SIZE = 3;
const CONNECT_TIMEOUT_MS = 10_000;
/**
 * No statement has a time-out: those of a rebuild rightly take as long as the ledger is large. But
 * none waits longer than this for somebody else's lock; every verb can be run again.
 */
const LOCK_TIMEOUT_MS = 120_000;
const KEEP_ALIVE_DELAY_MS = 10_000;

export type OpsConfig = ConfigOf<typeof opsSettings>;

/** A verb's Postgres. */
export interface StoreSession {
  readonly config: OpsConfig;
  readonly pool: Pool;
  /** Prisma over the same pool, loaded with the first use: verbs that only read do without. */
  readonly prisma: () => Promise<PrismaClient>;
  /** Who is recorded to act; undefined where no name is known. */
  readonly actor: string | undefined;
  /** Of all that this verb does. */
  readonly correlationId: string;
}

/** A verb's Postgres and NATS. */
export interface Session extends StoreSession {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
}

/**
 * Runs `act` with Postgres. Rejects with ConfigFaults, with PrivilegedRole where the login is more
 * than a role of this project (what `migrate` makes as a superuser would belong to one), or with
 * what `act` rejects with.
 */
export async function withStore<T>(act: (session: StoreSession) => Promise<T>): Promise<T> {
  const config = readConfig(opsSettings);
  const pool = openPool(config.databaseUrl, {
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'ops',
    lock_timeout: LOCK_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
  });
  try {
    await refusePrivilegedSession('DATABASE_URL', pool);
    const actor = currentActor(config.actor);
    const prisma = prismaOver(pool);
    return await act({ config, pool, prisma, actor, correlationId: randomUUID() });
  } finally {
    await pool.end();
  }
}

function prismaOver(pool: Pool): () => Promise<PrismaClient> {
  let opened: Promise<PrismaClient> | undefined;
  return () => {
    opened ??= import('../postgres/prisma/prisma.js').then(({ openPrisma }) => openPrisma(pool));
    return opened;
  };
}

/** Runs `act` with Postgres and NATS. Rejects with Refused where no NATS is configured. */
export function withSession<T>(act: (session: Session) => Promise<T>): Promise<T> {
  return withStore(async (store) => {
    const { natsUrl, natsUser, natsPassword } = store.config;
    if (natsUrl === undefined) throw new Refused('NATS_URL: not set, expected nats://host:port');
    const url = natsUrl.reveal();
    const connection = await connectNats({
      url: () => natsUrl.reveal(),
      user: natsUser,
      password: () => natsPassword?.reveal(),
      name: 'ops',
      inboxPrefix: INBOX_PREFIX,
    }).catch((error: unknown) => {
      const hosts = url.split(',').map((one) => new URL(one).host);
      throw new Error(`NATS at ${hosts.join(', ')}: ${messageOf(error)}. Check NATS_URL.`);
    });
    try {
      return await act({ ...store, connection, manager: await connection.jetstreamManager() });
    } finally {
      await connection.close();
    }
  });
}

/**
 * The message of whatever was thrown; Node's collected connection errors have none of their own.
 */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(messageOf).join('; ');
  }
  return error instanceof Error ? error.message : String(error);
}
