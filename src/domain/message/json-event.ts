// The fields of an event out of its parsed JSON, by the rules of the proto3 JSON form as ingest
// reads them: both spellings of a name, uint32 as number or text, enums by name or number, null for
// "not given". The property test of judge.ts holds the two together.

import type { EventFields, EventKind } from '../../domain/message/admission.js';
import { isForbiddenField } from '../../domain/message/forbidden-fields.js';
import {
  NETWORK_NAMES,
  type NetworkNumber,
  STATE_NAMES,
  type StateNumber,
} from '../../domain/message/outcome.js';
import { type EpochMicros, parseInstant } from '../../domain/time/instant.js';

export type JsonObject = Record<string, unknown>;

/** What the contract knows of an event, by its JSON names, and what was read of it. */
export type EventReading =
  | { readonly fault: 'malformed' | 'forbidden_field' }
  | { readonly fault: undefined; readonly known: JsonObject; readonly fields: EventFields };

const HEAD = ['eventId', 'messageId', 'accountId', 'operatorId', 'acceptedAt'] as const;
const NAMES: Readonly<Record<EventKind, readonly string[]>> = {
  charged: [...HEAD, 'chargedAt', 'segments', 'amount', 'currency'],
  refunded: [...HEAD, 'refundedAt', 'amount', 'currency'],
  reported: [...HEAD, 'reportedAt', 'state', 'error'],
};
const HAZARDOUS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const MAX_UINT32 = 0xffff_ffff;
/** The protobuf enum has SCHEDULED here, as proto3 reserves the zero. */
const SCHEDULED_IN_PROTO = 10;

/** Reads an event of `kind`; `root` has no accessors, as JSON.parse gave it. */
export function readEvent(kind: EventKind, root: unknown): EventReading {
  if (!isObject(root)) return { fault: 'malformed' };
  const fault = worstName(root);
  if (fault === 'malformed') return { fault };
  const known: JsonObject = {};
  for (const name of NAMES[kind]) {
    const other = snakeCase(name);
    const written = [...new Set([name, other])].filter((one) => Object.hasOwn(root, one));
    if (written.length > 1) return { fault: 'malformed' };
    if (written[0] !== undefined) known[name] = root[written[0]];
  }
  if (fault !== undefined) return { fault };
  if (known.error === null) delete known.error;
  if (isObject(known.error)) known.error = errorOf(known.error);
  return { fault: undefined, known, fields: fieldsOf(kind, known) };
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The worst name at any depth; a stack of its own, so that no nesting exhausts the call stack. */
function worstName(root: object): 'malformed' | 'forbidden_field' | undefined {
  let worst: 'forbidden_field' | undefined;
  const pending: object[] = [root];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    for (const [name, child] of Object.entries(value)) {
      if (!Array.isArray(value)) {
        if (HAZARDOUS.has(name)) return 'malformed';
        if (isForbiddenField(name)) worst = 'forbidden_field';
      }
      if (typeof child === 'object' && child !== null) pending.push(child);
    }
  }
  return worst;
}

function errorOf({ network, code }: JsonObject): JsonObject {
  const known: JsonObject = {};
  if (network !== undefined) known.network = network;
  if (code !== undefined && code !== null) known.code = code;
  return known;
}

function fieldsOf(kind: EventKind, known: JsonObject): EventFields {
  const error = isObject(known.error) ? known.error : undefined;
  return {
    eventId: textOf(known.eventId),
    messageId: textOf(known.messageId),
    accountId: textOf(known.accountId),
    operatorId: textOf(known.operatorId),
    acceptedAt: instantOf(known.acceptedAt),
    occurredAt: instantOf(known[`${kind}At`]),
    segments: uint32Of(known.segments),
    amount: textOf(known.amount),
    currency: textOf(known.currency),
    state: stateOf(known.state),
    error: error ? 'present' : known.error === undefined ? 'absent' : 'invalid',
    network: networkOf(error?.network),
    code: error?.code === undefined ? 0 : uint32Of(error.code),
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function instantOf(value: unknown): EpochMicros | undefined {
  return typeof value === 'string' ? parseInstant(value) : undefined;
}

/** A uint32 as number or as decimal string without sign, exponent or leading zero. */
function uint32Of(value: unknown): number | undefined {
  const isText = typeof value === 'string' && /^(?:0|[1-9][0-9]{0,9})$/.test(value);
  const number = isText ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number)) return undefined;
  return number >= 0 && number <= MAX_UINT32 ? number : undefined;
}

function stateOf(value: unknown): StateNumber | undefined {
  if (value === SCHEDULED_IN_PROTO) return 0;
  const number = typeof value === 'string' ? STATE_NAMES.indexOf(value as never) : value;
  const least = typeof value === 'string' ? 0 : 1;
  return isBetween(number, least, STATE_NAMES.length - 1) ? (number as StateNumber) : undefined;
}

function networkOf(value: unknown): NetworkNumber | undefined {
  const number = typeof value === 'string' ? NETWORK_NAMES.indexOf(value as never) : value;
  return isBetween(number, 1, NETWORK_NAMES.length - 1) ? (number as NetworkNumber) : undefined;
}

function isBetween(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}
