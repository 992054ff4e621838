// The second reading of a call's account, from which row-level security is set. It must not lean on the first one.
import { readFileSync } from 'node:fs';
import { Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { rowAccount } from '../../../src/api/grpc/row-account.js';

function header(...values: string[]): Metadata {
  const metadata = new Metadata();
  for (const value of values) metadata.add('x-account-id', value);
  return metadata;
}

describe('the account whose rows a call may see', () => {
  it('is the header of a caller that is bound to it, whatever the question names', () => {
    expect(rowAccount({ accounts: 'header' }, header('acc-a'), 'acc-b')).toBe('acc-a');
    expect(rowAccount({ accounts: 'header' }, header(), 'acc-b')).toBeUndefined();
    // As a second header arrives.
    expect(rowAccount({ accounts: 'header' }, header('acc-a, acc-b'), 'acc-b')).not.toBe('acc-b');
  });

  it('is what the question names only where the policy says so', () => {
    expect(rowAccount({ accounts: 'any' }, header('acc-a'), 'acc-b')).toBe('acc-b');
    expect(rowAccount({ accounts: 'any' }, header('acc-a'), undefined)).toBeUndefined();
  });

  it('is read without the code that makes the scope', () => {
    const file = new URL('../../../src/api/grpc/row-account.ts', import.meta.url);
    expect(readFileSync(file, 'utf8')).not.toMatch(/^import .*account-scope/m);
  });
});
