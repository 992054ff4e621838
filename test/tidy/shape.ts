// The shape of the house: how full a folder is, who imports whom in a circle, how long lines and
// functions are, and how comments are written. Each function names every place that breaks its
// rule.

import { dirname } from 'node:path';
import type { SourceFile } from './source.js';

const FILES_MOST = 14;
const COLUMNS_MOST = 100;
const FUNCTION_LINES_MOST = 60;

/** How many files each folder holds, files of its folders left out. */
export function folderSizes(files: readonly SourceFile[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { path } of files) {
    const folder = dirname(path);
    sizes.set(folder, (sizes.get(folder) ?? 0) + 1);
  }
  return sizes;
}

/** A reader sees what is in a folder at one glance. */
export function crowdedFolders(files: readonly SourceFile[]): string[] {
  return [...folderSizes(files)]
    .filter(([, size]) => size > FILES_MOST)
    .map(([folder, size]) => `${folder}: ${size} files, at most ${FILES_MOST}`);
}

/** Groups of files that reach one another by imports; imports of types count. */
export function circles(files: readonly SourceFile[]): string[] {
  const imports = new Map(files.map((file) => [file.path, file.imports]));
  const reached = new Map(files.map(({ path }) => [path, reachableFrom(path, imports)]));
  const seen = new Set<string>();
  return files.flatMap(({ path }) => {
    if (seen.has(path) || !reached.get(path)?.has(path)) return [];
    const group = [...(reached.get(path) ?? [])].filter((one) => reached.get(one)?.has(path));
    for (const one of group) seen.add(one);
    return [`a circle of imports: ${group.sort().join(', ')}`];
  });
}

function reachableFrom(start: string, imports: Map<string, readonly string[]>): Set<string> {
  const reached = new Set<string>();
  const waiting = [...(imports.get(start) ?? [])];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    waiting.push(...(imports.get(next) ?? []));
  }
  return reached;
}

/** The formatter keeps an import of one name on one line; a URL has no place to break. */
const UNBREAKABLE = /^import \{ [^,]* \} from '|https?:\/\/\S{50}/;

/** `path:line` of every line that is wider than a page. */
export function longLines(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      const columns = [...line].length;
      if (UNBREAKABLE.test(line)) return [];
      return columns > COLUMNS_MOST ? [`${path}:${index + 1}: ${columns} columns`] : [];
    }),
  );
}

export interface Measured {
  readonly place: string;
  readonly lines: number;
}

/**
 * The length of every function that has a body of its own. The formatter keeps the indentation, so
 * a function ends with the first line of its own indentation that begins with a brace.
 */
export function functionLengths(files: readonly SourceFile[]): Measured[] {
  return files.flatMap(({ path, code }) => {
    const lines = code.split('\n');
    return lines.flatMap((line, index) => {
      const indent = /^ */.exec(line)?.[0] ?? '';
      const closing = lines.slice(index + 1).find((other) => other.startsWith(`${indent})`)) ?? '';
      if (!opensFunction(line, closing)) return [];
      const end = lines.findIndex(
        (other, at) => at > index && other.startsWith(`${indent}}`) && !other.endsWith('{'),
      );
      return end < 0 ? [] : [{ place: `${path}:${index + 1}`, lines: end - index + 1 }];
    });
  });
}

const DECLARED = /^ *(export )?(default )?(async )?function\b/;
const ARROW = /=> \{$/;
/** A method's first line: a name and its parameters, and no keyword that also takes parentheses. */
const METHOD = /^ +((static|async|override|private|get|set) )*[#*]?\w+(<.*>)?\((.*\{)?$/;
const KEYWORD = /^ *(if|for|while|switch|catch|return|await|function|throw|super|else|do)\b/;

/** `closing` ends the parameters where they fill several lines. */
function opensFunction(line: string, closing: string): boolean {
  if (DECLARED.test(line)) return !line.endsWith('}');
  if (ARROW.test(line)) return true;
  if (!METHOD.test(line) || KEYWORD.test(line)) return false;
  return line.endsWith('{') || /^ *\)(: .*)? \{$/.test(closing);
}

/** A function fits on one screen. */
export function longFunctions(files: readonly SourceFile[]): string[] {
  return functionLengths(files)
    .filter(({ lines }) => lines > FUNCTION_LINES_MOST)
    .map(({ place, lines }) => `${place}: a function of ${lines} lines`);
}

/** A file opens with `//` lines, and a block comment documents the declaration below it. */
export function commentDialect(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const lines = text.replace(/^#![^\n]*\n/, '').split('\n');
    const wrong = lines.flatMap((line, index) => {
      const place = `${path}:${index + 1}`;
      if (/^\s*\/\*(?!\*)/.test(line)) return [`${place}: a comment in /* */`];
      if (!/^\s*\/\*\*/.test(line)) return [];
      const end = lines.findIndex((other, at) => at >= index && other.includes('*/'));
      const below = lines[end + 1]?.trim() ?? '';
      const declares = below !== '' && !/^(import\b|\/\/|\/\*|[)}\]])/.test(below);
      return declares ? [] : [`${place}: /** */ documents no declaration`];
    });
    return lines[0]?.startsWith('//') ? wrong : [`${path}: does not open with a // line`, ...wrong];
  });
}
