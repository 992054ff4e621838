// `npm start`: the whole stack on this machine until Ctrl-C or SIGTERM. The first signal stops
// everything in order; a second one, a second later or more (npm passes a Ctrl-C on that the
// terminal has sent already), does not wait.

import { setTimeout as sleep } from 'node:timers/promises';
import { exampleLines } from '../stack/examples.js';
import { takePulse } from '../stack/pulse.js';
import { type Stack, startStack, Teardown } from '../stack/stack.js';
import { stackOptions, startCommand } from '../stack/start-command.js';
import { say, wordsOf } from '../toolchain/steps.js';

const PULSE_EVERY_MS = 5_000;
const SECOND_SIGNAL_AFTER_MS = 1_000;
/** How long a start that was interrupted may take to notice. */
const EARLY_GRACE_MS = 5_000;
const PARENT_CHECK_EVERY_MS = 1_000;

/**
 * Resolves with what ended the waiting: a signal's name, or that npm is gone. Later signals kill.
 */
function untilStopped(teardown: Teardown): Promise<string> {
  return new Promise((done) => {
    let firstAt: number | undefined;
    const stop = (why: string) => {
      if (firstAt === undefined) {
        firstAt = Date.now();
        done(why);
      } else if (Date.now() - firstAt >= SECOND_SIGNAL_AFTER_MS) {
        say('Not waiting any longer.');
        teardown.kill();
        process.exit(1);
      }
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => stop(signal));
    }
    if (process.env.npm_lifecycle_event === undefined) return;
    const parent = process.ppid;
    const check = setInterval(() => {
      if (process.ppid !== parent && firstAt === undefined) stop('the end of npm');
    }, PARENT_CHECK_EVERY_MS);
    check.unref();
  });
}

function introduce({ site }: Stack): void {
  say('\nEverything runs. Lines to paste, in the project’s directory:\n');
  for (const { title, line } of exampleLines(site, Date.now())) say(`# ${title}\n${line}\n`);
  say('Addresses, credentials and certificates: .local/stack.json. Ctrl-C ends everything.\n');
}

async function showPulse(stack: Stack, teardown: Teardown): Promise<void> {
  const pulse = await takePulse(stack.site);
  const timer = setInterval(async () => {
    const line = await pulse.line();
    if (!teardown.stopping) say(`${new Date().toISOString().slice(11, 19)}Z  ${line}`);
  }, PULSE_EVERY_MS);
  teardown.add('pulse', async () => {
    clearInterval(timer);
    await pulse.close();
  });
}

async function main(): Promise<number> {
  const options = stackOptions(startCommand().parse().opts());
  const teardown = new Teardown();
  const stopped = untilStopped(teardown);
  let code = 0;
  let settled = false;
  const starting = startStack(options, teardown).then(async (stack) => {
    settled = true;
    if (teardown.stopping) return;
    introduce(stack);
    await showPulse(stack, teardown);
    say(`\nStopped: ${await stack.failed}`);
    code = 1;
  });
  const early = starting.catch((error: unknown) => {
    settled = true;
    if (teardown.stopping) return;
    say(`\n${wordsOf(error)}`);
    code = 1;
  });
  const why = await Promise.race([stopped, early]);
  if (why) say(`\n${why}: stopping in order …`);
  const start = performance.now();
  await teardown.run();
  if (!settled) await Promise.race([early, sleep(EARLY_GRACE_MS)]);
  if (why) say(`Stopped after ${((performance.now() - start) / 1000).toFixed(1)} s.`);
  return code;
}

process.exit(await main());
