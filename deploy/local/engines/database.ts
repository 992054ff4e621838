// The database of the local stack and of the tests: created when missing, with its login roles and
// the newest migrations, by the same code that prepares a production database.

import pg from 'pg';
import { migrate } from '../../../src/postgres/prisma/migrate.js';
import { createRoles, type RoleName } from '../../../src/postgres/roles.js';
import type { Credentials } from '../secrets/credentials.js';
import { Advice } from '../toolchain/project.js';

/**
 * Creates the database `name` on the server of `serverUrl` when there is none; returns its
 * superuser URL.
 */
export async function ensureDatabase(serverUrl: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Roles, then migrations; repeatable. */
export async function prepareDatabase(
  superuserUrl: string,
  credentials: Credentials,
): Promise<void> {
  await createRoles(superuserUrl, credentials.roles);
  await migrate(roleUrl(superuserUrl, 'analytics_owner', credentials));
}

/** The URL with which `role` connects to the database of `superuserUrl`. */
export function roleUrl(superuserUrl: string, role: RoleName, { roles }: Credentials): string {
  const url = new URL(superuserUrl);
  url.username = role;
  url.password = roles[role];
  return url.href;
}

/**
 * Throws `Advice` when a PostgreSQL given by DATABASE_URL cannot serve: unreachable, too old, not a
 * superuser.
 */
export async function checkForeignServer(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query(
      `SELECT current_setting('server_version_num')::int AS version,
              (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super`,
    );
    if (rows[0].version < 180000) {
      throw new Advice('DATABASE_URL: PostgreSQL 18 or later is needed; this one is older.');
    }
    if (!rows[0].super) {
      throw new Advice(
        'DATABASE_URL: the role must be a superuser, since the stack creates login roles.',
      );
    }
  } catch (error) {
    if (error instanceof Advice) throw error;
    const reason = error instanceof Error ? error.message || String(error) : String(error);
    throw new Advice(`DATABASE_URL is set, but no PostgreSQL answers there: ${reason}`);
  } finally {
    await client.end().catch(() => {});
  }
}
