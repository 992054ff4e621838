// Structured logs with an allow-list: a line holds a constant event name and known fields of known
// kinds, so no phone number, text or payload can slip in with an object. One JSON line per record
// whatever is in a string: text is cut to printable ASCII, and an error is written as its name,
// code, masked message and stack frames.
import { pino } from 'pino';

/** A word-like value from a closed or validated set (method, code, caller, reason, id). */
type Word = string | undefined;
type Count = number | bigint | undefined;

/** The fields that a line may have. Add one here, with its kind, before using it. */
export interface LogFields {
  readonly method?: Word;
  readonly code?: Word;
  readonly caller?: Word;
  readonly reason?: Word;
  readonly correlationId?: Word;
  readonly traceId?: Word;
  readonly worker?: Word;
  readonly stream?: Word;
  readonly consumer?: Word;
  readonly subject?: Word;
  readonly table?: Word;
  readonly state?: Word;
  readonly step?: Word;
  readonly signal?: Word;
  readonly version?: Word;
  readonly address?: Word;
  readonly revision?: Word;
  readonly instant?: Word;
  readonly command?: Word;
  readonly durationMs?: Count;
  readonly deadlineMs?: Count;
  readonly count?: Count;
  readonly rows?: Count;
  readonly bytes?: Count;
  readonly sequence?: Count;
  readonly port?: Count;
  readonly lag?: Count;
  readonly generation?: Count;
  readonly batchSize?: Count;
  readonly deadLetters?: Count;
  readonly duplicates?: Count;
  readonly redelivered?: Count;
  readonly attempt?: Count;
  readonly error?: unknown;
}

const WORDS = new Set<string>(
  (
    'method code caller reason correlationId traceId worker stream consumer subject table state ' +
    'step signal version address revision instant command'
  ).split(' '),
);
const COUNTS = new Set<string>(
  (
    'durationMs deadlineMs count rows bytes sequence port lag generation batchSize deadLetters ' +
    'duplicates redelivered attempt'
  ).split(' '),
);
const LONGEST_WORD = 256;
const LONGEST_STACK = 2_000;

/** Writes records. `event` is a constant phrase of the code, never composed of input. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  fatal(event: string, fields?: LogFields): void;
}

/** Where the lines go: standard output unless a test listens. */
export interface LogDestination {
  write(line: string): void;
}

/** A log for one binary. Lines are written at once, in order. */
export function createLog(
  options: { service: string; level: string },
  destination?: LogDestination,
): Log {
  const writer = pino(
    {
      level: options.level,
      base: { service: options.service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error' | 'fatal') =>
    (event: string, fields?: LogFields) => {
      if (writer.isLevelEnabled(level)) writer[level](admitted(fields), printable(event));
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
  };
}

function admitted(fields: LogFields = {}): Record<string, unknown> {
  const line: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (WORDS.has(name)) line[name] = printable(String(value));
    else if (COUNTS.has(name))
      line[name] = typeof value === 'bigint' ? value.toString() : Number(value);
    else if (name === 'error') line[name] = describeError(value);
  }
  return line;
}

/**
 * Only printable ASCII, so that neither a terminal nor a line-based collector can be tricked; at
 * most 256 characters.
 */
export function printable(text: string): string {
  return text.slice(0, LONGEST_WORD).replace(/[^\x20-\x7e]/g, '?');
}

/**
 * What may be said about an error: quoted parts, numbers and logins are masked, they can be input.
 */
function describeError(thrown: unknown): Record<string, unknown> {
  if (!(thrown instanceof Error)) return { name: typeof thrown };
  const code = 'code' in thrown ? masked(String(thrown.code)) : undefined;
  const frames = (thrown.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    name: masked(thrown.name),
    ...(code === undefined ? {} : { code }),
    message: masked(thrown.message),
    stack: frames
      .join(' | ')
      .slice(0, LONGEST_STACK)
      .replace(/[^\x20-\x7e]/g, '?'),
    ...(thrown.cause === undefined ? {} : { cause: describeError(thrown.cause) }),
  };
}

/** Who logs in, in a URL. */
const CREDENTIALS = /:\/\/\S*@/g;
const QUOTED = /"[^"]*"|'[^']*'/g;
/**
 * Seven digits or more, however they are set apart; by dots only after a plus, so that an IP
 * address stays readable.
 */
const NUMBERS = /\+\d(?:[\s()./-]{0,2}\d){6,}|\d(?:[\s()/-]{0,2}\d){6,}/g;

function masked(message: string): string {
  return printable(
    message.replace(CREDENTIALS, '://~@').replace(QUOTED, '"~"').replace(NUMBERS, '~'),
  );
}
