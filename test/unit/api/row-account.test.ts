// Whose rows a call may see, by the second reading: the header alone for the portal, the question
// for who may ask for any.
import { Metadata } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { rowAccount } from '../../../src/api/authorisation/row-account.js';

function headers(...values: string[]): Metadata {
  const metadata = new Metadata();
  for (const value of values) metadata.add('x-account-id', value);
  return metadata;
}

test.each([
  ['one header', ['acme'], 'acme'],
  ['no header', [], undefined],
  ['an empty header', [''], undefined],
  ['two headers', ['acme', 'umbrella'], undefined],
  ['the same header twice', ['acme', 'acme'], undefined],
  ['two accounts in one header', ['acme, umbrella'], undefined],
  ['a header that is no account id', ["acme'; --"], undefined],
])('a caller bound to its header, with %s, whatever it asks', (_name, values, expected) => {
  for (const named of ['acme', 'umbrella', '', undefined]) {
    expect(rowAccount({ accounts: 'header' }, headers(...values), named)).toBe(expected);
  }
});

test.each([
  ['an account', 'umbrella', 'umbrella'],
  ['no account', undefined, undefined],
  ['an empty account', '', undefined],
  ['what is no account id', "acme'; --", undefined],
])(
  'a caller whose policy says any, asking for %s, whatever its header',
  (_name, named, expected) => {
    for (const values of [[], ['acme'], ['acme', 'other']]) {
      expect(rowAccount({ accounts: 'any' }, headers(...values), named)).toBe(expected);
    }
  },
);

test('a policy that says anything else gives nobody the account of the question', () => {
  const odd = { accounts: 'ANY' } as never;
  expect(rowAccount(odd, headers('acme'), 'umbrella')).toBe('acme');
  expect(rowAccount(odd, headers(), 'umbrella')).toBeUndefined();
});
