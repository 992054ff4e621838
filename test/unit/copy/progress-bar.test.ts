import { afterEach, expect, test, vi } from 'vitest';
import { ProgressBar } from '../../../src/copy/progress-bar.js';

const terminal = process.stderr.isTTY;
afterEach(() => {
  process.stderr.isTTY = terminal;
  vi.restoreAllMocks();
});

function shown(isTerminal: boolean, allSlices: number): string {
  process.stderr.isTTY = isTerminal;
  let text = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    text += chunk;
    return true;
  });
  const bar = new ProgressBar();
  bar.show({ doneSlices: 0, allSlices, rowCount: 0 });
  bar.show({ doneSlices: allSlices, allSlices, rowCount: 4_242 });
  bar.end();
  return text;
}

test('a long copy shows on a terminal how many days and rows are done', () => {
  const text = shown(true, 40);
  expect(text).toContain('0/40 days');
  expect(text).toContain('40/40 days | 4242 rows');
});

test('nothing is shown for a few days, or where no terminal is', () => {
  expect(shown(true, 3)).toBe('');
  expect(shown(false, 40)).toBe('');
});
