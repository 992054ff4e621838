// What a benchmark ends with: a table for people, `.local/bench/<name>.json` for whoever compares
// runs (contract, section 6), and exit code 1 where a `must` is missed.

import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../deploy/local/toolchain/project.js';

/**
 * One measured value. `must` and `aim` are bounds in the direction of `better`; null where there is
 * none.
 */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly must: number | null;
  readonly aim: number | null;
  readonly better: 'higher' | 'lower';
}

/** Prints and writes the figures; returns the exit code. */
export function reportFigures(name: string, figures: readonly Figure[]): 0 | 1 {
  const machine = {
    platform: `${platform()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
  const directory = join(projectRoot, '.local/bench');
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    join(directory, `${name}.json`),
    `${JSON.stringify({ machine, figures }, undefined, 2)}\n`,
  );
  const rows = figures.map((figure) => [
    figure.name,
    `${rounded(figure.value)} ${figure.unit}`,
    figure.must === null ? '' : `${figure.better === 'higher' ? '≥' : '≤'} ${figure.must}`,
    figure.aim === null ? '' : `${figure.better === 'higher' ? '≥' : '≤'} ${figure.aim}`,
    verdictOf(figure),
  ]);
  printTable([['figure', 'value', 'must', 'aim', ''], ...rows]);
  return figures.some((figure) => verdictOf(figure) === 'MISSED') ? 1 : 0;
}

function verdictOf({ value, must, aim, better }: Figure): string {
  const reaches = (bound: number): boolean =>
    better === 'higher' ? value >= bound : value <= bound;
  if (must !== null && !reaches(must)) return 'MISSED';
  if (aim !== null) return reaches(aim) ? 'aim reached' : 'must reached';
  return must === null ? '' : 'must reached';
}

/** Of an odd number of values the middle one, of an even number the mean of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The least value that at least `share` of the values do not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

function rounded(value: number): string {
  return Number(value.toPrecision(4)).toLocaleString('en-US', { maximumFractionDigits: 6 });
}

function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of rows) {
    const line = row.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join('  ');
    process.stdout.write(`${line.trimEnd()}\n`);
  }
}
