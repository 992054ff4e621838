// One stack per data directory: a lock file that names the process which holds it. A lock whose
// process is gone (`kill -9`, power failure) is taken over without asking.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Advice } from '../toolchain/project.js';

/**
 * Makes the directory if need be and locks it; returns what releases the lock. Throws `Advice` when
 * it is held.
 */
export function lockDataDir(dataDir: string): () => void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  } catch (error) {
    throw new Advice(`Cannot make the data directory: ${(error as Error).message}`);
  }
  const file = join(dataDir, 'stack.lock');
  const mine = `${process.pid} ${birthOf(process.pid)}`;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      writeFileSync(file, mine, { flag: 'wx', mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new Advice(`Cannot write to the data directory: ${(error as Error).message}`);
      }
    }
    const [pid = '', birth = ''] = readOrEmpty(file).split(' ');
    if (isAlive(Number(pid)) && birthOf(Number(pid)) === birth) {
      throw new Advice(
        `A stack is already running on ${dataDir} (process ${pid}).\n` +
          'Stop it first (Ctrl-C where it runs), or start another one beside it:\n' +
          '  npm start -- --ports auto --data-dir .local/other',
      );
    }
    rmSync(file, { force: true });
  }
  throw new Advice(`Somebody else keeps taking the lock ${file}; try again.`);
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Tells a process from a later one with the same number: its start in clock ticks on Linux,
 * elsewhere ''.
 */
function birthOf(pid: number): string {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
