// The guard: a small process that outlives its parent by seconds and ends what the parent left
// behind. It reads lines on stdin: `watch <pid> <signal>`, `forget <pid>`, `remove <directory>`.
// When stdin ends, the parent is gone, orderly or by `kill -9`: every process still watched gets
// its signal, then SIGKILL, and the directories go. Invariant: no engine, service or temporary
// directory outlives the process that started it.
import { readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const GRACE_MS = 10_000;
const watched = new Map();
const directories = new Set();

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => {});

/**
 * What tells a process from a later one with the same number: its start time (Linux), else nothing.
 */
function birthOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return birthOf(pid) === watched.get(pid)?.birth;
}

function signalAll(signalOf) {
  for (const [pid, { signal }] of watched) {
    if (!alive(pid)) watched.delete(pid);
    else {
      try {
        process.kill(pid, signalOf(signal));
      } catch {
        watched.delete(pid);
      }
    }
  }
}

async function end() {
  signalAll((signal) => signal);
  const deadline = Date.now() + GRACE_MS;
  while ([...watched.keys()].some(alive) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  signalAll(() => 'SIGKILL');
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  process.exit(0);
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const [verb, first = '', second = 'SIGTERM'] = line.split(' ');
  if (verb === 'watch') watched.set(Number(first), { signal: second, birth: birthOf(first) });
  else if (verb === 'forget') watched.delete(Number(first));
  else if (verb === 'remove') directories.add(line.slice('remove '.length));
});
lines.on('close', () => void end());
