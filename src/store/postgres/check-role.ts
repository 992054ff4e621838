// Row-level security binds neither a superuser nor a role with BYPASSRLS, nor whoever can become one by SET ROLE. Every
// binary refuses to work under such a login: api would answer without its last layer of isolation, the others would have
// rights that nobody gave them.
import pg from 'pg';

const STATEMENT = `
  SELECT session_user AS name, bool_or(rolsuper) AS superuser, bool_or(rolbypassrls) AS bypasses
    FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER')`;

/** A login role that must not be used. */
export class PrivilegedRole extends Error {
  constructor(setting: string, role: string, why: string) {
    super(
      `${setting}: the role ${role} ${why}, so row-level security would not bind it; use the least-privileged role`,
    );
    this.name = 'PrivilegedRole';
  }
}

/**
 * Resolves where the login of `connectionString` is bound by row-level security. `setting` names it in the message.
 * @throws {PrivilegedRole} it is not; no retry can cure it
 * @throws pg's error where there is no connection; a retry can cure it
 */
export async function refusePrivilegedRole(
  setting: string,
  connectionString: string,
): Promise<void> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 5_000,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    await refusePrivilegedSession(setting, client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** As above, of a session that is open already. */
export async function refusePrivilegedSession(
  setting: string,
  session: Pick<pg.Pool | pg.Client, 'query'>,
): Promise<void> {
  const { rows } = await session.query<{ name: string; superuser: boolean; bypasses: boolean }>(
    STATEMENT,
  );
  const [role] = rows;
  if (role === undefined || role.superuser) {
    throw new PrivilegedRole(setting, role?.name ?? '?', 'is or can become a superuser');
  }
  if (role.bypasses) {
    throw new PrivilegedRole(setting, role.name, 'has or can get BYPASSRLS');
  }
}
