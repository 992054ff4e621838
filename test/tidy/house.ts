// `npm run house`: what the shape of the house comes to, as one table in Markdown. `--at <commit>`
// adds a column for that commit before the one of the working tree, so that before and after stand
// side by side.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../deploy/local/toolchain/project.js';
import { uselessExports } from './exports.js';
import { longSentences } from './prose.js';
import { circles, folderSizes, functionLengths, longLines } from './shape.js';
import { sourceFilesAt } from './source.js';
import { brokenSteps, hopsOf, layoutOf, lengthOf } from './spines.js';

const PAGES = ['README.md', 'DESIGN.md', 'SECURITY.md', 'deploy/RUNBOOK.md'];

/** Each line of the table with its value for the tree at `root`. */
export function measure(root: string): Map<string, string> {
  const src = sourceFilesAt(root, ['src']);
  const production = [...src, ...sourceFilesAt(root, ['deploy/local'])];
  const { event, accountUsage, deliveryBreakdown } = layoutOf(src);
  const broken = [event, accountUsage, deliveryBreakdown].flatMap((road) => brokenSteps(road, src));
  if (broken.length > 0) throw new Error(`test/tidy/spines.ts is wrong:\n${broken.join('\n')}`);
  const [folder, size] = largest([...folderSizes(production)]);
  const functions = functionLengths(src).map((one): [string, number] => [one.place, one.lines]);
  const [place, lines] = largest(functions);
  const { files, returns } = lengthOf(event);
  const useless = uselessExports(production, sourceFilesAt(root, ['test']));
  return new Map([
    ['files in the largest folder', `${size} (\`${folder}\`)`],
    ['circles of imports', String(circles(src).length)],
    ['files that one event passes', String(files)],
    ['returns to a file on that road', String(returns)],
    ['hops of `GetAccountUsage` to its statement', String(hopsOf(accountUsage))],
    ['hops of `GetDeliveryBreakdown` to its statement', String(hopsOf(deliveryBreakdown))],
    ['lines over 100 columns', String(longLines(production).length)],
    ['exports that only tests use', String(countOf(useless, 'only tests use'))],
    ['exports without any use', String(countOf(useless, 'no file uses'))],
    ['longest function, lines', `${lines} (\`${place.replace(/:\d+$/, '')}\`)`],
    ...PAGES.map((page): [string, string] => [`sentences over 25 words in \`${page}\``, at(page)]),
  ]);

  function at(page: string): string {
    const path = join(root, page);
    return existsSync(path) ? String(longSentences(readFileSync(path, 'utf8')).length) : '–';
  }
}

function largest(all: readonly [string, number][]): [string, number] {
  return all.reduce((most, one) => (one[1] > most[1] ? one : most), ['', 0] as [string, number]);
}

const countOf = (lines: readonly string[], words: string) =>
  lines.filter((line) => line.includes(words)).length;

/** The same of a commit, which is unpacked and removed again. */
export function measureAt(commit: string): Map<string, string> {
  const root = mkdtempSync(join(tmpdir(), 'sms-analytics-house-'));
  try {
    const options = { cwd: projectRoot, maxBuffer: 256 * 1024 * 1024 };
    const packed = spawnSync('git', ['archive', '--format=tar', commit], options);
    if (packed.status !== 0) throw new Error(`git archive ${commit}: ${packed.stderr}`);
    const unpacked = spawnSync('tar', ['-x', '-C', root], { input: packed.stdout });
    if (unpacked.status !== 0) throw new Error(`tar: ${unpacked.stderr}`);
    return measure(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** One column for each name, one row for each measure. */
export function tableOf(columns: ReadonlyMap<string, ReadonlyMap<string, string>>): string {
  const names = [...columns.keys()];
  const rows = [...new Set([...columns.values()].flatMap((column) => [...column.keys()]))];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(['measure', ...names]),
    `|---|${names.map(() => '---:|').join('')}`,
    ...rows.map((row) => line([row, ...names.map((name) => columns.get(name)?.get(row) ?? '–')])),
  ].join('\n');
}
