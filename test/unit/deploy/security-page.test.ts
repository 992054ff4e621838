// SECURITY.md says which test tries which attack: every row of the list is there, and every file it
// names exists.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';

const page = readFileSync(join(projectRoot, 'SECURITY.md'), 'utf8');
const section = (title: string) => page.split(/^## /m).find((one) => one.startsWith(title)) ?? '';

test('every attack has its row, with a test', () => {
  const rows = section('Attacks')
    .split('\n')
    .filter((line) => /^\| \d+ \|/.test(line));
  expect(rows.map((row) => Number(row.split('|')[1]))).toEqual(
    Array.from({ length: 36 }, (_, index) => index + 1),
  );
  for (const row of rows) expect(row.split('|')[4]).toMatch(/`test\/\S+\.test\.ts`/);
});

test('every file of the page exists', () => {
  const files = [...page.matchAll(/`((?:src|test|deploy)\/[\w./-]+)`/g)].map((match) => match[1]);
  expect(files.length).toBeGreaterThan(60);
  expect(files.filter((file = '') => !existsSync(join(projectRoot, file)))).toEqual([]);
});
