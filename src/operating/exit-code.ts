// How a script reads `ops`: the number it ends with, and the one error that means "nothing was
// done, on purpose".

/** Exit codes of `ops`. */
export const EXIT = {
  done: 0,
  /** It was tried and did not succeed. */
  failed: 1,
  /**
   * Wrong arguments, wrong configuration, no confirmation, or a precondition that does not hold.
   */
  refused: 2,
} as const;

/** Nothing was changed; the message says why, and what to do. */
export class Refused extends Error {
  override readonly name = 'Refused';
}
