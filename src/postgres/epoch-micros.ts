// Instants on their way out of Postgres: whole microseconds, which its timestamptz holds exactly.

/** SQL: the instant of a timestamptz in microseconds since 1970, which `pg` reads as text. */
export const micros = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::bigint`;
