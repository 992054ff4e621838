// The login roles of the service, one per duty, none of them superuser. Roles belong to the
// cluster, not to a database, so they are made before the migrations, by whoever runs the cluster;
// what each may do is granted by the migrations.
import pg from 'pg';

export const ROLES = [
  'analytics_owner',
  'analytics_ingest',
  'analytics_platform',
  'analytics_account',
  'analytics_etl',
  'analytics_ops',
] as const;
export type RoleName = (typeof ROLES)[number];

/**
 * Creates the roles that are missing, sets every password, and lets the owner create in the
 * database of `superuserUrl`. Repeatable. Rejects with pg's error where `superuserUrl` may not
 * create roles.
 */
export async function createRoles(
  superuserUrl: string,
  passwords: Readonly<Record<RoleName, string>>,
): Promise<void> {
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    const known = await client.query<{ rolname: string }>(
      'SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)',
      [ROLES],
    );
    const existing = new Set(known.rows.map((row) => row.rolname));
    for (const role of ROLES) {
      const verb = existing.has(role) ? 'ALTER' : 'CREATE';
      const password = client.escapeLiteral(passwords[role]);
      await client.query(
        `${verb} ROLE ${role} ` +
          `LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD ${password}`,
      );
    }
    const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
    const database = client.escapeIdentifier(rows[0]?.name ?? '');
    await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
    await client.query(`GRANT CONNECT ON DATABASE ${database} TO ${ROLES.join(', ')}`);
    await client.query(`REVOKE CREATE ON SCHEMA public FROM PUBLIC`);
    await client.query(`GRANT CREATE, USAGE ON SCHEMA public TO analytics_owner`);
    await client.query(`GRANT USAGE ON SCHEMA public TO ${ROLES.join(', ')}`);
    // To see the snapshots of other roles' sessions, for which a retired generation waits.
    await client.query('GRANT pg_read_all_stats TO analytics_ops');
  } finally {
    await client.end();
  }
}
