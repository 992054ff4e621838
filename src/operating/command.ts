// The command line of `ops`: one file per verb registers its command here. Ends the process with
// the codes of exit-code.ts.
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { ConfigFaults } from '../platform/settings/config.js';
import { ACTOR_NAME, ACTOR_NAME_EXPECTED } from '../platform/settings/settings-ops.js';
import { PrivilegedRole } from '../postgres/check-role.js';
import { actAs } from './actor.js';
import { registerConfig } from './config.js';
import { registerDeadLetters } from './dead-letters/dead-letters.js';
import { EXIT, Refused } from './exit-code.js';
import { registerMigrate } from './migrate.js';
import { registerRebuild } from './rebuild/rebuild.js';
import { registerRetain } from './retention/retain.js';
import { messageOf } from './session.js';
import { registerStatus } from './status/status.js';
import { registerAdoptStream } from './stream/adopt-stream.js';
import { registerGaps } from './stream/gaps.js';
import { registerSeek } from './stream/seek.js';
import { registerSetup } from './stream/setup.js';

const AFTER_HELP = `
Configured by environment: NATS_URL (the ops user), DATABASE_URL (analytics_ops; migrate:
analytics_owner).
See: ops config table

Exit codes: 0 done, 1 failed, 2 refused (wrong arguments or configuration, not confirmed, or it
would do harm).
What changes something is recorded in audit_record, before it begins and when it has ended, with
--yes or without.`;

/** The whole command line. */
export function opsCommand(): Command {
  const program = new Command('ops')
    .description('Set up, watch and repair sms-analytics')
    .option('--as <name>', 'who acts, in the audit records (default: OPS_ACTOR, or the user)', name)
    .hook('preAction', (root) => actAs(root.opts<{ as?: string }>().as))
    .addHelpText('after', AFTER_HELP)
    .showHelpAfterError('(ops --help lists what there is)')
    .exitOverride();
  registerStatus(program);
  registerSetup(program);
  registerMigrate(program);
  registerSeek(program);
  registerAdoptStream(program);
  registerDeadLetters(program);
  registerGaps(program);
  registerRetain(program);
  registerRebuild(program);
  registerConfig(program);
  return program;
}

function name(text: string): string {
  if (ACTOR_NAME.test(text)) return text;
  throw new InvalidArgumentError(`Expected ${ACTOR_NAME_EXPECTED}.`);
}

/** Runs one command line and returns its exit code; errors are said on standard error. */
export async function runOps(argv: readonly string[]): Promise<number> {
  try {
    await opsCommand().parseAsync(argv, { from: 'user' });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.refused;
    process.stderr.write(`${messageOf(error)}\n`);
    const refusals = [Refused, ConfigFaults, PrivilegedRole];
    return refusals.some((kind) => error instanceof kind) ? EXIT.refused : EXIT.failed;
  }
}
