// Vitest's configuration: two projects, so that a run of unit tests alone starts no engine. Two
// workers at most, since PostgreSQL, NATS and ClickHouse want the cores of a small machine too.

import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));
/** For this process, where the engines are started, and for those of the tests. */
const rawPathImports = pathToFileURL(join(root, 'test/support/raw-path-imports.mjs')).href;
if (root.includes('%')) await import(rawPathImports);
const common = {
  root,
  testTimeout: 60_000,
  hookTimeout: 120_000,
  teardownTimeout: 30_000,
  execArgv: root.includes('%') ? ['--import', rawPathImports] : [],
};
/**
 * Engines on a machine with other work can be many times slower than alone; only what hangs shall
 * be ended.
 */
const patient = { testTimeout: 300_000, hookTimeout: 300_000 };

export default defineConfig({
  root,
  test: {
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default'],
    projects: [
      {
        root,
        test: {
          ...common,
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/tidy/**/*.test.ts'],
          sequence: { groupOrder: 1 },
        },
      },
      {
        root,
        test: {
          ...common,
          ...patient,
          name: 'engines',
          include: ['test/**/*.test.ts'],
          exclude: ['test/unit/**', 'test/tidy/**'],
          globalSetup: ['test/support/engines-setup.ts'],
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
