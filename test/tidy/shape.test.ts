// The shape of the source held by rules. What breaks a rule today is counted, and the number may
// only shrink: a change that mends a place lowers it.

import { describe, expect, test } from 'vitest';
import { neededInside, unreachedFiles, uselessExports } from './exports.js';
import { circles, commentDialect, crowdedFolders, longFunctions, longLines } from './shape.js';
import { fileOf, sourceFiles } from './source.js';

const src = sourceFiles('src');
const production = [...src, ...sourceFiles('deploy/local')];
const tests = sourceFiles('test');

/** How many places break a rule at most; a rule that is not named here is kept everywhere. */
const STILL_BROKEN = {
  longLines: 0,
  longFunctions: 3,
  uselessExports: 0,
  unreachedFiles: 0,
  neededInside: 18,
};

function broken(lines: readonly string[], most = 0): void {
  expect(lines.length, `at most ${most} may be left:\n${lines.join('\n')}`).toBeLessThanOrEqual(
    most,
  );
}

describe('the source', () => {
  test('keeps a folder to 14 files', () => broken(crowdedFolders(production)));
  test('has no circle of imports', () => broken(circles(src)));
  test('opens files with // and documents declarations with /** */', () =>
    broken(commentDialect(production)));
  test('keeps lines to 100 columns', () => broken(longLines(production), STILL_BROKEN.longLines));
  test('keeps functions to 60 lines', () => broken(longFunctions(src), STILL_BROKEN.longFunctions));
  test('exports nothing that only tests use, or no file', () =>
    broken(uselessExports(production, tests), STILL_BROKEN.uselessExports));
  test('has no file that only tests import, or no file', () =>
    broken(unreachedFiles(production), STILL_BROKEN.unreachedFiles));
  test('exports no value that its own file alone uses', () =>
    broken(neededInside(production, tests), STILL_BROKEN.neededInside));
});

describe('a rule finds', () => {
  test('a folder of 15 files, and none of 14', () => {
    const files = Array.from({ length: 15 }, (_, i) => fileOf(`src/copy/f${i}.ts`, ''));
    expect(crowdedFolders(files)).toEqual(['src/copy: 15 files, at most 14']);
    expect(crowdedFolders([...files.slice(1), fileOf('src/copy/plans/a.ts', '')])).toEqual([]);
  });

  test('a circle of two and of three, once each, and no way without a return', () => {
    const files = [
      fileOf('src/a/one.ts', "import { two } from '../b/two.js';"),
      fileOf('src/b/two.ts', "import type { three } from './three.js';"),
      fileOf('src/b/three.ts', "import { one } from '../a/one.js';\nimport './four.js';"),
      fileOf('src/b/four.ts', "import { five } from './five.js';"),
      fileOf('src/b/five.ts', "export * from './four.js';"),
      fileOf('src/b/six.ts', "import { one } from '../a/one.js';"),
    ];
    expect(circles(files)).toEqual([
      'a circle of imports: src/a/one.ts, src/b/three.ts, src/b/two.ts',
      'a circle of imports: src/b/five.ts, src/b/four.ts',
    ]);
    expect(circles(files.filter(({ path }) => !/three|five/.test(path)))).toEqual([]);
  });

  test('a line of 101 columns, counted as people count them', () => {
    const text = `${'x'.repeat(100)}\n${'x'.repeat(101)}\n${'🙂'.repeat(100)}\n`;
    expect(longLines([fileOf('src/copy/a.ts', text)])).toEqual(['src/copy/a.ts:2: 101 columns']);
  });

  test.each([
    ['a function', 'export async function count(', '  a: string,', '): Promise<void> {'],
    ['an arrow', 'const count = (a: string) => {'],
    ['a method', 'class Counter {', '  async #count(a: string): Promise<void> {'],
    ['a constructor', 'class Counter {', '  constructor(', '    a: string,', '  ) {'],
  ])('%s of 61 lines, and none of 60', (_kind, ...head) => {
    const indent = head.some((line) => line.startsWith('class')) ? '  ' : '';
    const wrapping = indent === '' ? 0 : 1;
    const of = (lines: number) => {
      const body = `${indent}  if (a) {\n`.concat(`${indent}  }\n`);
      const rest = lines - (head.length - wrapping) - 1 - 2;
      const text = `${head.join('\n')}\n${body}${`${indent}  x();\n`.repeat(rest)}${indent}}\n`;
      return longFunctions([fileOf('src/copy/a.ts', text)]);
    };
    expect(of(61)).toHaveLength(1);
    expect(of(60)).toEqual([]);
  });

  test('a comment in another dialect', () => {
    const wrong = (text: string) => commentDialect([fileOf('src/copy/a.ts', text)]);
    expect(wrong('// A header.\n\n/** What it is. */\nexport const a = 1;\n')).toEqual([]);
    expect(wrong('/** A header. */\nexport const a = 1;\n')).toHaveLength(1);
    expect(wrong('/** A header. */\nimport a from "a";\n')).toHaveLength(2);
    expect(wrong('// A header.\n/* a\n   b */\nexport const a = 1;\n')).toHaveLength(1);
    expect(wrong('// A header.\n/**\n * Lost.\n */\n\nexport const a = 1;\n')).toHaveLength(1);
    expect(wrong('// A header.\ncall(\n  /** Lost. */\n);\n')).toHaveLength(1);
  });

  test('exports without a use, and files that no program imports', () => {
    const files = [
      fileOf('src/bin/api.ts', "const { a } = await import('../copy/a.js');\n"),
      fileOf(
        'src/copy/a.ts',
        "import { kept as own } from './b.js';\nexport const a = own;\nexport type Unused = 1;\n",
      ),
      fileOf('src/copy/b.ts', 'export const kept = 1;\nexport function tested() {}\n'),
      fileOf('src/copy/c.ts', 'const x = inside;\nexport const inside = 1;\n'),
    ];
    const test = fileOf('test/a.test.ts', "import { tested } from '../src/copy/b.js';\n");
    expect(uselessExports(files, [test])).toEqual([
      'src/copy/a.ts: no file uses Unused',
      'src/copy/b.ts: only tests use tested',
    ]);
    expect(neededInside(files, [test])).toEqual(['src/copy/c.ts: only this file uses inside']);
    expect(unreachedFiles(files)).toEqual(['src/copy/c.ts: no program imports it']);
  });

  test('no useless export in a module that is loaded whole, or of which one name is taken', () => {
    const of = (line: string) =>
      uselessExports(
        [fileOf('src/bin/api.ts', line), fileOf('src/copy/a.ts', 'export const a = 1;\n')],
        [],
      );
    expect(of("const more = { ...(await import('../copy/a.js')) };")).toEqual([]);
    expect(of("start((await import('../copy/a.js')).a);")).toEqual([]);
    expect(of("start((await import('../copy/a.js')).b);")).toHaveLength(1);
    expect(of("export * from '../copy/a.js';")).toEqual([]);
  });
});
