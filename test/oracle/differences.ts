// Where an answer differs from the oracle's. Counts, texts and instants must be equal; latencies
// may be 5 % off, as the contract allows, and so what a median has changed by what two such errors
// make of it; money is compared as numbers, so that 0.079 equals 0.079000000; doubles to nine
// digits.

import { microsOf, units } from './figures.js';

/** One line per difference, with its path; none means equal. */
export function differences(actual: unknown, expected: unknown, path = ''): string[] {
  if (isMissing(actual) && isMissing(expected)) return [];
  if (/(^|\.)(charged|refunded|net|netPerDelivered)$/.test(path)) {
    if (typeof actual === 'string' && typeof expected === 'string') {
      return units(actual) === units(expected) ? [] : [line(path, actual, expected)];
    }
  }
  if (/latency\.p\d\d$/.test(path) && isDuration(actual) && isDuration(expected)) {
    const [answer, truth] = [microsOf(actual), microsOf(expected)];
    return Math.abs(answer - truth) <= 0.05 * truth ? [] : [line(path, answer, truth)];
  }
  if (/(^|\.)latencyP50Percent$/.test(path)) {
    if (typeof actual === 'number' && typeof expected === 'number') {
      const [answer, truth] = [1 + actual / 100, 1 + expected / 100];
      const close = answer >= (truth * 0.95) / 1.05 && answer <= (truth * 1.05) / 0.95;
      return close ? [] : [line(path, actual, expected)];
    }
  }
  if (typeof actual === 'number' && typeof expected === 'number') {
    const close = Math.abs(actual - expected) <= 1e-12 + 1e-9 * Math.abs(expected);
    return close ? [] : [line(path, actual, expected)];
  }
  if (Array.isArray(actual) && Array.isArray(expected)) return listed(actual, expected, path);
  if (isObject(actual) && isObject(expected)) {
    const names = new Set([...Object.keys(actual), ...Object.keys(expected)]);
    names.delete('_unknownFields');
    // An opaque token can only be there or not.
    if (names.delete('nextPageToken') && !actual.nextPageToken !== !expected.nextPageToken) {
      return [line(`${path}.nextPageToken`, actual.nextPageToken, expected.nextPageToken)];
    }
    return [...names].flatMap((name) =>
      differences(actual[name], expected[name], path === '' ? name : `${path}.${name}`),
    );
  }
  return actual === expected ? [] : [line(path, actual, expected)];
}

function listed(actual: unknown[], expected: unknown[], path: string): string[] {
  if (actual.length !== expected.length) {
    return [line(`${path}.length`, actual.length, expected.length)];
  }
  return actual.flatMap((item, index) => differences(item, expected[index], `${path}[${index}]`));
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isDuration(value: unknown): value is { seconds: bigint; nanos: number } {
  return isObject(value) && 'seconds' in value && 'nanos' in value;
}

function line(path: string, actual: unknown, expected: unknown): string {
  return `${path}: ${shown(actual)} where the oracle has ${shown(expected)}`;
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part));
}
