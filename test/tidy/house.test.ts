// What `npm run house` prints: the roads it goes by are those of the source, and its sentences are
// those of a page.

import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../deploy/local/toolchain/project.js';
import { measure, tableOf } from './house.js';
import { longSentences, sentencesOf, wordsIn } from './prose.js';
import { fileOf, sourceFiles } from './source.js';
import { brokenSteps, hopsOf, layoutOf, lengthOf } from './spines.js';

const src = sourceFiles('src');

describe('a road', () => {
  const { event, accountUsage, deliveryBreakdown } = layoutOf(src);

  test.each([
    ['of an event', event],
    ['of GetAccountUsage', accountUsage],
    ['of GetDeliveryBreakdown', deliveryBreakdown],
  ])('%s follows the imports', (_name, road) => {
    expect(brokenSteps(road, src).join('\n')).toBe('');
  });

  test('that skips a file, or names one that is gone, is broken', () => {
    const files = [
      fileOf('src/bin/api.ts', "import { a } from '../answers/a.js';"),
      fileOf('src/answers/a.ts', "import { b } from './b.js';"),
      fileOf('src/answers/b.ts', "import { c } from './c.js';"),
      fileOf('src/answers/c.ts', ''),
    ];
    expect(brokenSteps(['answers/a', 'answers/b', 'answers/a', 'answers/c'], files)).toEqual([]);
    expect(brokenSteps(['answers/a', 'answers/c'], files)).toHaveLength(1);
    expect(brokenSteps(['answers/a', 'answers/d'], files)).toHaveLength(1);
  });

  test('is as long as its files, and a hop is a file more', () => {
    expect(lengthOf(['a', 'b', 'a', 'c', 'b'])).toEqual({ files: 3, returns: 2 });
    expect(hopsOf(['a', 'b', 'c'])).toBe(2);
  });
});

describe('a sentence', () => {
  test('ends with its stop, its item, its cell and its heading', () => {
    const page = [
      '# A heading without a stop',
      'One sentence, of `code.with.dots()`. Another',
      'one (e.g. this) with [a link](https://example.org/a.b)!',
      '- An item',
      '  that goes on',
      '- Another',
      '',
      '| a cell | another cell |',
      '|---|---|',
      '```',
      'not. Prose.',
      '```',
      '1. Run it.',
    ].join('\n');
    expect(sentencesOf(page)).toEqual([
      'A heading without a stop',
      'One sentence, of code.',
      'Another one (e.g. this) with a link!',
      'An item that goes on',
      'Another',
      'a cell',
      'another cell',
      'Run it.',
    ]);
  });

  test('is long from 26 words on', () => {
    const of = (words: number) => `${Array.from({ length: words }, () => 'word').join(' ')}.`;
    expect(wordsIn('a – b, c-d')).toBe(3);
    expect(longSentences(`${of(25)} ${of(25)}`.replaceAll('. w', '. W'))).toEqual([]);
    expect(longSentences(of(26))).toHaveLength(1);
  });
});

test('the table has a value in each cell', () => {
  const column = measure(projectRoot);
  const lines = tableOf(new Map([['now', column]])).split('\n');
  expect(lines).toHaveLength(column.size + 2);
  for (const line of lines.slice(2)) expect(line).toMatch(/^\| .+ \| \d+( \(`.+`\))? \|$/);
});
