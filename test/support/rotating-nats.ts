// A NATS server whose passwords change while it runs: the project's configuration with the
// passwords written into it, and a reload, as an operator does it. The server drops every
// connection of a user whose password has changed.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  NATS_CONFIG,
  NATS_USERS,
  type NatsPasswords,
  type NatsUser,
  natsUrl,
  startNatsServer,
} from '../../deploy/local/engines/nats-server.js';
import { freePorts } from '../../deploy/local/engines/ports.js';
import { randomCredentials } from '../../deploy/local/secrets/credentials.js';
import type { TestNats } from './engines.js';
import { temporaryDirectory } from './temporary-directory.js';

export interface RotatingNats extends TestNats {
  /**
   * Gives a user another password and reloads; connections under the old one end a moment later.
   */
  rotate(user: NatsUser, password: string): void;
}

export async function startRotatingNats(): Promise<RotatingNats> {
  const directory = await temporaryDirectory('rotating-nats');
  let passwords: NatsPasswords = randomCredentials().nats;
  const [port = 0] = await freePorts(1);
  const configFile = join(directory, 'nats.conf');
  const dataDir = join(directory, 'nats');
  const write = () => writeFileSync(configFile, withPasswords(passwords), { mode: 0o600 });
  const launch = async () => {
    const logFile = join(directory, 'nats.log');
    const started = await startNatsServer({ port, dataDir, logFile, passwords, configFile });
    started.unref();
    return started;
  };
  write();
  let child = await launch();
  return {
    port,
    dataDir,
    url: (user) => natsUrl(user, passwords, port),
    rotate(user, password) {
      passwords = { ...passwords, [user]: password };
      write();
      child.kill('SIGHUP');
    },
    stop: () => child.stop(),
    async kill() {
      child.kill('SIGKILL');
      await child.exited;
    },
    async start() {
      if (!child.running) child = await launch();
    },
  };
}

function withPasswords(passwords: NatsPasswords): string {
  let text = readFileSync(NATS_CONFIG, 'utf8');
  for (const user of NATS_USERS) {
    text = text.replaceAll(`$NATS_${user.toUpperCase()}_PASSWORD`, JSON.stringify(passwords[user]));
  }
  return text;
}
