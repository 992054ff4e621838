// The passwords of the local stack: random, made on first start, kept in the data directory for its
// owner only. They start with a letter because the NATS server parses them as configuration values.

import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROLES, type RoleName } from '../../../src/postgres/roles.js';
import { NATS_USERS, type NatsPasswords } from '../engines/nats-server.js';

export interface Credentials {
  readonly superuser: string;
  readonly roles: Readonly<Record<RoleName, string>>;
  readonly nats: NatsPasswords;
}

/** New random credentials, kept nowhere. */
export function randomCredentials(): Credentials {
  const secret = () => `p${randomBytes(18).toString('hex')}`;
  const each = <K extends string>(names: readonly K[]) =>
    Object.fromEntries(names.map((name) => [name, secret()])) as Record<K, string>;
  return { superuser: secret(), roles: each(ROLES), nats: each(NATS_USERS) };
}

/** The data directory's credentials; made when there are none. */
export function ensureCredentials(dataDir: string): Credentials {
  const file = join(dataDir, 'credentials.json');
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Credentials;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const made = randomCredentials();
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return made;
}
