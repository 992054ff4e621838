// `ops migrate`: brings the schema of Postgres to this build's, as the owner of the schema.
import type { Command } from 'commander';
import { migrate, pendingMigrations } from '../postgres/prisma/migrate.js';
import { audited } from './audited.js';
import { type StoreSession, withStore } from './session.js';
import { print, printJson } from './terminal.js';

interface MigrateOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const NONE = 'The schema is up to date.';

export function registerMigrate(program: Command): void {
  program
    .command('migrate')
    .description('apply the Postgres migrations that are missing (DATABASE_URL: analytics_owner)')
    .option('--dry-run', 'say which are missing and change nothing')
    .option('--json', 'answer as JSON')
    .action((options: MigrateOptions) => withStore((session) => run(session, options)));
}

async function run(session: StoreSession, { dryRun, json }: MigrateOptions): Promise<void> {
  const url = session.config.databaseUrl.reveal();
  if (dryRun) {
    const missing = await pendingMigrations(url);
    if (json) printJson({ done: false, migrations: missing });
    else print(missing.length === 0 ? NONE : `Would apply: ${missing.join(', ')}`);
    return;
  }
  const act = async () => {
    const applied = await migrate(url);
    return { applied, summary: applied.length === 0 ? NONE : `Applied: ${applied.join(', ')}` };
  };
  const first = { mayPrecedeAudit: true };
  const { applied, summary } = await audited(session, 'migrate', 'postgres', act, first);
  if (json) printJson({ done: true, migrations: applied });
  else print(summary);
}
