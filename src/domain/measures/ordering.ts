// The order of rows that a question asks for: a closed list of names, never a piece of SQL.
import type { FieldViolation } from '../failure.js';

/** One key of an order. */
export interface OrderKey<Field extends string> {
  readonly field: Field;
  readonly descending: boolean;
}

/**
 * The keys that `text` names: fields separated by commas, each with an optional ` desc`; blanks
 * around them do not matter. `fallback` where it is empty. Adds a violation of `order_by` for a
 * field that is not in `fields`, comes twice, or is followed by anything else, and then answers
 * `fallback`.
 */
export function readOrder<Field extends string>(
  text: string,
  fields: readonly Field[],
  fallback: readonly OrderKey<Field>[],
  violations: FieldViolation[],
): readonly OrderKey<Field>[] {
  if (text === '') return fallback;
  const keys: OrderKey<Field>[] = [];
  for (const part of text.split(',', fields.length + 1)) {
    const [name, direction, ...more] = part.split(' ').filter((word) => word !== '');
    const field = fields.find((known) => known === name);
    const wrong = field === undefined || more.length > 0;
    const repeated = keys.some((key) => key.field === field);
    if (wrong || repeated || (direction !== undefined && direction !== 'desc')) {
      const form = 'must be fields separated by commas, each once and with an optional " desc"';
      const description = `${form}: ${fields.join(', ')}`;
      violations.push({ field: 'order_by', description });
      return fallback;
    }
    keys.push({ field, descending: direction === 'desc' });
  }
  return keys;
}

/**
 * Compares two values of one key: absent ones come last whatever the direction, then smaller first
 * or, descending, larger first. Text compares by its UTF-16 units, which for ids is bytewise.
 */
export function compareValues<Value extends bigint | number | string>(
  left: Value | undefined,
  right: Value | undefined,
  descending: boolean,
): number {
  if (left === undefined || right === undefined) {
    return Number(left === undefined) - Number(right === undefined);
  }
  if (left === right) return 0;
  return left < right === descending ? 1 : -1;
}
