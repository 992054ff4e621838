// What a cluster asks of a request, so that replicas are one server to the job: a write is in when
// a majority has it, a read sees every such write. ClickHouse keeps the second promise only where
// such inserts into a table come one after the other, so on a cluster they do. On a single server
// all of it is nothing.
import type { ClickHouseSettings } from '@clickhouse/client';
import type { DdlTarget } from './ddl.js';

/** Settings of every insert. */
export function insertSettings({ cluster }: DdlTarget): ClickHouseSettings {
  return cluster === undefined ? {} : { insert_quorum: 'auto', insert_quorum_parallel: 0 };
}

/** Settings of every read on which a decision rests. */
export const readSettings: ClickHouseSettings = { select_sequential_consistency: '1' };

/**
 * How many inserts into one table may be under way: one core of a server parses while another one
 * writes.
 */
export function insertsAtOnce({ cluster }: DdlTarget): number {
  return cluster === undefined ? 3 : 1;
}
