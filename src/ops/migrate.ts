/** `ops migrate`: brings the schema of Postgres to this build's, as the owner of the schema. */
import type { Command } from 'commander';
import { migrate } from '../store/postgres/migrate.js';
import { audited, withStore } from './session.js';
import { print } from './terminal.js';

export function registerMigrate(program: Command): void {
  program
    .command('migrate')
    .description('apply the Postgres migrations that are missing (DATABASE_URL: analytics_owner)')
    .action(() =>
      withStore(async (session) => {
        const { summary } = await audited(session, 'migrate', 'postgres', async () => {
          const applied = await migrate(session.config.databaseUrl.reveal());
          const none = 'The schema is up to date.';
          return { summary: applied.length === 0 ? none : `Applied: ${applied.join(', ')}` };
        });
        print(summary);
      }),
    );
}
