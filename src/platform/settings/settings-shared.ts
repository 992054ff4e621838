// Settings that several processes have, and the forms that values take. A part of settings.ts.
import * as v from 'valibot';
import type { SettingTable } from './config.js';

/** Whole numbers of at most nine digits. */
export const integer = (least: number, most: number) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{1,9}$/),
    v.transform(Number),
    v.minValue(least),
    v.maxValue(most),
  );

/**
 * For all that answers a question, or prints what was answered: they agree only where it is the
 * same for all.
 */
export const settling = {
  settleHours: {
    name: 'SETTLE_HOURS',
    what:
      'Hours after which a message without a receipt is answered as UNKNOWN; ' +
      'the same for api, etl and ops',
    schema: integer(1, 2_400),
    expected: '1-2400 (hours)',
    fallback: '72',
  },
} as const satisfies SettingTable;

export const port = {
  schema: integer(0, 65_535),
  expected: 'a port number 0-65535 (0: any free port)',
} as const;

export const url = (...schemes: string[]) =>
  v.pipe(
    v.string(),
    v.check((text) => URL.canParse(text) && isUsable(new URL(text), schemes)),
  );

/**
 * A user or password with a % that begins no escape is found here, and not by the first connection.
 */
function isUsable({ protocol, username, password }: URL, schemes: readonly string[]): boolean {
  try {
    decodeURIComponent(username);
    decodeURIComponent(password);
  } catch {
    return false;
  }
  return schemes.includes(protocol.slice(0, -1));
}

export const address = {
  schema: v.pipe(v.string(), v.regex(/^[A-Za-z0-9.:_-]{1,253}$/)),
  expected: 'an IP address or host name to listen on',
} as const;

export const path = {
  schema: v.pipe(v.string(), v.nonEmpty()),
  expected: 'the path of a readable file',
} as const;

export const databaseUrl = (role: string) =>
  ({
    name: 'DATABASE_URL',
    what: `Postgres as the ${role} role`,
    schema: url('postgres', 'postgresql'),
    expected: 'postgresql://user:password@host:port/database',
    secret: true,
  }) as const;

export const natsUrl = {
  name: 'NATS_URL',
  what: 'NATS servers, separated by commas',
  schema: v.pipe(
    v.string(),
    v.check((text) => text.split(',').every((one) => v.is(url('nats', 'tls'), one))),
  ),
  expected: 'nats://host:port or tls://host:port, with or without user:password@',
  secret: true,
} as const;

export const natsCredentials = {
  natsUser: {
    name: 'NATS_USER',
    what: 'NATS user, where it is not in the URL',
    schema: v.string(),
    expected: 'a user name',
    fallback: '',
  },
  natsPassword: {
    name: 'NATS_PASSWORD',
    what: 'NATS password, where it is not in the URL',
    schema: v.string(),
    expected: 'a password',
    fallback: '',
    secret: true,
  },
} as const;

export const common = {
  logLevel: {
    name: 'LOG_LEVEL',
    what: 'Least level that is logged',
    schema: v.picklist(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    expected: 'fatal, error, warn, info, debug, trace or silent',
    fallback: 'info',
  },
  exitWithParent: {
    name: 'EXIT_WITH_PARENT',
    what: 'Stop when standard input closes (used by the local stack)',
    schema: v.picklist(['on', 'off']),
    expected: 'on or off',
    fallback: 'off',
  },
} as const;

export const admin = <Port extends string>(adminPort: Port) =>
  ({
    adminHost: {
      name: 'ADMIN_HOST',
      what: 'Where /metrics, /livez and /readyz listen',
      ...address,
      fallback: '127.0.0.1',
    },
    adminPort: {
      name: 'ADMIN_PORT',
      what: 'Port of /metrics, /livez and /readyz',
      ...port,
      fallback: adminPort,
    },
  }) as const;

export const msisdnDigits = {
  msisdnDigits: {
    name: 'MSISDN_DIGITS',
    what: 'How many digits, once . _ : - are taken out, make an id look like a phone number',
    schema: v.union([
      v.literal('off'),
      v.pipe(
        v.string(),
        v.regex(/^[1-9]\d?-[1-9]\d?$/),
        v.transform((text) => text.split('-').map(Number)),
        v.check(([least = 0, most = 0]) => least <= most),
        v.transform(([minDigits = 0, maxDigits = 0]) => ({ minDigits, maxDigits })),
      ),
    ]),
    expected: 'least-most, such as 9-15, or off',
    fallback: '9-15',
  },
} as const;
