// Style held by tests of the source: each rule lists all its violations at once. The rules are
// tried on small wrong files too, since a rule that finds nothing proves nothing.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startCommand } from '../../deploy/local/stack/start-command.js';
import { projectRoot } from '../../deploy/local/toolchain/project.js';
import {
  clockReads,
  consoleUses,
  emptyNames,
  environmentReads,
  headless,
  importsOfPaths,
  oversized,
  pathsOfUrls,
  wrongDirections,
} from './rules.js';
import { type SourceFile, sourceFiles, withoutComments } from './source.js';

const production = sourceFiles('src', 'deploy/local');
const everything = [...production, ...sourceFiles('test')];

const file = (path: string, text: string, imports: string[] = []): SourceFile => ({
  path,
  text,
  code: withoutComments(text),
  imports,
});

describe('the source', () => {
  test.each([
    ['imports in one direction only', wrongDirections, production],
    ['reads its configuration in one place', environmentReads, production],
    ['reads the time in one place', clockReads, production],
    ['keeps files short', oversized, production],
    ['imports no path as if it were a URL', importsOfPaths, production],
    ['says in every file what it is for', headless, production],
    ['names files for what is in them', emptyNames, everything],
    ['does not use the console', consoleUses, everything],
    ['takes paths of file URLs decoded', pathsOfUrls, everything],
  ])('%s', (_title, rule, files) => {
    expect(rule(files).join('\n')).toBe('');
  });
});

describe('a rule finds', () => {
  test('an import against the direction, of a sibling, or of a part that does not exist', () => {
    expect(
      wrongDirections([
        file('src/domain/a.ts', '', ['src/postgres/b.ts']),
        file('src/answers/a.ts', '', ['src/copy/b.ts', 'src/domain/b.ts', 'src/answers/c.ts']),
        file('src/platform/a.ts', '', ['src/domain/b.ts']),
        file('src/models/a.ts', ''),
      ]),
    ).toHaveLength(4);
  });

  test('the environment, the clock and the console in code, and not in comments', () => {
    const text = 'const a = process.env.A; // process.env\nDate.now();\nconsole.log(new Date());\n';
    const wrong = [file('src/copy/a.ts', text)];
    expect(environmentReads(wrong)).toHaveLength(1);
    expect(clockReads(wrong)).toHaveLength(2);
    expect(consoleUses(wrong)).toHaveLength(1);
    expect(
      pathsOfUrls([file('test/a.ts', `new URL('a', ${'import.meta.url'}).pathname`)]),
    ).toHaveLength(1);
    expect(clockReads([file('src/copy/a.ts', '/* Date.now() */ new Date(0);')])).toEqual([]);
  });

  test('an import of a path, and not of a package or a URL', () => {
    const text = "import('pg');\nimport(pathToFileURL(path).href);\nimport(path);\n";
    expect(importsOfPaths([file('src/copy/a.ts', text)])).toHaveLength(1);
  });

  test('a long file, a file without a header, and a name that says nothing', () => {
    const long = file('src/copy/date-utils.ts', 'x;\n'.repeat(300));
    expect(oversized([long])).toHaveLength(1);
    expect(headless([long])).toHaveLength(1);
    expect(emptyNames([long, file('src/copy/index.ts', '')])).toHaveLength(2);
  });
});

describe('the project', () => {
  test('has a lockfile that installs on every platform', () => {
    const script = join(projectRoot, 'deploy/local/toolchain/complete-lockfile.mjs');
    const done = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    expect(done.stdout).toBe('package-lock.json is complete\n');
  });

  test('explains every option of npm start in its help', () => {
    const help = readFileSync(join(projectRoot, 'deploy/local/stack/start-help.txt'), 'utf8');
    const missing = startCommand()
      .options.map((option) => option.long ?? '')
      .filter((name) => !help.includes(name));
    expect(missing).toEqual([]);
  });
});
