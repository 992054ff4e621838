// A password that is rotated while a pool lives: the next connection logs in with the new one.

import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { expect, it } from 'vitest';
import { openPool } from '../../../src/postgres/open-pool.js';
import { createDatabase } from '../../support/engines.js';

it('logs in with the password of the moment, for each connection anew', async () => {
  const database = await createDatabase();
  const superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  const role = `rotated_${randomBytes(4).toString('hex')}`;
  await superuser.query(`CREATE ROLE ${role} LOGIN PASSWORD 'first/one'`);
  const url = new URL(database.superuserUrl);
  url.username = role;
  url.password = encodeURIComponent('first/one');
  const pool = openPool({ reveal: () => url.href }, { max: 1, maxUses: 1 });
  const whoAmI = async () => (await pool.query('SELECT current_user AS name')).rows[0].name;
  expect(await whoAmI()).toBe(role);
  await superuser.query(`ALTER ROLE ${role} PASSWORD 'second:one'`);
  await expect(whoAmI()).rejects.toMatchObject({ code: '28P01' });
  url.password = 'second:one';
  expect(await whoAmI()).toBe(role);
  await pool.end();
  await superuser.query(`REASSIGN OWNED BY ${role} TO CURRENT_USER; DROP ROLE ${role}`);
  await superuser.end();
});
