// Runs statements on the embedded ClickHouse engine (chdb). Each statement gets a connection of its
// own, so settings and the current database of one request are never seen by another. One data
// directory per process: the first connection binds it and is held until the end.
import { drainPending, Session } from 'chdb';
import type { Statement } from './clickhouse-front-request.js';

/** What a statement came back with. */
export interface EngineAnswer {
  readonly bytes: Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly rowsWritten: number;
  readonly bytesWritten: number;
  readonly elapsedSeconds: number;
}

const rowFormats = new Set(['JSONEachRow', 'JSONCompactEachRow', 'CSV', 'TSV', 'TabSeparated']);
type RowFormat = 'JSONEachRow' | 'JSONCompactEachRow' | 'CSV' | 'TSV' | 'TabSeparated';

const plainInsert =
  /^\s*INSERT\s+INTO\s+(?:TABLE\s+)?([\w.`"]+)\s*(?:\(([^()]*)\))?\s*FORMAT\s+(\w+)\s*;?\s*$/i;

/** The engine of one data directory. */
export class Engine {
  readonly #open: () => Session;
  readonly #holder: Session;

  /**
   * `configFile`: a server configuration of ClickHouse; who may do what is in its `users_config`.
   * @throws when another process has the directory open, or the platform has no engine.
   */
  constructor(dataDir: string, configFile?: string) {
    const connectionArgs = configFile === undefined ? [] : [`--config-file=${configFile}`];
    this.#open = () => new Session(dataDir, { connectionArgs });
    this.#holder = this.#open();
  }

  /** The statement's answer. Rejects with the engine's own `Code: N. DB::Exception: …` message. */
  async run(statement: Statement): Promise<EngineAnswer> {
    const session = this.#open();
    try {
      if (statement.database !== undefined && statement.database !== 'default') {
        await session.queryAsync(`USE ${identifier(statement.database)}`);
      }
      const { readonly, ...settings } = statement.settings;
      // `readonly` stands last, since it forbids further changes.
      const ordered = readonly === undefined ? settings : { ...settings, readonly };
      const assignments = Object.entries(ordered).map(
        ([name, value]) => `${settingName(name)} = ${literal(value)}`,
      );
      if (assignments.length > 0) await session.queryAsync(`SET ${assignments.join(', ')}`);
      return statement.body === undefined
        ? await select(session, statement)
        : await insert(session, statement.sql, statement.body);
    } finally {
      session.close();
    }
  }

  /** Waits for what still runs, then lets the data directory go. */
  async close(): Promise<void> {
    await drainPending();
    this.#holder.close();
    await drainPending();
  }
}

async function select(session: Session, statement: Statement): Promise<EngineAnswer> {
  const options = { format: statement.format };
  const result =
    Object.keys(statement.params).length > 0
      ? await session.queryBindAsync(statement.sql, statement.params, options)
      : await session.queryAsync(statement.sql, options);
  return {
    bytes: result.bytes(),
    rowsRead: result.rowsRead,
    bytesRead: result.bytesRead,
    rowsWritten: 0,
    bytesWritten: 0,
    elapsedSeconds: result.elapsed,
  };
}

async function insert(session: Session, sql: string, body: Buffer): Promise<EngineAnswer> {
  const [, table, columns, format] = plainInsert.exec(sql) ?? [];
  if (table === undefined || format === undefined || !rowFormats.has(format)) {
    const result = await session.queryAsync(`${sql}\n${body.toString('utf8')}`);
    return { ...noRows, bytes: result.bytes(), elapsedSeconds: result.elapsed };
  }
  const summary = await session.insert({
    table: unquoted(table),
    values: body,
    format: format as RowFormat,
    ...(columns === undefined
      ? {}
      : { columns: columns.split(',').map((c) => unquoted(c.trim())) }),
  });
  return {
    ...noRows,
    rowsWritten: summary.rowsWritten,
    bytesWritten: summary.bytesWritten,
    elapsedSeconds: summary.elapsed,
  };
}

const noRows = {
  bytes: new Uint8Array(0),
  rowsRead: 0,
  bytesRead: 0,
  rowsWritten: 0,
  bytesWritten: 0,
};

function unquoted(name: string): string {
  return name.replaceAll(/[`"]/g, '');
}

function identifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

function settingName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  throw new Error(`Code: 115. DB::Exception: Unknown setting ${name}. (UNKNOWN_SETTING)`);
}

function literal(value: string): string {
  if (/^-?\d+$/.test(value)) return value;
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
