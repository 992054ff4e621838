// The project's own source as the tidy tests read it: files, their lines without comments and
// strings where a rule is about code, and what they import.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { projectRoot } from '../../deploy/local/toolchain/project.js';

export interface SourceFile {
  /** From the project's root. */
  readonly path: string;
  readonly text: string;
  /** The text with comments blanked out; line numbers are kept. */
  readonly code: string;
  /** Project paths (of .ts files) that it imports. */
  readonly imports: readonly string[];
}

const SOURCE = /\.(ts|mjs)$/;

/** Every hand-written source file of the project below these directories. */
export function sourceFiles(...directories: string[]): SourceFile[] {
  return sourceFilesAt(projectRoot, directories);
}

/** The same of another copy of the project, whose root is `root`. */
export function sourceFilesAt(root: string, directories: readonly string[]): SourceFile[] {
  return directories
    .filter((directory) => existsSync(join(root, directory)))
    .flatMap((directory) =>
      readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && SOURCE.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)),
    )
    .filter((path) => !path.startsWith('src/generated/'))
    .sort()
    .map((path) => fileOf(path, readFileSync(join(root, path), 'utf8')));
}

/** A file as the rules see it. */
export function fileOf(path: string, text: string): SourceFile {
  return { path, text, code: withoutComments(text), imports: importsOf(path, text) };
}

/** Blanks comments, and leaves strings and templates as they are (a `//` in them is no comment). */
export function withoutComments(text: string): string {
  const token =
    /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(token, (found) =>
    found.startsWith('//') || found.startsWith('/*') ? found.replace(/[^\n]/g, ' ') : found,
  );
}

function importsOf(path: string, text: string): string[] {
  const pattern = /(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g;
  return [...text.matchAll(pattern)].map((match) =>
    normalize(join(dirname(path), match[1] ?? '')).replace(/\.js$/, '.ts'),
  );
}

/** `path:line` of every match in the code. */
export function placesOf(file: SourceFile, pattern: RegExp): string[] {
  return file.code
    .split('\n')
    .flatMap((line, index) => (pattern.test(line) ? [`${file.path}:${index + 1}`] : []));
}
