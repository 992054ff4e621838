// What every verb of `ops` has in common, read from the command line itself, so that a new verb
// cannot slip in.

import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { opsCommand } from '../../../src/operating/command.js';

/** Change nothing. */
const ONLY_READ = [
  'gaps list',
  'status',
  ...['dead-letters list', 'dead-letters show'],
  'rebuild status',
  ...['config show', 'config check', 'config table'],
];
/** Undone by running another verb, or by themselves: they ask nothing. */
const HARMLESS = ['setup', 'migrate', 'rebuild start'];

function leaves(command: Command, path: readonly string[] = []): [string, Command][] {
  if (command.commands.length === 0) return [[path.join(' '), command]];
  return command.commands.flatMap((one) => leaves(one, [...path, one.name()]));
}

const verbs = new Map(leaves(opsCommand()));
const changing = [...verbs].filter(([name]) => !ONLY_READ.includes(name));
const optionsOf = (command: Command) => command.options.map(({ long }) => long);

describe('every verb of ops', () => {
  it('is known here', () => {
    expect([...verbs.keys()]).toEqual(expect.arrayContaining([...ONLY_READ, ...HARMLESS]));
    expect(changing.map(([name]) => name).sort()).toEqual([
      ...['adopt-stream', 'dead-letters discard', 'dead-letters replay', 'gaps accept', 'migrate'],
      ...['rebuild abandon', 'rebuild clean', 'rebuild start', 'rebuild swap'],
      ...['retain', 'seek', 'setup'],
    ]);
  });

  it.each([...verbs])('%s explains itself and its options', (_, command) => {
    expect(command.description()).not.toBe('');
    for (const option of command.options) expect(option.description).not.toBe('');
  });

  it.each(changing)('%s changes something: it has --dry-run and --json', (_, command) => {
    expect(optionsOf(command)).toEqual(expect.arrayContaining(['--dry-run', '--json']));
  });

  it.each(changing.filter(([name]) => !HARMLESS.includes(name)))(
    '%s asks first, unless told --yes',
    (_, command) => {
      expect(optionsOf(command)).toContain('--yes');
    },
  );
});
