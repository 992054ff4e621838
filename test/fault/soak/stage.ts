// What the faults of a soak happen to, and what has to be remembered on the way for the oracle to
// know.

import type { Stored } from '../../oracle/judge.js';
import type { startPostgres } from '../../support/engines.js';
import type { TestSite } from '../../support/site.js';
import type { CuttingProxy } from './cutting-proxy.js';
import type { Load } from './load.js';
import type { Workers } from './workers.js';

export interface Stage {
  readonly site: TestSite;
  readonly postgres: Awaited<ReturnType<typeof startPostgres>>;
  readonly proxy: CuttingProxy;
  readonly workers: Workers;
  readonly load: Load;
  /** Where copies of stores are kept. */
  readonly copies: string;
  /**
   * Was in the stream, and went with it or with its newest part: it is counted, or published again.
   */
  readonly removed: Stored[];
  /** Found before the end. */
  readonly mismatches: string[];
  readonly say: (line: string) => void;
  /** The rebuild that goes on beside other faults. */
  rebuilding: Promise<void>;
}
