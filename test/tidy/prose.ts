// How long the sentences of a page are. Code is no prose: blocks of it are left out, and a piece of
// it in a sentence is one word. A cell of a table, an item of a list and a heading end a sentence.

const WORDS_MOST = 25;

/** Every sentence of a page in Markdown, in its order. */
export function sentencesOf(markdown: string): string[] {
  const prose = markdown
    .replace(/^```[\s\S]*?^```/gm, '\n\n')
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/`[^`]+`/g, 'code')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1');
  return prose
    .replace(/^#.*/gm, '$&\n')
    .split(/\n\s*\n|\n(?=\s*(?:[-*>|#]|\d+\.)\s?)/)
    .flatMap((block) => (/^\s*\|/.test(block) ? block.split('|') : [block]))
    .map((text) => text.replace(/^\s*(?:[-*>#]+|\d+\.)\s+/, '').replace(/\s+/g, ' '))
    .flatMap((text) => text.split(/(?<=[.!?]['")*]*)\s+(?=[A-Z*'"(\d]|code\b)/))
    .map((text) => text.trim())
    .filter((text) => /[A-Za-z]/.test(text));
}

export function wordsIn(sentence: string): number {
  return sentence.split(' ').filter((word) => /[A-Za-z0-9]/.test(word)).length;
}

/** Sentences that take a second reading. */
export function longSentences(markdown: string): string[] {
  return sentencesOf(markdown).filter((sentence) => wordsIn(sentence) > WORDS_MOST);
}
