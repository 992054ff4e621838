// Numbers on the command lines of the benches and the soak.

import { InvalidArgumentError } from 'commander';

/** A parser for an option that is a number of at least `least`. */
export function atLeast(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value >= least && value <= 1e9)) {
      throw new InvalidArgumentError(`must be a number, at least ${least}.`);
    }
    return value;
  };
}
