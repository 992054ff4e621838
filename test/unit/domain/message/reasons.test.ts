import { describe, expect, it } from 'vitest';
import {
  classOf,
  type NetworkNumber,
  OUTCOMES,
  outcomeOf,
  STATE_NAMES,
  type StateNumber,
} from '../../../../src/domain/message/outcome.js';
import {
  errorClassOf,
  NO_RECEIPT,
  REASONS,
  reasonOf,
} from '../../../../src/domain/message/reasons.js';
import { isFinal } from '../../../oracle/counted.js';

const GSM_MAP = 1;
const SMPP = 2;
const VENDOR = 3;

function state(name: (typeof STATE_NAMES)[number]): StateNumber {
  return STATE_NAMES.indexOf(name) as StateNumber;
}

describe('an outcome', () => {
  it.each([
    ['SCHEDULED', 'PENDING', 1, false],
    ['ENROUTE', 'PENDING', 1, false],
    ['ACCEPTED', 'PENDING', 1, false],
    ['UNKNOWN', 'UNKNOWN', 2, false],
    ['EXPIRED', 'EXPIRED', 3, true],
    ['DELETED', 'DELETED', 3, true],
    ['UNDELIVERABLE', 'UNDELIVERABLE', 3, true],
    ['REJECTED', 'REJECTED', 3, true],
    ['SKIPPED', 'UNDELIVERABLE', 3, true],
    ['DELIVERED', 'DELIVERED', 4, true],
  ] as const)('of %s is %s in class %d', (name, outcome, reportClass, final) => {
    expect(outcomeOf(state(name))).toBe(outcome);
    expect(classOf(state(name))).toBe(reportClass);
    expect(isFinal(state(name))).toBe(final);
    expect(OUTCOMES).toContain(outcome);
  });

  it('has SMPP numbers for its states', () => {
    expect([state('SCHEDULED'), state('DELIVERED'), state('SKIPPED')]).toEqual([0, 2, 9]);
  });
});

describe('a reason', () => {
  it.each([
    ['UNDELIVERABLE', GSM_MAP, 1, 'UNKNOWN_SUBSCRIBER', 'PERMANENT'],
    ['UNDELIVERABLE', GSM_MAP, 6, 'ABSENT_SUBSCRIBER', 'TEMPORARY'],
    ['EXPIRED', GSM_MAP, 27, 'ABSENT_SUBSCRIBER', 'TEMPORARY'],
    ['REJECTED', GSM_MAP, 34, 'SYSTEM_FAILURE', 'TEMPORARY'],
    ['REJECTED', SMPP, 0x08, 'SYSTEM_FAILURE', 'TEMPORARY'],
    ['REJECTED', SMPP, 0x45, 'REJECTED_BY_OPERATOR', 'PERMANENT'],
    ['UNKNOWN', SMPP, 0x58, 'THROTTLED', 'TEMPORARY'],
    ['SKIPPED', SMPP, 0x0b, 'INVALID_ADDRESS', 'PERMANENT'],
    ['UNDELIVERABLE', SMPP, 1, 'UNMAPPED', 'UNKNOWN'],
    ['UNDELIVERABLE', GSM_MAP, 0x58, 'UNMAPPED', 'UNKNOWN'],
    ['UNDELIVERABLE', VENDOR, 1, 'UNMAPPED', 'UNKNOWN'],
    ['EXPIRED', SMPP, 4_294_967_295, 'UNMAPPED', 'UNKNOWN'],
    ['EXPIRED', 0, 0, 'VALIDITY_EXPIRED', 'TEMPORARY'],
    ['EXPIRED', GSM_MAP, 0, 'VALIDITY_EXPIRED', 'TEMPORARY'],
    ['DELETED', 0, 0, 'DELETED_BY_OPERATOR', ''],
    ['UNDELIVERABLE', 0, 0, 'NO_CODE', 'UNKNOWN'],
    ['REJECTED', VENDOR, 0, 'NO_CODE', 'UNKNOWN'],
    ['UNKNOWN', 0, 0, 'NO_CODE', 'UNKNOWN'],
    ['DELIVERED', GSM_MAP, 1, '', ''],
    ['ENROUTE', GSM_MAP, 6, '', ''],
    ['ACCEPTED', 0, 0, '', ''],
  ] as const)(
    'of %s with network %d code %d is %j, class %j',
    (name, network, code, reason, errorClass) => {
      expect(reasonOf(state(name), network as NetworkNumber, code)).toBe(reason);
      expect(errorClassOf(reason)).toBe(errorClass);
    },
  );

  it('is named once, has a source, and no code has two reasons', () => {
    expect(new Set(REASONS.map((row) => row.reason)).size).toBe(REASONS.length);
    for (const codes of [
      REASONS.flatMap((row) => row.gsmMap),
      REASONS.flatMap((row) => row.smpp),
    ]) {
      expect(new Set(codes).size).toBe(codes.length);
    }
    for (const row of REASONS) expect(row.source).not.toBe('');
  });

  it('NO_RECEIPT is in the table but no report has it', () => {
    expect(REASONS.map((row) => row.reason)).toContain(NO_RECEIPT);
    for (let at = 0; at < 10; at++) {
      for (const network of [0, 1, 2, 3] as const) {
        for (let code = 0; code < 256; code++) {
          expect(reasonOf(at as StateNumber, network, code)).not.toBe(NO_RECEIPT);
        }
      }
    }
  });
});
