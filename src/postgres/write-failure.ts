// What a refused write says of who is to blame for it, by SQLSTATE (PostgreSQL's manual, appendix
// A).

/**
 * Class 22 (data exception), 23 (integrity) and 54 (program limit) come from the values; every
 * other failure (connection, resources, shutdown, deadlock, privileges, schema) from the
 * surroundings.
 */
export function blamesTheValues(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  const isOfValues = typeof code === 'string' && code.length === 5 && /^(22|23|54)/.test(code);
  return isOfValues && !lacksPartition(error);
}

/**
 * No partition takes the row, or refuse_missing_day() aborts: a check violation (23514) without a
 * constraint. The ledger's day is not made, dropped, or missing (missing-days.ts).
 */
export function lacksPartition(error: unknown): boolean {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return code === '23514' && constraint === undefined;
}
