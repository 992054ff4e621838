// What went wrong with Postgres as the copy job sees it, told by SQLSTATE: whether the next run can
// cure it, a migration, or a grant.

/** `unavailable` may pass by itself; `refused` needs a grant; `schema` a migration. */
export type PostgresFailureKind = 'unavailable' | 'refused' | 'schema' | 'unexpected';

/** A failure of Postgres, classified; the cause is the driver's error. */
export class PostgresFailure extends Error {
  constructor(
    readonly kind: PostgresFailureKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'PostgresFailure';
  }
}

const advice: Readonly<Record<PostgresFailureKind, string>> = {
  unavailable: 'Postgres cannot be reached or is shutting down; the next run continues',
  refused: 'Postgres refuses the credential or lacks a grant; see the roles of the migrations',
  schema: 'Postgres has other tables than this build expects; run `ops migrate`',
  unexpected: 'Postgres answered with an error',
};

/** A driver's error as a PostgresFailure; undefined when it is none of Postgres's. */
export function postgresFailure(error: unknown): PostgresFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  const kind = kindOf(error);
  return kind && new PostgresFailure(kind, `${advice[kind]} (${error.message})`, { cause: error });
}

/**
 * Classes and codes of appendix A of the PostgreSQL manual; the driver's own words where it has no
 * code.
 */
function kindOf(error: Error & { code?: unknown }): PostgresFailureKind | undefined {
  const code = typeof error.code === 'string' ? error.code : '';
  if (/^(ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_|EHOST|ENET)/.test(code)) return 'unavailable';
  if (/^(08|53|57P|58)|^40001$|^40P01$|^57014$/.test(code)) return 'unavailable';
  if (/^(28|42501)/.test(code)) return 'refused';
  if (/^(42703|42P01|42883|42704|3F000|3D000)$/.test(code)) return 'schema';
  if (/^[0-9A-Z]{5}$/.test(code)) return 'unexpected';
  return /^(Connection terminated|Client has encountered a connection error|timeout expired)/.test(
    error.message,
  )
    ? 'unavailable'
    : undefined;
}
