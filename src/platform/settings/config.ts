// The only reader of the environment. A binary names its settings as a table (settings.ts); this
// file turns the table and the environment into typed values, or into one message that lists every
// fault at once. The same table generates the documentation. Invariant: a secret's value appears in
// no message and no printed configuration.
import { accessSync, constants } from 'node:fs';
import * as v from 'valibot';
import { readSecretFile, Secret } from './secret.js';

/** One environment variable: how it is called, what it is for, how it is read. */
export interface Setting<T = unknown> {
  readonly name: string;
  /** What it is for: one line of the documentation. */
  readonly what: string;
  /** What a right value looks like; ends the sentence "expected …". */
  readonly expected: string;
  /** Turns the text into the value. */
  readonly schema: v.GenericSchema<string, T>;
  /**
   * Used where the variable is unset or empty; without one the variable is required. `''` means
   * optional.
   */
  readonly fallback?: string;
  /**
   * Makes an optional variable required where another setting of the table, by its property name,
   * has this value.
   */
  readonly requiredWith?: { readonly setting: string; readonly value: string };
  /** The value names a file that must be readable. */
  readonly isFile?: boolean;
  /**
   * Values of secrets are wrapped, never printed, and may come from the file that `<NAME>_FILE`
   * names.
   */
  readonly secret?: boolean;
}

/** The settings of one binary, by the property names under which the values are handed out. */
export type SettingTable = Readonly<Record<string, Setting>>;

type ValueOf<S> = S extends { secret: true }
  ? S extends { fallback: '' }
    ? Secret | undefined
    : Secret
  : S extends { fallback: ''; schema: v.GenericSchema<string, infer T> }
    ? T | undefined
    : S extends { schema: v.GenericSchema<string, infer T> }
      ? T
      : never;

/** The values of a table's settings. Optional ones (fallback `''`) may be undefined. */
export type ConfigOf<Table extends SettingTable> = {
  readonly [Key in keyof Table]: ValueOf<Table[Key]>;
};

/** Environment variables as the process has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Every fault of a configuration in one message, one line each: `NAME: what is wrong, what is
 * expected`.
 */
export class ConfigFaults extends Error {
  constructor(readonly faults: readonly string[]) {
    super(`the configuration has ${faults.length} fault(s):\n  ${faults.join('\n  ')}`);
    this.name = 'ConfigFaults';
  }
}

/** Reads all settings of a table. Throws ConfigFaults that names every wrong variable at once. */
export function readConfig<const Table extends SettingTable>(
  table: Table,
  env: Environment = process.env,
): ConfigOf<Table> {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(table)) {
    values[key] = readSetting(setting, env, (fault) =>
      faults.push(`${setting.name}: ${fault}, expected ${setting.expected}`),
    );
  }
  for (const [key, setting] of Object.entries(table)) {
    const { requiredWith } = setting;
    if (requiredWith === undefined || values[key] !== undefined) continue;
    if (values[requiredWith.setting] !== requiredWith.value) continue;
    faults.push(
      `${setting.name}: not set, expected ${setting.expected}, ${whenOf(setting, table)}`,
    );
  }
  if (faults.length > 0) throw new ConfigFaults(faults);
  return Object.freeze(values) as ConfigOf<Table>;
}

/**
 * As readConfig; faults are told on standard error, all of them and nothing else, and end the
 * process.
 */
export function configOrExit<const Table extends SettingTable>(
  table: Table,
  exitCode = 1,
): ConfigOf<Table> {
  try {
    return readConfig(table);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(exitCode);
  }
}

/** `required with IDENTITY_MODE=tls`. */
function whenOf({ requiredWith }: Setting, table: SettingTable): string {
  return `required with ${table[requiredWith?.setting ?? '']?.name}=${requiredWith?.value}`;
}

function readSetting(setting: Setting, env: Environment, fault: (text: string) => void): unknown {
  let file: string | undefined;
  let text = env[setting.name] || undefined;
  if (setting.secret) {
    file = env[`${setting.name}_FILE`] || undefined;
    if (file !== undefined && text !== undefined) {
      return fault(`set twice (it and ${setting.name}_FILE)`);
    }
    if (file !== undefined) {
      try {
        text = readSecretFile(file) || undefined;
      } catch (error) {
        return fault(`the file that ${setting.name}_FILE names cannot be read (${codeOf(error)})`);
      }
      if (text === undefined) return fault(`the file that ${setting.name}_FILE names is empty`);
    }
  }
  text ??= setting.fallback;
  if (text === undefined) return fault('not set');
  if (text === '') return undefined;
  const parsed = v.safeParse(setting.schema, text);
  if (!parsed.success) return fault(setting.secret ? 'wrong form' : `wrong value ${quote(text)}`);
  if (setting.isFile) {
    try {
      accessSync(text, constants.R_OK);
    } catch (error) {
      return fault(`the file ${quote(text)} cannot be read (${codeOf(error)})`);
    }
  }
  return setting.secret ? new Secret(text, file) : parsed.output;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** One row of the documentation's table of settings. */
export interface SettingRow {
  readonly name: string;
  readonly what: string;
  readonly expected: string;
  /** `required`, `required with NAME=value`, `optional`, or the default. */
  readonly fallback: string;
  readonly secret: boolean;
}

/** A table's documentation, in the order of the table. */
export function describeSettings(table: SettingTable): SettingRow[] {
  return Object.values(table).map((setting) => ({
    name: setting.name,
    what: setting.what,
    expected: setting.expected,
    fallback: fallbackOf(setting, table),
    secret: setting.secret === true,
  }));
}

function fallbackOf(setting: Setting, table: SettingTable): string {
  if (setting.requiredWith !== undefined) return whenOf(setting, table);
  return setting.fallback === undefined ? 'required' : setting.fallback || 'optional';
}

/** The configuration as `NAME=value` lines for people; secrets are redacted. */
export function printConfig(
  table: SettingTable,
  config: Readonly<Record<string, unknown>>,
): string {
  return Object.entries(table)
    .map(([key, setting]) => `${setting.name}=${printed(config[key])}`)
    .join('\n');
}

/**
 * A bound of two numbers as it is written in the environment; a secret says for itself that it is
 * one.
 */
function printed(value: unknown): string {
  if (value?.constructor === Object) return Object.values(value).join('-');
  return String(value ?? '');
}
