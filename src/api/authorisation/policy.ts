// Which caller may call which method: one YAML file, from which the mesh manifests are generated
// too. Everything that it does not allow is denied. It is checked whole at start-up: an unknown
// method, a doubled identity or a misspelt key stops the process instead of quietly allowing or
// denying.
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { parse } from 'yaml';
import type { Identity } from '../identity/identity.js';
import { isLinkerdName } from '../identity/identity-linkerd.js';
import { parseSpiffeId, type SpiffeId } from '../identity/spiffe-id.js';

/** One row of the policy. */
export interface Caller {
  readonly name: string;
  readonly spiffeId: SpiffeId;
  /** Its name under Linkerd; without one it cannot call there. */
  readonly linkerdName: string | undefined;
  /** `header`: it may ask only for the account of its x-account-id; `any`: for every account. */
  readonly accounts: 'header' | 'any';
  /** Full method names, `package.Service/Method`. */
  readonly methods: ReadonlySet<string>;
}

/** The whole policy. */
export interface Policy {
  /** Our own SPIFFE ID. */
  readonly ownId: SpiffeId;
  readonly callers: readonly Caller[];
  /** The caller with exactly this identity, if the policy has one. */
  callerOf(identity: Identity): Caller | undefined;
}

const spiffeId = v.pipe(
  v.string(),
  v.transform(parseSpiffeId),
  v.custom<SpiffeId>((id) => id !== undefined, 'not a SPIFFE ID'),
);

/** The library takes a list for a mapping, and passes over these names. */
const mapping = v.pipe(
  v.custom<object>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'not a mapping',
  ),
  v.check(
    (value) =>
      !['constructor', 'prototype', '__proto__'].some((name) => Object.hasOwn(value, name)),
    'constructor, prototype and __proto__ are no names',
  ),
);

/** A mapping with these keys and no other; every other one is told. */
const exactly = <const Entries extends v.ObjectEntries>(entries: Entries) =>
  v.pipe(mapping, v.objectWithRest(entries, v.never('not a known key')));

const callerSchema = exactly({
  spiffeId,
  linkerdName: v.optional(v.pipe(v.string(), v.check(isLinkerdName, 'not a Linkerd identity'))),
  accounts: v.picklist(['header', 'any']),
  methods: v.pipe(v.array(v.string()), v.nonEmpty('no method')),
});

const fileSchema = exactly({
  service: exactly({ spiffeId }),
  callers: v.pipe(
    mapping,
    v.record(v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,63}$/)), callerSchema),
  ),
});

/**
 * Reads and checks a policy file. Throws with the file's name and every fault. `methods` are all
 * that exist.
 */
export function loadPolicy(path: string, methods: ReadonlySet<string>): Policy {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Error(`policy file ${path} cannot be read`, { cause });
  }
  try {
    return parsePolicy(text, methods);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'malformed';
    throw new Error(`policy file ${path} is wrong:\n${why}`, { cause });
  }
}

/** The policy that `text` states. Throws with every fault. */
export function parsePolicy(text: string, methods: ReadonlySet<string>): Policy {
  const parsed = v.safeParse(fileSchema, parse(text, { strict: true, uniqueKeys: true }));
  if (!parsed.success) throw new Error(v.summarize(parsed.issues));
  const { service, callers: rows } = parsed.output;
  const callers = Object.entries(rows).map(
    ([name, row]): Caller => ({
      name,
      spiffeId: row.spiffeId,
      linkerdName: row.linkerdName,
      accounts: row.accounts,
      methods: new Set(row.methods),
    }),
  );
  const faults = [...unknownMethods(callers, methods), ...doubledIdentities(callers)];
  if (faults.length > 0) throw new Error(faults.join('\n'));
  const byKey = new Map<string, Caller>();
  for (const caller of callers) {
    byKey.set(`spiffe ${caller.spiffeId}`, caller);
    if (caller.linkerdName !== undefined) byKey.set(`linkerd ${caller.linkerdName}`, caller);
  }
  return {
    ownId: service.spiffeId,
    callers,
    callerOf: (identity) => byKey.get(`${identity.kind} ${identity.id}`),
  };
}

function unknownMethods(callers: readonly Caller[], methods: ReadonlySet<string>): string[] {
  return callers.flatMap((caller) =>
    [...caller.methods]
      .filter((method) => !methods.has(method))
      .map((method) => `${caller.name}: there is no method ${method}`),
  );
}

function doubledIdentities(callers: readonly Caller[]): string[] {
  const seen = new Map<string, string>();
  const faults: string[] = [];
  for (const caller of callers) {
    for (const id of [caller.spiffeId, caller.linkerdName]) {
      if (id === undefined) continue;
      const other = seen.get(id);
      if (other !== undefined) faults.push(`${caller.name}: has the identity of ${other}`);
      seen.set(id, caller.name);
    }
  }
  return faults;
}
