/**
 * `ops setup`: brings the broker to the contract's topology, the stream first, then the durable of
 * every generation that is not retired. Repeatable; it never moves a durable.
 */
import type { Command } from 'commander';
import type { JetStreamManager } from 'nats';
import type { Pool } from 'pg';
import { ensureDurable, ensureStream, type SetupAction, STREAM } from '../broker/nats/topology.js';
import { integerArgument } from './arguments.js';
import { audited, withSession } from './session.js';
import { print, printJson } from './terminal.js';

const REPLICAS_MOST = 5;

export function registerSetup(program: Command): void {
  program
    .command('setup')
    .description('create or update the stream and the durables; repeatable')
    .option(
      '--replicas <n>',
      'copies of the stream: 3 in a cluster',
      integerArgument(1, REPLICAS_MOST),
      1,
    )
    .option('--json', 'answer as JSON')
    .action((options: { replicas: number; json?: boolean }) =>
      withSession(async (session) => {
        const { steps } = await audited(session, 'setup', STREAM, async () => {
          const steps = await setUp(session.manager, session.pool, options);
          return { steps, summary: steps.map(said).join('; ') };
        });
        if (options.json) printJson(steps);
        else for (const step of steps) print(said(step));
      }),
    );
}

const said = ({ kind, name, action }: SetupStep) => `${kind} ${name}: ${action}`;

/** What was done, in order: the stream, then the durables. */
export interface SetupStep {
  readonly kind: 'stream' | 'durable';
  readonly name: string;
  readonly action: SetupAction;
}

/** Rejects with the server's or the database's error; a repetition continues where it stopped. */
export async function setUp(
  manager: JetStreamManager,
  pool: Pick<Pool, 'query'>,
  options: { readonly replicas: number },
): Promise<SetupStep[]> {
  const steps: SetupStep[] = [
    { kind: 'stream', name: STREAM, action: await ensureStream(manager, options) },
  ];
  const { rows } = await pool.query<{ durable: string }>(
    `SELECT durable FROM generation WHERE state <> 'retired' ORDER BY generation`,
  );
  for (const { durable } of rows) {
    steps.push({ kind: 'durable', name: durable, action: await ensureDurable(manager, durable) });
  }
  return steps;
}
