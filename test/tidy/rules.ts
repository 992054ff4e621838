// The rules of the house as functions from files to sentences. Each sentence names the file, what
// is wrong and what to do, so that a list of them is a list of work.

import { basename } from 'node:path';
import { placesOf, type SourceFile } from './source.js';

const LINES_MOST = 250;
/** Files that are one table or one state machine and would only be harder to read in two. */
const LONGER: Readonly<Record<string, number>> = {
  'src/postgres/pool.ts': 290,
};

const GROUND = ['domain', 'platform', 'generated'];
const SHARED = [...GROUND, 'rollups', 'postgres', 'nats'];
const JOBS = ['counting', 'answers', 'copy', 'audit', 'publishing'];

/**
 * What each part of src may import besides itself. Jobs do not know one another, but any may write
 * audit records.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  platform: [],
  rollups: GROUND,
  postgres: GROUND,
  nats: GROUND,
  counting: [...SHARED, 'audit'],
  answers: [...SHARED, 'audit'],
  copy: [...SHARED, 'audit'],
  audit: SHARED,
  publishing: ['domain', 'nats'],
  operating: [...SHARED, ...JOBS],
  api: [...SHARED, 'answers', 'audit'],
  client: ['platform', 'generated'],
  bin: [...SHARED, ...JOBS, 'operating', 'api', 'client'],
};

/** {domain, platform, generated} ← {rollups, postgres, nats} ← jobs ← {operating, api} ← bin. */
export function wrongDirections(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const part = partOf(file.path);
    if (part === undefined) return [];
    const allowed = MAY_IMPORT[part];
    if (!allowed) return [`${file.path}: src/${part} is no part of the house (DESIGN.md)`];
    return file.imports.flatMap((target) => {
      const other = partOf(target);
      if (other === part || (other !== undefined && allowed.includes(other))) return [];
      return [`${file.path}: src/${part} may not import ${target}`];
    });
  });
}

function partOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

/** Configuration is read in one place. */
export function environmentReads(files: readonly SourceFile[]): string[] {
  return files
    .filter(
      (file) => file.path.startsWith('src/') && file.path !== 'src/platform/settings/config.ts',
    )
    .flatMap((file) => placesOf(file, /\bprocess\.env\b/))
    .map((place) => `${place}: only src/platform/settings/config.ts reads process.env`);
}

/** The path of a file's URL is percent-encoded: it names no file below a folder with a blank. */
export function pathsOfUrls(files: readonly SourceFile[]): string[] {
  return files
    .flatMap((file) => placesOf(file, /import\.meta\.url\)\.pathname/))
    .map((place) => `${place}: take fileURLToPath(url), as a URL's pathname is percent-encoded`);
}

/** Time is read in one place, so that tests can drive it. */
export function clockReads(files: readonly SourceFile[]): string[] {
  const pattern =
    /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bhrtime\b|\bTemporal\.Now\b|\btimeOrigin\b/;
  return files
    .filter((file) => file.path.startsWith('src/') && file.path !== 'src/platform/clock.ts')
    .flatMap((file) => placesOf(file, pattern))
    .map((place) => `${place}: only src/platform/clock.ts reads the time`);
}

export function oversized(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const lines = file.text.split('\n').length - 1;
    const most = LONGER[file.path] ?? LINES_MOST;
    return lines > most ? [`${file.path}: ${lines} lines, at most ${most}`] : [];
  });
}

/** A file opens with what it is for. */
export function headless(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const lines = file.text.replace(/^#![^\n]*\n/, '').split('\n');
    const isComment = (line: string) => /^(\/\/|\/\*\*?|\s\*)/.test(line);
    const end = lines.findIndex((line) => !isComment(line));
    const said = lines.slice(0, end).some((line) => /[A-Za-z]/.test(line));
    return said ? [] : [`${file.path}: no header comment that says what the file is for`];
  });
}

const EMPTY_WORDS =
  /(^|[-.])(utils?|helpers?|managers?|handlers?|common|misc|data|info|base)([-.]|$)/;

/** Names say what is inside. */
export function emptyNames(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => EMPTY_WORDS.test(basename(path)) || basename(path) === 'index.ts')
    .filter(({ path }) => path !== 'src/client/index.ts')
    .map(({ path }) => `${path}: a name that says nothing (or a barrel)`);
}

/** The services log, the command line writes to stdout. */
export function consoleUses(files: readonly SourceFile[]): string[] {
  return files
    .flatMap((file) => placesOf(file, /\bconsole\./))
    .map((place) => `${place}: console is not used here`);
}

/** `import()` takes a path for a URL: in a folder with a percent sign it fails. */
export function importsOfPaths(files: readonly SourceFile[]): string[] {
  return files
    .flatMap((file) => placesOf(file, /\bimport\((?!\s*')(?!.*\.href\))/))
    .map((place) => `${place}: import(pathToFileURL(path).href), not import(path)`);
}
