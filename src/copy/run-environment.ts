// What a run needs of its surroundings, and what it tells them while it is at work.
import type { ClickHouseClient } from '@clickhouse/client';
import type { ClientBase } from 'pg';
import type { DdlTarget } from './clickhouse/ddl.js';

/** The points between which a run may be cut off. */
export type Step =
  | 'fenced'
  | 'snapshot taken'
  | 'chunk loaded'
  | 'loaded'
  | 'verified'
  | 'marked'
  | 'checkpointed'
  | 'pruned';

/** What a run needs. */
export interface RunEnvironment {
  /** Holds the lock and writes the checkpoint; a session of its own. */
  readonly fence: ClientBase;
  /** Reads the snapshot. */
  readonly reader: ClientBase;
  readonly clickhouse: ClickHouseClient;
  readonly target: DdlTarget;
  /**
   * After how long a message without a final report is answered as NO_RECEIPT; contract section 2.
   */
  readonly settlingSeconds: number;
  readonly chunkBytes: number;
  /** Days besides the touched ones that are verified by each run. */
  readonly sliceDays: number;
  readonly full: boolean;
  /** Called at each step: for logs, progress and tests. */
  readonly onStep?: ((step: Step) => void | Promise<void>) | undefined;
  readonly onProgress?: ((progress: RunProgress) => void) | undefined;
}

/** How far the copying is; a slice is a day of a rollup. */
export interface RunProgress {
  readonly doneSlices: number;
  readonly allSlices: number;
  readonly rowCount: number;
}
