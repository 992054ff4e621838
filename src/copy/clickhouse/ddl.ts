// How tables are rendered: on one server, or replicated on a cluster by configuration. Nothing else
// of the copy depends on which of the two it is.

/** Where the tables live. */
export interface DdlTarget {
  readonly database: string;
  /** Name of the cluster of `ON CLUSTER`; absent on a single server. */
  readonly cluster: string | undefined;
}

/** Rows of one table: which engine settles two rows of one key. */
export type Engine =
  | { readonly kind: 'replacing'; readonly version: string }
  | { readonly kind: 'plain' };

/** ` ON CLUSTER name`, or nothing. */
export function onCluster(target: DdlTarget): string {
  return target.cluster === undefined ? '' : ` ON CLUSTER ${quoted(target.cluster)}`;
}

/** `database.table`, quoted. */
export function qualified(target: DdlTarget, table: string): string {
  return `${quoted(target.database)}.${quoted(table)}`;
}

/**
 * The engine clause. Replicated tables are kept in Keeper under {shard}/{database}/{table};
 * `{shard}` and `{replica}` are the server's own macros.
 */
export function engineClause(target: DdlTarget, engine: Engine): string {
  const name = engine.kind === 'replacing' ? 'ReplacingMergeTree' : 'MergeTree';
  const version = engine.kind === 'replacing' ? [engine.version] : [];
  if (target.cluster === undefined) return `${name}(${version.join(', ')})`;
  const replicated = [`'/clickhouse/tables/{shard}/{database}/{table}'`, `'{replica}'`, ...version];
  return `Replicated${name}(${replicated.join(', ')})`;
}

/**
 * How many blocks a table remembers to recognise one that is sent twice. Replicated tables do so by
 * themselves; a plain one ignores insert_deduplication_token without this.
 */
export function deduplicationSetting(target: DdlTarget): string {
  const prefix = target.cluster === undefined ? 'non_replicated' : 'replicated';
  return `${prefix}_deduplication_window = 1000`;
}

/** An identifier in backticks. */
export function quoted(identifier: string): string {
  return `\`${identifier.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}
