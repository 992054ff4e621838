// One full copy in a process of its own; prints its peak resident memory in MiB. Started by the etl
// benchmark.

import { defaultChunkBytes } from '../../src/copy/copy-rows.js';
import { runOnce } from '../../src/copy/run.js';
import { type Ends, withSessions } from '../../src/copy/sessions.js';

const ends = JSON.parse(process.env.ETL_ENDS ?? '{}') as Ends;
await withSessions(ends, async (open) => {
  await runOnce({
    ...open,
    target: ends.target,
    settlingSeconds: 72 * 3600,
    chunkBytes: defaultChunkBytes,
    sliceDays: 1,
    full: true,
  });
});
process.stdout.write(`${process.resourceUsage().maxRSS / 1024}\n`);
