// A run in a process of its own that dies at a given step: `node dist/test/fault/copy/runner.js
// <step> [nth]`. DATABASE_URL, CLICKHOUSE_URL and CLICKHOUSE_DATABASE say where. Ends with code 0
// when the step never came.

import { runOnce } from '../../../src/copy/run.js';
import type { Step } from '../../../src/copy/run-environment.js';
import { type Ends, withSessions } from '../../../src/copy/sessions.js';

const [dieAt, nth = '1'] = process.argv.slice(2) as [Step, string?];
const env = (name: string): string => process.env[name] ?? '';
const ends: Ends = {
  databaseUrl: env('DATABASE_URL'),
  warehouse: { url: env('CLICKHOUSE_URL'), username: 'default', password: '' },
  target: { database: env('CLICKHOUSE_DATABASE'), cluster: undefined },
};

let seen = 0;
await withSessions(ends, async (open) => {
  await runOnce({
    ...open,
    target: ends.target,
    settlingSeconds: 72 * 3600,
    chunkBytes: 4096, // many chunks, so that a run can die between them
    sliceDays: 1,
    full: env('FULL') === 'on',
    onStep: (step) => {
      if (step === dieAt && ++seen === Number(nth)) process.kill(process.pid, 'SIGKILL');
    },
  });
});
