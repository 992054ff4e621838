// How a scheduler reads the job: 0 is done, every other number says who can cure it. The numbers
// are part of the command's interface; the RUNBOOK lists them.
import { ConfigFaults } from '../platform/settings/config.js';
import { PrivilegedRole } from '../postgres/check-role.js';
import { WarehouseFailure } from './clickhouse/failure.js';
import { PostgresFailure } from './postgres/failure.js';

/** Exit codes of `anlyt-etl`. */
export const EXIT = {
  done: 0,
  /** A fault of the program or of the data that was not foreseen. */
  unexpected: 1,
  /** Wrong arguments or configuration. */
  usage: 2,
  /** Another runner is at work; nothing was done, nothing is wrong. */
  busy: 3,
  /** The two sides differ even after a day was sent again. */
  mismatch: 4,
  /** ClickHouse or Postgres is away, slow or full; the next run continues. */
  unavailable: 5,
  /** Tables differ from what this build expects; a migration is needed. */
  schema: 6,
  /** A credential, a certificate or a grant is wrong, or a role may too much. */
  refused: 7,
} as const;

/** What `--help` says of them, and of signals. */
export const EXIT_HELP = `
Exit codes: 0 done, 1 unexpected, 2 wrong arguments or configuration, 3 another runner is at work,
4 the two sides differ, 5 ClickHouse or Postgres away, slow or full (the next run continues),
6 tables differ from what this build expects, 7 a credential, a certificate or a grant is wrong.

--loop ends with 4, 6, 7 or 1 where waiting cures nothing; after 5 it tries again.

Signals: SIGTERM and SIGINT let the run at work be finished for 20 seconds and begin no other; the
exit code is that run's. A run that takes longer is cut off with 5: nothing is lost, the next run
continues. A second signal ends with 1.`;

/** The exit code of what was thrown. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigFaults) return EXIT.usage;
  if (error instanceof PrivilegedRole) return EXIT.refused;
  if (error instanceof WarehouseFailure || error instanceof PostgresFailure) {
    switch (error.kind) {
      case 'unavailable':
      case 'full':
        return EXIT.unavailable;
      case 'schema':
        return EXIT.schema;
      case 'refused':
      case 'untrusted':
        return EXIT.refused;
      case 'unexpected':
        return EXIT.unexpected;
    }
  }
  return EXIT.unexpected;
}

/** True when the next turn of a loop may succeed without anybody's doing. */
export function canPass(error: unknown): boolean {
  return exitCodeOf(error) === EXIT.unavailable;
}
