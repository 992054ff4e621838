// Applies the migrations beside this file with Prisma's own migration engine, compiled to
// WebAssembly: nothing is downloaded, and `_prisma_migrations` is kept exactly as the Prisma CLI
// keeps it. Runs as the owner of the schema; the roles must exist (roles.ts).
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import pg from 'pg';

const LOCKFILE = 'migration_lock.toml';

/** From `dist/src/postgres` or `src/postgres` to the SQL, which is never compiled. */
const here = path.dirname(fileURLToPath(import.meta.url));
const root = here.slice(0, here.lastIndexOf(`${path.sep}src${path.sep}`)).replace(/[/\\]dist$/, '');
export const MIGRATIONS_DIRECTORY = path.join(root, 'src', 'postgres', 'migrations');

/** Node has it; TypeScript types it only together with the browser's DOM. */
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: object,
  ): Promise<{ instance: { exports: { __wbindgen_start?: unknown } } }>;
};

/** The part of the engine that is used; the package's types name every command. */
interface SchemaEngine {
  applyMigrations(input: object): Promise<{ appliedMigrationNames: string[] }>;
  diagnoseMigrationHistory(input: object): Promise<{
    editedMigrationNames: string[];
    failedMigrationNames: string[];
    /** Null where the database has all of them. */
    history: { unappliedMigrationNames?: string[] } | null;
  }>;
  free(): void;
}

// biome-ignore lint/suspicious/noExplicitAny: the generated bindings have no types of their own
let loadedBindings: Promise<any> | undefined;

/**
 * Loads the engine once: a second instance in one process would share, and break, the first one's
 * memory.
 */
function bindings() {
  loadedBindings ??= (async () => {
    const glue = createRequire(import.meta.url).resolve(
      '@prisma/schema-engine-wasm/schema_engine_bg',
    );
    const engine = await import(pathToFileURL(glue).href);
    const { instance } = await WebAssembly.instantiate(
      await readFile(glue.replace(/\.js$/, '.wasm')),
      { './schema_engine_bg.js': engine },
    );
    engine.__wbg_set_wasm(instance.exports);
    (instance.exports.__wbindgen_start as () => void)();
    return engine;
  })();
  return loadedBindings;
}

async function openEngine(pool: pg.Pool): Promise<SchemaEngine> {
  const { SchemaEngine } = await bindings();
  const adapter = bindMigrationAwareSqlAdapterFactory(new WholeScripts(pool));
  return SchemaEngine.new({ datamodels: undefined }, () => {}, adapter);
}

/**
 * The adapter cuts a script at every semicolon, those of comments and function bodies too. Sent
 * whole, Postgres parses it and runs it as one transaction.
 */
class WholeScripts extends PrismaPg {
  override async connect() {
    const connection = await super.connect();
    connection.executeScript = async (script) => {
      await connection.underlyingDriver().query(script);
    };
    return connection;
  }
}

async function migrationsList(directory: string) {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return {
    baseDir: directory,
    lockfile: { path: LOCKFILE, content: await readFile(path.join(directory, LOCKFILE), 'utf8') },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.sort().map(async (name) => ({
        path: name,
        migrationFile: {
          path: 'migration.sql',
          content: {
            tag: 'ok',
            value: await readFile(path.join(directory, name, 'migration.sql'), 'utf8'),
          },
        },
      })),
    ),
  };
}

/**
 * Applies what is missing and returns the names applied, oldest first; empty when all are there.
 * Each migration is one transaction of its own. Rejects where an applied migration's file has
 * changed since, where an earlier one failed half-way, and with the engine's error otherwise.
 */
export function migrate(
  databaseUrl: string,
  directory: string = MIGRATIONS_DIRECTORY,
): Promise<string[]> {
  return withHistory(databaseUrl, directory, async (engine, input) => {
    const { appliedMigrationNames } = await engine.applyMigrations(input);
    return appliedMigrationNames;
  });
}

/**
 * The names of what `migrate` would apply, oldest first. Changes nothing; rejects where it would.
 */
export function pendingMigrations(
  databaseUrl: string,
  directory: string = MIGRATIONS_DIRECTORY,
): Promise<string[]> {
  return withHistory(databaseUrl, directory, async (_engine, _input, pending) => [...pending]);
}

type Act<T> = (engine: SchemaEngine, input: object, pending: readonly string[]) => Promise<T>;

/** Runs `act` with an engine, once the history of the database is found to be sound. */
function withHistory<T>(databaseUrl: string, directory: string, act: Act<T>): Promise<T> {
  return withoutLingeringTimers(() => examineAndAct(databaseUrl, directory, act));
}

async function examineAndAct<T>(databaseUrl: string, directory: string, act: Act<T>): Promise<T> {
  const pool = new pg.Pool({ connectionString: databaseUrl });
  const engine = await openEngine(pool);
  try {
    const filters = { externalTables: [], externalEnums: [] };
    const input = { migrationsList: await migrationsList(directory), filters };
    const found = await engine.diagnoseMigrationHistory({ ...input, optInToShadowDatabase: false });
    const { editedMigrationNames: edited, failedMigrationNames: failed, history } = found;
    if (edited.length > 0) {
      throw new Error(`Migrations were edited after they were applied: ${edited.join(', ')}`);
    }
    if (failed.length > 0) {
      throw new Error(
        `Migrations failed half-way: ${failed.join(', ')}. ` +
          'Repair the schema by hand, then delete their rows from _prisma_migrations.',
      );
    }
    return await act(engine, input, history?.unappliedMigrationNames ?? []);
  } finally {
    engine.free();
    await pool.end();
  }
}

/**
 * The engine leaves the 10 s timer of its migration lock behind, which would keep this process from
 * ending.
 */
async function withoutLingeringTimers<T>(work: () => Promise<T>): Promise<T> {
  const original = globalThis.setTimeout;
  globalThis.setTimeout = ((act: () => void, delayMs?: number, ...rest: []) => {
    const timer = original(act, delayMs, ...rest);
    if (delayMs !== undefined && delayMs >= 10_000) timer.unref();
    return timer;
  }) as typeof setTimeout;
  try {
    return await work();
  } finally {
    globalThis.setTimeout = original;
  }
}
