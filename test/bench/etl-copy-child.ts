// One full copy in a process of its own; prints its peak resident memory in MiB. Started by the etl benchmark.

import { defaultChunkBytes } from '../../src/etl/copy-rows.js';
import { runOnce } from '../../src/etl/run.js';
import { type Ends, withSessions } from '../../src/etl/sessions.js';

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
