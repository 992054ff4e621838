// Row-level security binds neither a superuser nor a role with BYPASSRLS, nor whoever can become
// one by SET ROLE. Every binary refuses to work under such a login: api would answer without its
// last layer of isolation, the others would have rights that nobody gave them.
import pg from 'pg';
import { ROLES, type RoleName } from './roles.js';

const STATEMENT = `
  SELECT session_user AS name, bool_or(rolsuper) AS superuser, bool_or(rolbypassrls) AS bypasses,
         array_agg(rolname::text ORDER BY rolname::text) FILTER (WHERE rolname = ANY ($1)) AS duties
    FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER')`;

interface Login {
  readonly name: string;
  readonly superuser: boolean;
  readonly bypasses: boolean;
  readonly duties: readonly string[] | null;
}

const UNBOUND = 'so row-level security would not bind it';

/** A login role that must not be used. */
export class PrivilegedRole extends Error {
  constructor(setting: string, role: string, why: string) {
    super(`${setting}: the role ${role} ${why}; use the least-privileged role`);
    this.name = 'PrivilegedRole';
  }
}

/**
 * Resolves where the login of `connectionString` is bound by row-level security and, where a `duty`
 * is given, has the rights of that role and of none of the service's other roles. `setting` names
 * it in the message.
 * @throws {PrivilegedRole} it is not; no retry can cure it
 * @throws pg's error where there is no connection; a retry can cure it
 */
export async function refusePrivilegedRole(
  setting: string,
  connectionString: string,
  duty?: RoleName,
): Promise<void> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 5_000,
    query_timeout: 6_000,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    await refusePrivilegedSession(setting, client, duty);
  } finally {
    await client.end().catch(() => {});
  }
}

/** As above, of a session that is open already. */
export async function refusePrivilegedSession(
  setting: string,
  session: Pick<pg.Pool | pg.Client, 'query'>,
  duty?: RoleName,
): Promise<void> {
  const { rows } = await session.query<Login>(STATEMENT, [ROLES]);
  const [role] = rows;
  if (role === undefined || role.superuser) {
    throw new PrivilegedRole(
      setting,
      role?.name ?? '?',
      `is or can become a superuser, ${UNBOUND}`,
    );
  }
  if (role.bypasses) {
    throw new PrivilegedRole(setting, role.name, `has or can get BYPASSRLS, ${UNBOUND}`);
  }
  const duties = role.duties ?? [];
  if (duty !== undefined && (duties.length !== 1 || duties[0] !== duty)) {
    const has = duties.length === 0 ? 'no role of the service' : duties.join(' and ');
    throw new PrivilegedRole(setting, role.name, `has the rights of ${has}, not of ${duty} alone`);
  }
}
