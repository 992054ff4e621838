// What of `src` has no use: exports and files that only tests import, or that no file imports at
// all. Tests do not count as a use. The check goes by names in import lists, which is enough since
// the project has neither barrels nor imports of a whole module.

import { dirname, join, normalize } from 'node:path';
import type { SourceFile } from './source.js';

const EXPORTED =
  /^export (?:default )?(?:declare )?(?:abstract )?(?:async )?(?:const|let|function\*?|class|interface|type|enum) (\w+)/gm;
const IMPORTED = /\b(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s+from\s+'(\.[^']+)'/g;
const LOADED = /\{([^{}]*)\}\s*=\s*await import\(\s*'(\.[^']+)'/g;
/** `(await import('./x.js')).name`. */
const TAKEN = /await import\(\s*'(\.[^']+)'\s*\)\)\.(\w+)/g;
/** A module that is loaded and not taken apart there. */
const LOADED_WHOLE = /(?<!\}\s*=\s*)await import\(\s*'(\.[^']+)'\s*\)(?!\s*\)\.)/g;
const WHOLE = /\b(?:import|export)\s+(?:type\s+)?\*(?:\s+as\s+\w+)?\s+from\s+'(\.[^']+)'/g;

/** What `file` imports by name, as `path#name`; `path#*` where it takes all. */
function namesImported(file: SourceFile): string[] {
  const target = (path: string) =>
    normalize(join(dirname(file.path), path)).replace(/\.js$/, '.ts');
  const named = [...file.code.matchAll(IMPORTED), ...file.code.matchAll(LOADED)].flatMap(
    ([, list = '', path = '']) =>
      list
        .split(',')
        .map((one) =>
          one
            .trim()
            .replace(/^type\s+/, '')
            .replace(/\s+as\s+.*$|\s*:.*$/, ''),
        )
        .filter((name) => name !== '')
        .map((name) => `${target(path)}#${name}`),
  );
  const taken = [...file.code.matchAll(TAKEN)].map(
    ([, path = '', name]) => `${target(path)}#${name}`,
  );
  const wholes = [...file.code.matchAll(WHOLE), ...file.code.matchAll(LOADED_WHOLE)];
  const whole = wholes.map(([, path = '']) => `${target(path)}#*`);
  return [...named, ...taken, ...whole];
}

/** Files that are started, or imported by people outside. */
const ENTRY =
  /^src\/(bin|client\/(index|examples)|publishing\/(receipts\/receipts|publisher\/publisher|outbox\/(enqueue|relay-outbox)))/;
const isEntry = (path: string) => ENTRY.test(path);

/**
 * Exports of `src` that no other file of `production` imports and that their own file does not use
 * either, each with the word `only tests` or `unused`.
 */
export function uselessExports(
  production: readonly SourceFile[],
  tests: readonly SourceFile[],
): string[] {
  const used = new Set(production.flatMap(namesImported));
  const tested = new Set(tests.flatMap(namesImported));
  return production
    .filter(({ path }) => path.startsWith('src/') && !isEntry(path))
    .flatMap((file) =>
      [...file.code.matchAll(EXPORTED)]
        .map(([, name = '']) => name)
        .filter((name) => !used.has(`${file.path}#${name}`) && !used.has(`${file.path}#*`))
        .filter((name) => timesNamed(file.code, name) === 1)
        .map((name) => {
          const by = tested.has(`${file.path}#${name}`) ? 'only tests use' : 'no file uses';
          return `${file.path}: ${by} ${name}`;
        }),
    );
}

/**
 * Values that only their own file uses: the word `export` says too much. Types may stand in the
 * signatures of others.
 */
export function neededInside(
  production: readonly SourceFile[],
  tests: readonly SourceFile[],
): string[] {
  const used = new Set([...production, ...tests].flatMap(namesImported));
  return production
    .filter(({ path }) => path.startsWith('src/') && !isEntry(path))
    .flatMap((file) =>
      [...file.code.matchAll(EXPORTED)]
        .filter(([text]) => !/ (interface|type) \w+$/.test(text))
        .map(([, name = '']) => name)
        .filter((name) => !used.has(`${file.path}#${name}`) && !used.has(`${file.path}#*`))
        .filter((name) => timesNamed(file.code, name) > 1)
        .map((name) => `${file.path}: only this file uses ${name}`),
    );
}

function timesNamed(code: string, name: string): number {
  return [...code.matchAll(new RegExp(`\\b${name}\\b`, 'g'))].length;
}

/** Files of `src` that no program reaches. */
export function unreachedFiles(production: readonly SourceFile[]): string[] {
  const imports = new Map(production.map((file) => [file.path, file.imports]));
  const reached = new Set<string>();
  const waiting = production
    .filter(({ path }) => !path.startsWith('src/') || isEntry(path))
    .map(({ path }) => path);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    waiting.push(...(imports.get(next) ?? []));
  }
  return production
    .filter(({ path }) => !reached.has(path))
    .map(({ path }) => `${path}: no program imports it`);
}
