// `ops setup`: brings the broker to the contract's topology, the stream first, then the durable of
// every generation that is not retired. Repeatable; it never moves a durable.
import type { Command } from 'commander';
import type { JetStreamManager } from 'nats';
import type { Pool } from 'pg';
import {
  ensureDurable,
  ensureStream,
  type SetupAction,
  STREAM,
  type TopologyOptions,
  type Trial,
} from '../../nats/topology.js';
import { sql } from '../../postgres/sql.js';
import { integerArgument } from '../arguments.js';
import { audited } from '../audited.js';
import { type Session, withSession } from '../session.js';
import { print, printJson } from '../terminal.js';

const REPLICAS_MOST = 5;

interface SetupOptions extends TopologyOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

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
    .option('--dry-run', 'say what differs and change nothing')
    .option('--json', 'answer as JSON')
    .action((options: SetupOptions) => withSession((session) => run(session, options)));
}

async function run(session: Session, options: SetupOptions): Promise<void> {
  const { manager, pool } = session;
  const act = async () => {
    const steps = await setUp(manager, pool, options);
    return { steps, summary: steps.map(said).join('; ') };
  };
  const { steps } = await (options.dryRun ? act() : audited(session, 'setup', STREAM, act));
  if (options.json) printJson(steps.map((step) => ({ ...step, done: !options.dryRun })));
  else for (const step of steps) print(options.dryRun ? wouldBe(step) : said(step));
}

const said = ({ kind, name, action }: SetupStep) => `${kind} ${name}: ${action}`;
const wouldBe = (step: SetupStep) =>
  step.action === 'unchanged' ? said(step) : `${step.kind} ${step.name}: would be ${step.action}`;

const DURABLES = sql`
SELECT durable
FROM generation
WHERE state <> 'retired'
ORDER BY generation`;

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
  options: TopologyOptions & Trial,
): Promise<SetupStep[]> {
  const stream = await ensureStream(manager, options);
  const steps: SetupStep[] = [{ kind: 'stream', name: STREAM, action: stream }];
  // A stream that would only be created has no durables yet.
  const missing = stream === 'created' && options.dryRun === true;
  const { rows } = await pool.query<{ durable: string }>(DURABLES({}));
  for (const { durable } of rows) {
    const action = missing ? 'created' : await ensureDurable(manager, durable, options);
    steps.push({ kind: 'durable', name: durable, action });
  }
  return steps;
}
