// Numbers for texts that come again and again, so that what is remembered holds a number for each
// instead of the text. A dictionary only grows; SlotMemory begins a new one once it is full, and
// the old one goes with the last value that refers to it.

/** Texts in a dictionary, before another one is begun. */
const MAX_TEXTS = 100_000;
/** What a text costs: itself and its place in the map. */
export const TEXT_BYTES = 150;

export class Dictionary {
  /** By number. */
  readonly texts: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #words: (readonly string[])[] = [];

  get isFull(): boolean {
    return this.texts.length > MAX_TEXTS;
  }

  /** The number of a text, a new one where it has none. */
  numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }

  /** What blanks divide in the text of a number; taken apart once. */
  wordsOf(number: number): readonly string[] {
    for (let next = this.#words.length; next <= number; next++) {
      this.#words.push((this.texts[next] as string).split(' '));
    }
    return this.#words[number] as readonly string[];
  }
}
