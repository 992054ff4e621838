import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { createDatabase } from '../../support/engines.js';

test('a process that migrates ends when it has migrated, not when the timer of the lock does', async () => {
  const database = await createDatabase();
  const module = pathToFileURL(join(projectRoot, 'dist/src/postgres/prisma/migrate.js')).href;
  const script = `
    const { migrate } = await import(${JSON.stringify(module)});
    const applied = await migrate(process.env.OWNER_URL);
    process.stdout.write(applied.length + ' at ' + Date.now());`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { PATH: process.env.PATH, OWNER_URL: database.url('analytics_owner') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  const endedMs = Date.now();
  expect(code).toBe(0);
  const [applied, migratedMs] = said.split(' at ');
  expect(applied).toBe('0'); // the template has them all; the lock is taken nevertheless
  expect(endedMs - Number(migratedMs)).toBeLessThan(5_000);
});
