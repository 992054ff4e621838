// How `ops` speaks: text and JSON on standard output, questions and progress on standard error, so
// that a pipe carries only the answer.
import { createInterface } from 'node:readline/promises';
import { SingleBar } from 'cli-progress';
import { Refused } from './exit-code.js';

/** A line on standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A line on standard error. */
export function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** JSON on standard output; bigints as numbers where they are safe, else as text. */
export function printJson(value: unknown): void {
  print(
    JSON.stringify(
      value,
      (_key, one) =>
        typeof one === 'bigint'
          ? Number.isSafeInteger(Number(one))
            ? Number(one)
            : `${one}`
          : one,
      2,
    ),
  );
}

/** Columns padded to their widest cell, the first row as head; no trailing blanks. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  const line = (row: readonly string[]) =>
    row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

/** Asks on a terminal; without one, `--yes` has to be said. Throws Refused unless confirmed. */
export async function confirm(question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new Refused(`${question}\nNothing was changed: confirm with --yes.`);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new Refused('Not confirmed: nothing was changed.');
  } finally {
    terminal.close();
  }
}

/**
 * Progress of a long act: a bar on a terminal, a line per tenth elsewhere; both on standard error.
 */
export class Progress {
  readonly #bar: SingleBar | undefined;
  readonly #what: string;
  #total: number;
  #tenths = 0;

  constructor(what: string, total: number) {
    this.#what = what;
    this.#total = total;
    if (!process.stderr.isTTY) return;
    const format = `${what} {bar} {percentage}% | {value}/{total} | {duration_formatted}`;
    this.#bar = new SingleBar({ format, hideCursor: true, stream: process.stderr });
    this.#bar.start(total, 0);
  }

  /** `total` may grow on the way. */
  update(done: number, total: number = this.#total): void {
    this.#total = total;
    if (this.#bar !== undefined) {
      this.#bar.setTotal(total);
      this.#bar.update(done);
      return;
    }
    const tenths = total === 0 ? 10 : Math.floor((10 * done) / total);
    if (tenths > this.#tenths) process.stderr.write(`${this.#what}: ${done} of ${total}\n`);
    this.#tenths = Math.max(tenths, this.#tenths);
  }

  /** Leaves the terminal as it was. */
  end(): void {
    this.#bar?.stop();
  }
}
