/**
 * `ops`: the command line of the people who run the service. Each verb is a file of src/ops; this one
 * only wires them to NATS and Postgres and prints.
 */
import { Command } from 'commander';
import type { JetStreamManager } from 'nats';
import pg from 'pg';
import { connectNats } from '../broker/nats/connect.js';
import { setUp } from '../ops/setup.js';
import { readConfig } from '../platform/config.js';
import { opsSettings } from '../platform/settings.js';
import { migrate } from '../store/postgres/migrate.js';

const INBOX_PREFIX = '_INBOX_OPS';

const print = (text: string) => process.stdout.write(`${text}\n`);

async function withPostgres(act: (pool: pg.Pool) => Promise<void>): Promise<void> {
  const config = readConfig(opsSettings);
  const pool = new pg.Pool({ connectionString: config.databaseUrl.reveal(), max: 2 });
  try {
    await act(pool);
  } finally {
    await pool.end();
  }
}

async function withBroker(
  act: (manager: JetStreamManager, pool: pg.Pool) => Promise<void>,
): Promise<void> {
  const config = readConfig(opsSettings);
  if (config.natsUrl === undefined) throw new Error('NATS_URL: not set, expected nats://host:port');
  const connection = await connectNats({
    url: config.natsUrl.reveal(),
    user: config.natsUser,
    password: config.natsPassword?.reveal(),
    name: 'ops',
    inboxPrefix: INBOX_PREFIX,
  });
  try {
    const manager = await connection.jetstreamManager();
    await withPostgres((pool) => act(manager, pool));
  } finally {
    await connection.close();
  }
}

const program = new Command('ops')
  .description('Set up, watch and repair sms-analytics')
  .showHelpAfterError();

program
  .command('migrate')
  .description('apply the Postgres migrations that are missing (DATABASE_URL: analytics_owner)')
  .action(async () => {
    const config = readConfig(opsSettings);
    const applied = await migrate(config.databaseUrl.reveal());
    print(applied.length === 0 ? 'The schema is up to date.' : `Applied: ${applied.join(', ')}`);
  });

program
  .command('setup')
  .description('create or update the stream and the durables; repeatable')
  .option('--replicas <n>', 'copies of the stream: 3 in a cluster', Number, 1)
  .action((options: { replicas: number }) =>
    withBroker(async (manager, pool) => {
      for (const { kind, name, action } of await setUp(manager, pool, options)) {
        print(`${kind} ${name}: ${action}`);
      }
    }),
  );

program.parseAsync().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
