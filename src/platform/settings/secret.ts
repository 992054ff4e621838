// A configured value that must never be printed. It hides itself from JSON, string conversion and
// util.inspect, so that a config object can be logged whole; `reveal` is the only way to the value,
// and easy to search for.
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';

const HIDDEN = '[redacted]';

/** A secret from the environment, or from a file that a Vault agent may rewrite at any time. */
export class Secret {
  readonly #file: string | undefined;
  #value: string;

  constructor(value: string, file?: string) {
    this.#value = value;
    this.#file = file;
  }

  /**
   * The value; read anew from its file on every call, so that a rotated secret is used from the
   * next connection on. A file that cannot be read, or is empty, leaves the last good value in
   * place.
   */
  reveal(): string {
    if (this.#file !== undefined) {
      try {
        const text = readSecretFile(this.#file);
        if (text !== '') this.#value = text;
      } catch {
        // Half-way through a rotation: the last good value stays.
      }
    }
    return this.#value;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}

/** The text of a secret's file without its last line break. Throws what the file system throws. */
export function readSecretFile(path: string): string {
  return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
}
