// Arguments of `ops` as values: strict, and refused with what is expected.
import { InvalidArgumentError } from 'commander';
import { type EpochMicros, parseInstant } from '../domain/time/instant.js';

/** An instant with an offset; commander names the option. */
export function instantArgument(text: string): EpochMicros {
  const instant = parseInstant(text);
  if (instant === undefined) {
    throw new InvalidArgumentError('Expected an instant with an offset: 2026-11-22T08:00:00Z.');
  }
  return instant;
}

/** A whole number from `least` on. */
export function integerArgument(least: number, most = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d{1,16}$/.test(text) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `${least}-${most}`;
    throw new InvalidArgumentError(`Expected a whole number, ${range}.`);
  };
}

/** A duration such as 90m, 12h or 3d before `now`, or an instant. */
export function sinceArgument(now: () => EpochMicros) {
  return (text: string): EpochMicros => {
    const [, count, unit] = /^(\d{1,4})([mhd])$/.exec(text) ?? [];
    const minutes = { m: 1, h: 60, d: 1440 }[unit ?? ''];
    if (count !== undefined && minutes !== undefined) {
      return now() - Number(count) * minutes * 60_000_000;
    }
    const instant = parseInstant(text);
    if (instant !== undefined) return instant;
    throw new InvalidArgumentError('Expected 90m, 12h, 3d or an instant: 2026-11-22T08:00:00Z.');
  };
}
