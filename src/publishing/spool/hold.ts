// Only one publisher holds a directory. Node has no flock, and in containers every process is pid
// 1; so the holder listens on a Unix socket in the directory: it can be connected to as long as its
// process lives.
//
// Sockets are numbered. A process takes the number after the highest, by a hard link, which only
// one of several can make; it then looks once more for a higher one. The last socket stays when its
// process ends, so that numbers never begin anew.

import { randomBytes } from 'node:crypto';
import { link, readdir, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join, relative } from 'node:path';
import { faultOf, SpoolFault } from './spool-fault.js';

const SOCKET = /^hold\.([0-9]{1,15})$/;
const UNLINKED_SOCKET = /^hold-[0-9a-f]{8}\.tmp$/;

/** Whether a file of a spool's directory belongs to the holding of it. */
export function isHoldFile(name: string): boolean {
  return SOCKET.test(name) || UNLINKED_SOCKET.test(name);
}

/**
 * Holds `directory` until the returned function is called or the process ends. Rejects with a
 * SpoolFault: `held` where another process has it.
 */
export async function holdDirectory(directory: string): Promise<() => Promise<void>> {
  const temporary = join(directory, `hold-${randomBytes(4).toString('hex')}.tmp`);
  const server = await listen(temporary, directory);
  try {
    await takeNumber(directory, temporary);
    return () => close(server);
  } catch (error) {
    await close(server);
    throw faultOf(error, directory);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

async function takeNumber(directory: string, temporary: string): Promise<void> {
  const before = await numbersIn(directory);
  const highest = before.at(-1) ?? 0;
  const fault = new SpoolFault(
    'held',
    directory,
    `The spool ${directory} is held by another publisher: give each one a directory of its own`,
  );
  if (highest > 0 && (await isAlive(join(directory, `hold.${highest}`)))) throw fault;
  const own = join(directory, `hold.${highest + 1}`);
  try {
    await link(temporary, own);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // EEXIST: another was faster. ENOENT: it has cleaned up.
    throw code === 'EEXIST' || code === 'ENOENT' ? fault : error;
  }
  // A listing can miss a socket that is made while it is read, but not one that stays.
  const after = await numbersIn(directory);
  if ((after.at(-1) ?? 0) > highest + 1) {
    await unlink(own).catch(() => undefined);
    throw fault;
  }
  for (const number of after) {
    if (number <= highest) await unlink(join(directory, `hold.${number}`)).catch(() => undefined);
  }
  for (const name of await readdir(directory)) {
    if (UNLINKED_SOCKET.test(name)) await unlink(join(directory, name)).catch(() => undefined);
  }
}

async function numbersIn(directory: string): Promise<number[]> {
  const names = await readdir(directory);
  const numbers = names.flatMap((name) => {
    const number = SOCKET.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
  return numbers.sort((one, other) => one - other);
}

/** The address of a socket has at most 107 bytes, so the shorter way to it is taken. */
function addressOf(path: string): string {
  const near = relative(process.cwd(), path);
  return near.length < path.length ? near : path;
}

function listen(path: string, directory: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error) => reject(faultOf(error, directory)));
    server.listen(addressOf(path), () => {
      server.unref();
      resolve(server);
    });
  });
}

/** A process that stands still is alive too: the kernel accepts for it. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(addressOf(path));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      // Its queue of connections is full: somebody listens.
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
