// The stack's word to the person at the terminal: one line when a step begins, one with its
// duration when it is done.

import { Advice } from './project.js';

const terminal = process.stdout.isTTY === true;

/** Prints a line on stdout. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Runs a step and prints its name and duration; a failure says which step it was. */
export async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const took = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  const beat = setInterval(() => say(`  … ${name}: ${took()} so far`), 10_000);
  try {
    const result = await work();
    say(`${terminal ? '\u001b[32m✔\u001b[0m' : '✔'} ${name} (${took()})`);
    return result;
  } catch (error) {
    say(`✘ ${name} (${took()})`);
    throw error;
  } finally {
    clearInterval(beat);
  }
}

/** What a person should read of an error: the advice alone, or the message with its causes. */
export function wordsOf(error: unknown): string {
  if (error instanceof Advice) return error.message;
  const words: string[] = [];
  for (let at: unknown = error; at !== undefined && at !== null; ) {
    words.push(at instanceof Error ? at.message || at.name : String(at));
    at = at instanceof Error ? at.cause : undefined;
  }
  return words.join('\n  because: ');
}
