// A configuration that does not work, told by the processes themselves: every fault, and nothing
// but faults.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';

test.each([
  ['api', 1, ['LOG_LEVEL', 'IDENTITY_MODE', 'DATABASE_URL', 'ACCOUNT_DATABASE_URL']],
  ['ingest', 1, ['LOG_LEVEL', 'NATS_URL', 'DATABASE_URL']],
  ['etl', 2, ['LOG_LEVEL', 'CLICKHOUSE_URL', 'DATABASE_URL']],
  ['ops', 2, ['LOG_LEVEL', 'DATABASE_URL']],
])('%s ends with %i and a line for each fault, without a stack', (binary, code, names) => {
  const verb = binary === 'ops' ? ['status'] : [];
  const file = join(projectRoot, 'dist/src/bin', `${binary}.js`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...verb], {
    env: { PATH: process.env.PATH ?? '', LOG_LEVEL: 'loud' },
    encoding: 'utf8',
  });
  expect(status).toBe(code);
  for (const name of names) expect(stderr).toMatch(new RegExp(`^ *${name}: `, 'm'));
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stdout).toBe('');
});
