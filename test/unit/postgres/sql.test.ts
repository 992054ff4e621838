// Statements with named parameters: what Postgres is sent, and what is refused.

import { expect, test } from 'vitest';
import { sql } from '../../../src/postgres/sql.js';

test('a name becomes the position of its first appearance, in every place', () => {
  const read = sql<{ day: number; account: string }>`
    SELECT :day::int, ${'x = :account'} AND :day = '2026-01-01 00:00'::date`;
  expect(read.text).toBe(`
    SELECT $1::int, x = $2 AND $1 = '2026-01-01 00:00'::date`);
  expect(read({ account: 'a', day: 1 }).values).toEqual([1, 'a']);
});

test('a value without a name, or a name without a value, is refused', () => {
  const read = sql<{ day?: number; other?: number }>`SELECT :day`;
  expect(() => read({})).toThrow('differ in day');
  expect(() => read({ day: 1, other: 2 })).toThrow('differ in other');
});

test('a name of another form is refused where the statement is written', () => {
  expect(() => sql`SELECT :of_day`).toThrow(':of_day is no name');
});
