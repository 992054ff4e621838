// The policy file is checked whole at start-up.
import { expect, test } from 'vitest';
import { loadPolicy, parsePolicy } from '../../../src/api/authorisation/policy.js';
import { ALL_METHODS } from '../../../src/api/server/methods.js';
import { POLICY_FILE } from '../../support/api-server.js';

const head = 'service: { spiffeId: "spiffe://t/us" }\ncallers:\n';
const caller = (name: string, more: string) =>
  `  ${name}: { spiffeId: "spiffe://t/${name}", accounts: any, ${more} }\n`;
const summary = 'methods: [sms.analytics.v1.AnalyticsService/GetSummary]';
const read = (text: string) => () => parsePolicy(text, ALL_METHODS);

test('the shipped policy knows its two callers, by both of their names', () => {
  const policy = loadPolicy(POLICY_FILE, ALL_METHODS);
  expect(policy.callers.map((row) => [row.name, row.accounts])).toEqual([
    ['admin-dashboard', 'any'],
    ['customer-portal', 'header'],
  ]);
  for (const row of policy.callers) {
    expect(policy.callerOf({ kind: 'spiffe', id: row.spiffeId })).toBe(row);
    expect(policy.callerOf({ kind: 'linkerd', id: row.linkerdName ?? '' })).toBe(row);
    // A name of one kind is nobody in the other.
    expect(policy.callerOf({ kind: 'linkerd', id: row.spiffeId })).toBeUndefined();
  }
});

test('unknown methods, doubled identities and misspelt keys are refused', () => {
  expect(read(head + caller('a', summary))).not.toThrow();
  expect(
    read(head + caller('a', 'methods: [sms.analytics.v1.AnalyticsService/GetSumary]')),
  ).toThrow('a: there is no method sms.analytics.v1.AnalyticsService/GetSumary');
  expect(read(head + caller('a', 'methods: ["*"]'))).toThrow('there is no method *');
  expect(read(head + caller('a', summary) + caller('b', summary).replace('t/b', 't/a'))).toThrow(
    'b: has the identity of a',
  );
  expect(read(head + caller('a', `method: [], ${summary}`))).toThrow(/method/);
  expect(read(head + caller('a', summary).replace('spiffe://t/a', 'spiffe://T/a'))).toThrow(
    'not a SPIFFE ID',
  );
  expect(read(head + caller('a', summary) + caller('a', summary))).toThrow();
  expect(read('')).toThrow();
  expect(read(head.replace('callers:', 'callers: []'))).toThrow('not a mapping');
  expect(read(head)).toThrow('not a mapping');
  expect(read(head + caller('constructor', summary))).toThrow(
    'constructor, prototype and __proto__ are no names',
  );
  const misspelt = read(head + caller('a', `method: [], acounts: any, ${summary}`));
  expect(misspelt).toThrow(/a\.method\b/);
  expect(misspelt).toThrow(/a\.acounts\b/);
  expect(() => loadPolicy('/nonexistent.yaml', ALL_METHODS)).toThrow(
    'policy file /nonexistent.yaml cannot be read',
  );
});
