// The copied tables and the marks. One partition per generation, copy and month, so that a
// superseded copy goes by DROP PARTITION and never by a mutation.
import { COPIED_ROLLUPS, type CopiedRollup } from '../../../rollups/copied-rollup.js';
import { columnDefinitions, sortingKey } from '../columns.js';
import {
  type DdlTarget,
  deduplicationSetting,
  engineClause,
  onCluster,
  qualified,
} from '../ddl.js';

/** The statements, in order; each may be run again without harm. */
export function tables(target: DdlTarget): readonly string[] {
  return [...COPIED_ROLLUPS.map((rollup) => copyTable(target, rollup)), markTable(target)];
}

function copyTable(target: DdlTarget, rollup: CopiedRollup): string {
  const lines = [...columnDefinitions(rollup)];
  if (rollup.keys.some((key) => key.name === 'account_id')) {
    lines.push('INDEX account_filter account_id TYPE bloom_filter GRANULARITY 4');
  }
  return `CREATE TABLE IF NOT EXISTS ${qualified(target, rollup.target)}${onCluster(target)} (
  ${lines.join(',\n  ')}
)
ENGINE = ${engineClause(target, { kind: 'replacing', version: 'version' })}
PARTITION BY (generation, copy, toYYYYMM(bucket))
ORDER BY (${sortingKey(rollup)})
SETTINGS ${deduplicationSetting(target)}
COMMENT 'Rows of ${rollup.source} as copied; read the view ${rollup.name} instead'`;
}

/** One row per copy stays after merges: its newest mark. */
function markTable(target: DdlTarget): string {
  return `CREATE TABLE IF NOT EXISTS ${qualified(target, 'copy_mark')}${onCluster(target)} (
  generation UInt16,
  copy UInt64,
  epoch UInt64,
  run_id String,
  snapshot String,
  data_as_of Nullable(DateTime64(6, 'UTC')),
  settling_seconds UInt32,
  revision String,
  marked_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ${engineClause(target, { kind: 'replacing', version: 'epoch' })}
ORDER BY (generation, copy)
COMMENT 'Which copy is complete, and as of when; the greatest epoch counts'`;
}
