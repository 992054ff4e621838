// The fields of an event out of its parsed JSON, by the proto3 JSON form: field names in
// lowerCamelCase or as in the .proto file, uint32 as number or decimal string, enums by name or
// number, null for "not given". Ingest decodes by it, and a publisher judges by it, so that what a
// publisher takes ingest does not refuse. Looks for forbidden names at any depth with a stack of
// its own, so that no nesting can exhaust the call stack. That a name occurs in both spellings is
// malformed.
import { type EpochMicros, parseInstant } from '../time/instant.js';
import type { EventFields, EventKind } from './admission.js';
import {
  emptyFields,
  MALFORMED,
  networkOfEnum,
  networkOfName,
  type Reading,
  stateOfEnum,
  stateOfName,
} from './event-reading.js';
import { isForbiddenField } from './forbidden-fields.js';

const MAX_UINT32 = 0xffff_ffff;

type JsonObject = Record<string, unknown>;

const COMMON_NAMES = [
  'eventId event_id',
  'messageId message_id',
  'accountId account_id',
  'operatorId operator_id',
  'acceptedAt accepted_at',
] as const;
const NAMES: Readonly<Record<EventKind, readonly string[]>> = {
  charged: [...COMMON_NAMES, 'chargedAt charged_at', 'segments', 'amount', 'currency'],
  refunded: [...COMMON_NAMES, 'refundedAt refunded_at', 'amount', 'currency'],
  reported: [...COMMON_NAMES, 'reportedAt reported_at', 'state', 'error'],
};

/** By kind: every accepted spelling and the name that it stands for. */
const SPELLINGS: Readonly<Record<EventKind, ReadonlyMap<string, string>>> = {
  charged: spellingsOf('charged'),
  refunded: spellingsOf('refunded'),
  reported: spellingsOf('reported'),
};

function spellingsOf(kind: EventKind): ReadonlyMap<string, string> {
  const spellings = new Map<string, string>();
  for (const entry of NAMES[kind]) {
    const [name = '', ...others] = entry.split(' ');
    for (const spelling of [name, ...others]) spellings.set(spelling, name);
  }
  return spellings;
}

/** What was found, and how many names the JSON has at all depths. */
export type JsonReading =
  | Extract<Reading, { fault: 'malformed' }>
  | (Exclude<Reading, { fault: 'malformed' }> & { readonly nameCount: number });

/** Reads an event of `kind`; `root` has no accessors, as JSON.parse gave it. */
export function readParsed(kind: EventKind, root: unknown): JsonReading {
  if (!isObject(root)) return MALFORMED;
  const spellings = SPELLINGS[kind];
  const fields = emptyFields();
  const nested: object[] = [];
  const keys = Object.keys(root);
  let nameCount = keys.length;
  let unknownFields = 0;
  let forbidden = false;
  for (const key of keys) {
    const value = root[key];
    const name = spellings.get(key);
    if (name === undefined) {
      if (isHazardousName(key)) return MALFORMED;
      forbidden ||= isForbiddenField(key);
      unknownFields++;
    } else if (name !== key && Object.hasOwn(root, name)) {
      return MALFORMED;
    } else {
      setField(fields, name, value);
    }
    if (typeof value === 'object' && value !== null) nested.push(value);
  }
  if (nested.length > 0) {
    const scan = scanNames(nested);
    if (scan.worst === 'hazardous') return MALFORMED;
    forbidden ||= scan.worst === 'forbidden';
    nameCount += scan.nameCount;
    if (fields.error === 'present') unknownFields += setError(fields, root.error as JsonObject);
  }
  const fault = forbidden ? 'forbidden_field' : undefined;
  return { fault, fields, unknownFields, nameCount };
}

/** What the contract knows of an event, by its JSON names in the contract's order. */
export function knownFields(kind: EventKind, root: unknown): JsonObject {
  const known: JsonObject = {};
  if (!isObject(root)) return known;
  for (const entry of NAMES[kind]) {
    const [name = '', ...others] = entry.split(' ');
    const written = [name, ...others].find((spelling) => Object.hasOwn(root, spelling));
    if (written !== undefined) known[name] = root[written];
  }
  if (known.error === null) delete known.error;
  if (isObject(known.error)) known.error = knownError(known.error);
  return known;
}

function knownError({ network, code }: JsonObject): JsonObject {
  const known: JsonObject = {};
  if (network !== undefined) known.network = network;
  if (code !== undefined && code !== null) known.code = code;
  return known;
}

/** Names by which careless code could be made to change a prototype; no producer has them. */
function isHazardousName(name: string): boolean {
  return name === '__proto__' || name === 'constructor' || name === 'prototype';
}

interface Scan {
  readonly worst: 'hazardous' | 'forbidden' | undefined;
  readonly nameCount: number;
}

/**
 * The worst name in `pending` and everything below it, and how many there are. Empties `pending`.
 */
function scanNames(pending: object[]): Scan {
  let worst: Scan['worst'];
  let nameCount = 0;
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (Array.isArray(value)) {
      for (const element of value) {
        if (typeof element === 'object' && element !== null) pending.push(element);
      }
      continue;
    }
    for (const name of Object.keys(value)) {
      nameCount += 1;
      if (isHazardousName(name)) return { worst: 'hazardous', nameCount };
      if (isForbiddenField(name)) worst = 'forbidden';
      const child = (value as JsonObject)[name];
      if (typeof child === 'object' && child !== null) pending.push(child);
    }
  }
  return { worst, nameCount };
}

function setField(fields: EventFields, name: string, value: unknown): void {
  switch (name) {
    case 'eventId':
    case 'messageId':
    case 'accountId':
    case 'operatorId':
    case 'amount':
    case 'currency':
      fields[name] = typeof value === 'string' ? value : undefined;
      break;
    case 'acceptedAt':
      fields.acceptedAt = instantOf(value);
      break;
    case 'chargedAt':
    case 'refundedAt':
    case 'reportedAt':
      fields.occurredAt = instantOf(value);
      break;
    case 'segments':
      fields.segments = uint32Of(value);
      break;
    case 'state':
      if (typeof value === 'string') fields.state = stateOfName(value);
      else if (typeof value === 'number') fields.state = stateOfEnum(value);
      break;
    case 'error':
      if (isObject(value)) fields.error = 'present';
      else if (value !== null) fields.error = 'invalid';
      break;
  }
}

/** Reads the members of `error`; the number of those that are unknown. */
function setError(fields: EventFields, error: JsonObject): number {
  const { network, code } = error;
  if (typeof network === 'string') fields.network = networkOfName(network);
  else if (typeof network === 'number') fields.network = networkOfEnum(network);
  fields.code = code === undefined || code === null ? 0 : uint32Of(code);
  let unknown = 0;
  for (const name of Object.keys(error)) if (name !== 'network' && name !== 'code') unknown++;
  return unknown;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function instantOf(value: unknown): EpochMicros | undefined {
  return typeof value === 'string' ? parseInstant(value) : undefined;
}

/** A uint32 as number or as decimal string without sign, exponent or leading zero. */
function uint32Of(value: unknown): number | undefined {
  if (typeof value === 'string') {
    if (!/^(?:0|[1-9][0-9]{0,9})$/.test(value)) return undefined;
    return uint32Of(Number(value));
  }
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined;
  // `-0` is an integer too: adding 0 makes it 0.
  return value >= 0 && value <= MAX_UINT32 ? value + 0 : undefined;
}
