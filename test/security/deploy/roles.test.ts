// deploy/postgres/roles.sql on a real server, by psql where there is one: it sets the passwords,
// may be run again, gives no role more than it should have, and holds no password itself.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { ROLES } from '../../../src/postgres/roles.js';
import { startPostgres } from '../../support/engines.js';

const psql = spawnSync('psql', ['--version'], { stdio: 'ignore' }).status === 0;

describe.runIf(psql)('the script for administrators', () => {
  it('makes the roles and changes their passwords, again and again', async () => {
    const server = await startPostgres();
    const passwordOf = (role: string) => `it's "${role}" \\ now`;
    const passwords = ROLES.map((role) => [`${role.toUpperCase()}_PASSWORD`, passwordOf(role)]);
    const run = () =>
      spawnSync(
        'psql',
        ['-X', '-d', server.superuserUrl, '-f', join(projectRoot, 'deploy/postgres/roles.sql')],
        { encoding: 'utf8', env: { PATH: process.env.PATH, ...Object.fromEntries(passwords) } },
      );
    for (const done of [run(), run()]) expect(done).toMatchObject({ status: 0, stderr: '' });
    for (const role of ROLES) {
      const url = new URL(server.superuserUrl);
      url.username = role;
      url.password = encodeURIComponent(passwordOf(role));
      const client = new pg.Client({ connectionString: url.href });
      await client.connect();
      const { rows } = await client.query(
        'SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb AS strong FROM pg_roles WHERE rolname = user',
      );
      await client.end();
      expect(rows, role).toEqual([{ strong: false }]);
    }
    await server.stop();
  });

  it('names no password itself', () => {
    const script = readFileSync(join(projectRoot, 'deploy/postgres/roles.sql'), 'utf8');
    expect(script).not.toMatch(/PASSWORD '/);
    expect(readdirSync(join(projectRoot, 'deploy/postgres'))).toEqual(['roles.sql']);
  });
});
