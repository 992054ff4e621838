// `ops config`: what is configured, what is wrong with it, and what could be. Never prints a
// secret.
import { Argument, type Command } from 'commander';
import {
  ConfigFaults,
  describeSettings,
  printConfig,
  readConfig,
  type SettingTable,
} from '../platform/settings/config.js';
import { settingsByBinary } from '../platform/settings/settings.js';
import { Refused } from './exit-code.js';
import { print, printJson } from './terminal.js';

const BINARIES = Object.keys(settingsByBinary);

export function registerConfig(program: Command): void {
  const config = program
    .command('config')
    .description('show, check or explain what is configured by the environment');
  config
    .command('show', { isDefault: true })
    .description('what a binary would read from this environment; secrets are redacted')
    .addArgument(new Argument('[binary]').choices(BINARIES).default('ops'))
    .action((binary: string) => {
      const table = tableOf(binary);
      print(printConfig(table, readConfig(table)));
    });
  config
    .command('check')
    .description('say everything that is wrong with this environment, for one binary or several')
    .addArgument(new Argument('[binaries...]').choices(BINARIES).default(['ops']))
    .action((binaries: string[]) => {
      const faults = binaries.flatMap((binary) =>
        faultsOf(tableOf(binary)).map((fault) =>
          binaries.length > 1 ? `${binary}: ${fault}` : fault,
        ),
      );
      if (faults.length > 0) throw new ConfigFaults(faults);
      print(`The configuration of ${binaries.join(', ')} is right.`);
    });
  config
    .command('table')
    .description('every setting, as the documentation lists them (Markdown)')
    .addArgument(new Argument('[binary]').choices(BINARIES))
    .option('--json', 'answer as JSON')
    .action((binary: string | undefined, options: { json?: boolean }) => {
      const binaries = binary === undefined ? BINARIES : [binary];
      if (options.json) {
        const tables = binaries.map((name) => [name, describeSettings(tableOf(name))]);
        printJson(Object.fromEntries(tables));
      } else print(binaries.map(markdownOf).join('\n\n'));
    });
}

function tableOf(binary: string): SettingTable {
  const table = settingsByBinary[binary];
  if (table === undefined)
    throw new Refused(`There is no binary ${binary}: ${BINARIES.join(', ')}`);
  return table;
}

function faultsOf(table: SettingTable): readonly string[] {
  try {
    readConfig(table);
    return [];
  } catch (error) {
    if (error instanceof ConfigFaults) return error.faults;
    throw error;
  }
}

/** A heading and one row per setting. */
export function markdownOf(binary: string): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = describeSettings(tableOf(binary)).map(
    ({ name, what, expected, fallback, secret }) => {
      const cells = [
        `\`${name}\``,
        cell(what),
        cell(expected),
        cell(fallback),
        secret ? 'yes' : '',
      ];
      return `| ${cells.join(' | ')} |`;
    },
  );
  return [
    `### ${binary}`,
    '',
    '| variable | what for | expected | default | secret |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}
