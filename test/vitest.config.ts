// Vitest's configuration: two projects, so that a run of unit tests alone starts no engine. Two workers at most,
// since PostgreSQL, NATS and ClickHouse want the cores of a small machine too.

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));
const common = {
  root,
  testTimeout: 60_000,
  hookTimeout: 120_000,
  teardownTimeout: 30_000,
};

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
