// Receipts of real gateways: every shape and quirk that is known, each with receipts of our own.
// The law: nothing but an explicit word for delivered becomes DELIVERED.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { infobipReceipts } from '../../../src/publishing/receipts/infobip.js';
import { jasminReceipt } from '../../../src/publishing/receipts/jasmin.js';
import { kannelReceipt } from '../../../src/publishing/receipts/kannel.js';
import type { Parsed } from '../../../src/publishing/receipts/receipt.js';
import { sinchReceipt } from '../../../src/publishing/receipts/sinch.js';
import { receiptText, smppReceipt } from '../../../src/publishing/receipts/smpp.js';
import { twilioReceipt } from '../../../src/publishing/receipts/twilio.js';
import { vonageReceipt } from '../../../src/publishing/receipts/vonage.js';

/** Receipts of the properties; `RECEIPTS_RUNS=1000000` tries as many. */
const RUNS = Number(process.env.RECEIPTS_RUNS ?? 5_000);

const stateOf = (parsed: Parsed) =>
  parsed.ok ? [parsed.receipt.state, parsed.receipt.listed] : parsed.refusal;
const errorOf = (parsed: Parsed) => (parsed.ok ? parsed.receipt.error : parsed.refusal);
const idsOf = (parsed: Parsed) => (parsed.ok ? parsed.receipt.networkIds : parsed.refusal);
const timeOf = (parsed: Parsed) => (parsed.ok ? parsed.receipt.reportedTime : parsed.refusal);

const WHOLE =
  'id:7220bb6bd0be98fa sub:001 dlvrd:001 submit date:2611151200 done date:2611151201 ' +
  'stat:DELIVRD err:000 text:Your code is';

describe('the text of an SMPP receipt', () => {
  test('is read whole', () => {
    expect(receiptText(WHOLE)).toEqual({
      ok: true,
      receipt: {
        state: 'DELIVERED',
        listed: true,
        error: undefined,
        networkIds: ['7220bb6bd0be98fa'],
        reportedTime: '2611151201',
      },
    });
  });

  test.each([
    ['DELIVRD', 'DELIVERED'],
    ['EXPIRED', 'EXPIRED'],
    ['DELETED', 'DELETED'],
    ['UNDELIV', 'UNDELIVERABLE'],
    ['ACCEPTD', 'ACCEPTED'],
    ['UNKNOWN', 'UNKNOWN'],
    ['REJECTD', 'REJECTED'],
    ['ENROUTE', 'ENROUTE'],
    ['FAILED', 'UNDELIVERABLE'],
    ['UNDELIVERED', 'UNDELIVERABLE'],
    ['SCHEDULED', 'SCHEDULED'],
    ['SKIPPED', 'SKIPPED'],
    ['delivrd', 'DELIVERED'],
  ])('stat:%s is %s', (word, state) => {
    expect(stateOf(receiptText(`id:1 stat:${word} err:000`))).toEqual([state, true]);
  });

  test.each(['DELIVERED', 'DELIVRD1', 'DELIV', 'delıvrd', 'BUFFERED', 'constructor', '__proto__'])(
    'stat:%s is UNKNOWN and counted as unlisted',
    (word) => {
      expect(stateOf(receiptText(`id:1 stat:${word} err:000`))).toEqual(['UNKNOWN', false]);
    },
  );

  test.each([
    ['fields in another order', 'stat:EXPIRED err:001 id:9 done date:2611151201', 'EXPIRED'],
    [
      'a capital in Text:',
      `${WHOLE.replace('DELIVRD', 'UNDELIV').replace('text', 'Text')}`,
      'UNDELIVERABLE',
    ],
    ['no sub and no dlvrd', 'id:9 stat:REJECTD err:8 text:', 'REJECTED'],
    ['sub that is no count', 'id:9 sub:abc dlvrd:- stat:DELETED err:8', 'DELETED'],
    ['stat inside the text', 'id:9 stat:UNDELIV err:1 text: stat:DELIVRD', 'UNDELIVERABLE'],
    ['an empty text before stat', 'id:9 text: stat:DELIVRD err:000', 'DELIVERED'],
    ['line ends between fields', 'id:9\r\nstat:EXPIRED\r\nerr:000', 'EXPIRED'],
    ['zeros between fields', 'id:9\0stat:EXPIRED\0err:000', 'EXPIRED'],
    ['stat twice: the first', 'id:9 stat:EXPIRED stat:DELIVRD', 'EXPIRED'],
  ])('with %s', (_, text, state) => {
    expect(stateOf(receiptText(text))).toEqual([state, true]);
  });

  test.each([
    ['only the text says so', 'id:9 text:stat:DELIVRD'],
    ['the text begins with a word', 'id:9 text:x stat:DELIVRD'],
    ['the text has two blanks first', 'id:9 text:  stat:DELIVRD'],
    ['the name is a part of a word', 'id:9 xstat:DELIVRD'],
    ['there is nothing', ''],
  ])('names no state where %s', (_, text) => {
    expect(stateOf(receiptText(text))).toBe('no_state');
  });

  test.each([
    ['000', undefined],
    ['0', undefined],
    ['0000', undefined],
    ['', undefined],
    ['254', { network: 'VENDOR', code: 254 }],
    ['21b', { network: 'VENDOR', code: 0 }],
    ['99999999999', { network: 'VENDOR', code: 0 }],
    ['-1', { network: 'VENDOR', code: 0 }],
  ])('err:%s', (written, error) => {
    expect(errorOf(receiptText(`id:1 stat:UNDELIV err:${written} text:x`))).toEqual(error);
  });

  test('err in hexadecimal, where the operator writes it so', () => {
    const read = (err: string) =>
      errorOf(receiptText(`id:1 stat:UNDELIV err:${err}`, { errorBase: 16 }));
    expect(read('21b')).toEqual({ network: 'VENDOR', code: 0x21b });
    expect(read('00B')).toEqual({ network: 'VENDOR', code: 11 });
    expect(read('xyz')).toEqual({ network: 'VENDOR', code: 0 });
  });

  test('a delivery keeps an error that it carries', () => {
    const parsed = receiptText('id:1 stat:DELIVRD err:005');
    expect(stateOf(parsed)).toEqual(['DELIVERED', true]);
    expect(errorOf(parsed)).toEqual({ network: 'VENDOR', code: 5 });
  });

  test.each([
    ['2611151201', '2611151201'],
    ['261115120130', '261115120130'],
    ['202611151201', '202611151201'],
    ['20261115120130', '20261115120130'],
    ['0000000000', undefined],
    ['26111512', undefined],
    ['', undefined],
  ])('done date:%s', (written, time) => {
    expect(timeOf(receiptText(`id:1 done date:${written} stat:DELIVRD`))).toBe(time);
  });
});

describe('a deliver_sm', () => {
  test('without the receipt bit is a message', () => {
    expect(smppReceipt({ esmClass: 0, text: WHOLE })).toEqual({
      ok: false,
      refusal: 'not_a_receipt',
    });
  });

  test('is read from its TLVs before its text', () => {
    const parsed = smppReceipt({
      esmClass: 0x04,
      text: 'id:0123 stat:DELIVRD err:005',
      messageState: 5,
      receiptedMessageId: '7B',
      networkErrorCode: Uint8Array.of(3, 0, 27),
    });
    expect(stateOf(parsed)).toEqual(['UNDELIVERABLE', true]);
    expect(errorOf(parsed)).toEqual({ network: 'GSM_MAP', code: 27 });
    expect(idsOf(parsed)).toEqual(['7B', '0123']);
  });

  test('with a TLV of another state is UNKNOWN, whatever its text says', () => {
    const parsed = smppReceipt({ esmClass: 4, text: 'stat:DELIVRD', messageState: 200 });
    expect(stateOf(parsed)).toEqual(['UNKNOWN', false]);
  });

  test.each([
    [Uint8Array.of(8, 1, 2), { network: 'VENDOR', code: 258 }],
    [Uint8Array.of(3, 0, 0), undefined],
    [Uint8Array.of(3, 0), undefined],
  ])('with the network error %j', (networkErrorCode, error) => {
    expect(errorOf(smppReceipt({ esmClass: 4, messageState: 5, networkErrorCode }))).toEqual(error);
  });

  test('in UCS-2', () => {
    const text = Buffer.from('id:1 stat:EXPIRED err:000', 'utf16le').swap16();
    expect(stateOf(smppReceipt({ esmClass: 4, text, dataCoding: 8 }))).toEqual(['EXPIRED', true]);
  });
});

describe('a callback of Kannel', () => {
  test.each([
    ['1', 'DELIVERED', true],
    ['9', 'DELIVERED', true],
    ['2', 'UNDELIVERABLE', true],
    ['34', 'EXPIRED', true],
    ['66', 'UNKNOWN', true],
    ['16', 'REJECTED', true],
    ['18', 'REJECTED', true],
    ['4', 'ENROUTE', true],
    ['8', 'ENROUTE', true],
    ['12', 'ENROUTE', true],
    ['3', 'UNKNOWN', false],
    ['17', 'UNKNOWN', false],
    ['01', 'UNKNOWN', false],
    ['%d', 'UNKNOWN', false],
  ])('with the mask %s is %s', (d, state, listed) => {
    expect(stateOf(kannelReceipt({ d }))).toEqual([state, listed]);
  });

  test("has its error, ids and time from the SMSC's answer and Kannel", () => {
    const parsed = kannelReceipt({
      d: '2',
      A: 'id:9 stat:DELIVRD err:027 text:x',
      F: 'smsc-1',
      I: 'k-1',
      T: '1795000000',
    });
    expect(stateOf(parsed)).toEqual(['UNDELIVERABLE', true]);
    expect(errorOf(parsed)).toEqual({ network: 'VENDOR', code: 27 });
    expect(idsOf(parsed)).toEqual(['smsc-1', '9', 'k-1']);
    expect(timeOf(parsed)).toBe('1795000000');
  });

  test.each(['p', 'P', 'b'])('that carries %%%s is refused', (name) => {
    expect(stateOf(kannelReceipt({ d: '1', [name]: 'x' }))).toBe('forbidden_parameter');
  });

  test('without a mask names no state', () => {
    expect(stateOf(kannelReceipt({}))).toBe('no_state');
  });
});

describe('a callback of Jasmin', () => {
  test.each([
    ['1', 'ESME_ROK', 'ENROUTE', true],
    ['1', 'ESME_RTHROTTLED', 'REJECTED', true],
    ['1', 'DELIVRD', 'REJECTED', true],
    ['2', 'DELIVRD', 'DELIVERED', true],
    ['2', 'UNDELIV', 'UNDELIVERABLE', true],
    ['3', 'EXPIRED', 'EXPIRED', true],
    ['3', 'ESME_ROK', 'ENROUTE', true],
    ['2', 'WHATEVER', 'UNKNOWN', false],
  ])('of level %s with %s is %s', (level, message_status, state, listed) => {
    expect(stateOf(jasminReceipt({ id: 'j-1', level, message_status }))).toEqual([state, listed]);
  });

  test('has the error of its level', () => {
    const first = { id: 'j', level: '1', message_status: 'ESME_RTHROTTLED' };
    expect(errorOf(jasminReceipt(first))).toEqual({ network: 'SMPP', code: 0x58 });
    const second = { id: 'j', level: '2', message_status: 'UNDELIV', err: '027', id_smsc: 's' };
    expect(errorOf(jasminReceipt(second))).toEqual({ network: 'VENDOR', code: 27 });
    expect(idsOf(jasminReceipt(second))).toEqual(['s', 'j']);
  });

  test.each([
    [{ level: '2' }, 'no_state'],
    [{ message_status: 'DELIVRD' }, 'not_a_receipt'],
    [{ message_status: 'DELIVRD', level: '4' }, 'not_a_receipt'],
  ])('%j is refused', (form, refusal) => {
    expect(stateOf(jasminReceipt(form))).toBe(refusal);
  });
});

describe('a callback of a provider', () => {
  test.each([
    ['delivered', 'DELIVERED'],
    ['undelivered', 'UNDELIVERABLE'],
    ['failed', 'UNDELIVERABLE'],
    ['queued', 'ENROUTE'],
    ['sending', 'ENROUTE'],
    ['sent', 'ENROUTE'],
    ['accepted', 'ACCEPTED'],
  ])('Twilio: %s is %s', (MessageStatus, state) => {
    const parsed = twilioReceipt({ MessageSid: 'SM1', MessageStatus, ErrorCode: '30003' });
    expect(stateOf(parsed)).toEqual([state, true]);
    expect(errorOf(parsed)).toEqual({ network: 'VENDOR', code: 30003 });
    expect(idsOf(parsed)).toEqual(['SM1']);
  });

  test.each([
    ['DELIVERED', 'DELIVERED'],
    ['UNDELIVERABLE', 'UNDELIVERABLE'],
    ['EXPIRED', 'EXPIRED'],
    ['REJECTED', 'REJECTED'],
    ['PENDING', 'ENROUTE'],
  ])('Infobip: %s is %s', (groupName, state) => {
    const results = [
      { messageId: 'i-1', callbackData: 'ref', status: { groupName }, error: { id: 5 } },
    ];
    const read = infobipReceipts({ results });
    const [first] = read.ok ? read.results : [];
    expect(first?.callbackData).toBe('ref');
    expect(first && stateOf(first.parsed)).toEqual([state, true]);
    expect(first && errorOf(first.parsed)).toEqual({ network: 'VENDOR', code: 5 });
  });

  test('Infobip: up to 100 results, each by itself', () => {
    const good = { messageId: 'i', status: { groupName: 'DELIVERED' }, error: { id: 0 } };
    const many = infobipReceipts({ results: Array.from({ length: 100 }, () => good) });
    expect(many.ok && many.results.length).toBe(100);
    const mixed = infobipReceipts({ results: [good, null, { status: 3 }] });
    expect(mixed.ok && mixed.results.map(({ parsed }) => stateOf(parsed))).toEqual([
      ['DELIVERED', true],
      'no_state',
      'no_state',
    ]);
    const tooMany = infobipReceipts({ results: Array.from({ length: 101 }, () => good) });
    expect(tooMany).toEqual({ ok: false, refusal: 'too_many_results' });
    expect(infobipReceipts({ results: [] }).ok).toBe(false);
  });

  test.each([
    ['delivered', 'DELIVERED'],
    ['failed', 'UNDELIVERABLE'],
    ['rejected', 'REJECTED'],
    ['expired', 'EXPIRED'],
    ['unknown', 'UNKNOWN'],
    ['accepted', 'ACCEPTED'],
    ['buffered', 'ENROUTE'],
    ['submitted', 'ENROUTE'],
  ])('Vonage: %s is %s', (status, state) => {
    expect(stateOf(vonageReceipt({ status, 'err-code': '0' }))).toEqual([state, true]);
    expect(errorOf(vonageReceipt({ status, 'err-code': '0' }))).toBeUndefined();
    expect(errorOf(vonageReceipt({ status, 'err-code': 6 }))).toEqual({
      network: 'VENDOR',
      code: 6,
    });
  });

  test.each([
    ['Delivered', 'DELIVERED'],
    ['Failed', 'UNDELIVERABLE'],
    ['Aborted', 'UNDELIVERABLE'],
    ['Rejected', 'REJECTED'],
    ['Expired', 'EXPIRED'],
    ['Cancelled', 'DELETED'],
    ['Deleted', 'DELETED'],
    ['Unknown', 'UNKNOWN'],
    ['Queued', 'ENROUTE'],
    ['Dispatched', 'ENROUTE'],
  ])('Sinch: %s is %s', (status, state) => {
    expect(stateOf(sinchReceipt({ batch_id: 'b', status, code: 402 }))).toEqual([state, true]);
    const batch = { batch_id: 'b', statuses: [{ status, code: 402, count: 1 }] };
    expect(stateOf(sinchReceipt(batch))).toEqual([state, true]);
    expect(errorOf(sinchReceipt(batch))).toEqual({ network: 'VENDOR', code: 402 });
  });

  test('Sinch: a batch of several recipients is refused', () => {
    const status = { status: 'Delivered', code: 0, count: 2 };
    expect(stateOf(sinchReceipt({ statuses: [status] }))).toBe('too_many_results');
    expect(stateOf(sinchReceipt({ statuses: [status, status] }))).toBe('too_many_results');
    expect(stateOf(sinchReceipt({ statuses: 'x' }))).toBe('not_a_receipt');
  });
});

describe('whatever arrives', () => {
  /** Every word that may make a delivery; without one of them there is none. */
  const DELIVERED = /delivrd|delivered/i;
  const parsers: readonly [string, (input: unknown) => readonly Parsed[]][] = [
    ['kannel', (input) => [kannelReceipt(input)]],
    ['jasmin', (input) => [jasminReceipt(input)]],
    ['twilio', (input) => [twilioReceipt(input)]],
    [
      'infobip',
      (input) => {
        const read = infobipReceipts(input);
        return read.ok ? read.results.map(({ parsed }) => parsed) : [];
      },
    ],
    ['vonage', (input) => [vonageReceipt(input)]],
    ['sinch', (input) => [sinchReceipt(input)]],
  ];
  const word = fc.oneof(
    fc.constantFrom('DELIVRD', 'delıvrd', 'ESME_ROK', '1', '2', '66', 'PENDING', '__proto__'),
    fc.string({ unit: 'binary', maxLength: 20 }),
  );
  const NAMES = ['d', 'A', 'level', 'message_status', 'MessageStatus', 'status', 'err-code', 'p'];
  const form = fc.dictionary(fc.constantFrom(...NAMES, 'results', 'statuses', 'x'), word);

  test.each(parsers)(
    '%s never throws, and delivers nothing without a word for it',
    (name, parse) => {
      const input = fc.oneof(
        form,
        fc.anything(),
        fc.jsonValue(),
        fc.record({ results: fc.array(form) }),
      );
      fc.assert(
        fc.property(input, (tried) => {
          const delivered = parse(tried).some(
            (parsed) => parsed.ok && parsed.receipt.state === 'DELIVERED',
          );
          const said =
            DELIVERED.test(JSON.stringify(tried) ?? '') || (name === 'kannel' && hasMask(tried));
          if (delivered && !said) throw new Error('delivered without a word');
        }),
        { numRuns: RUNS },
      );
    },
  );

  test('a text of anything never throws, and delivers nothing without its word', () => {
    const piece = fc.constantFrom(
      'stat:',
      'text:',
      ' ',
      'DELIVRD',
      'id:1',
      'err:',
      '\0',
      'EXPIRED',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (tried) => {
        const parsed = receiptText(tried);
        const delivered = parsed.ok && parsed.receipt.state === 'DELIVERED';
        if (delivered && !/stat:\s*delivrd/i.test(tried.replace(/\p{Cc}/gu, ' '))) {
          throw new Error('delivered without a word');
        }
      }),
      { numRuns: RUNS },
    );
  });

  test('a receipt holds nothing of the number or the text', () => {
    const number = '4915112345678';
    const secret = 'MOST-PRIVATE';
    const parsed = [
      receiptText(`id:1 stat:DELIVRD err:000 text:${secret} ${number}`),
      jasminReceipt({ id: 'j', level: '2', message_status: 'DELIVRD', text: secret }),
      twilioReceipt({ MessageStatus: 'sent', To: number, From: number, Body: secret }),
      vonageReceipt({ status: 'delivered', msisdn: number, to: number }),
      sinchReceipt({ status: 'Delivered', code: 0, recipient: number }),
      ...(parsers[3]?.[1]({ results: [{ to: number, status: { groupName: 'PENDING' } }] }) ?? []),
    ];
    expect(JSON.stringify(parsed)).not.toMatch(new RegExp(`${number}|${secret}`));
    expect(parsed.every(({ ok }) => ok)).toBe(true);
  });

  function hasMask(tried: unknown): boolean {
    const mask = (tried as { d?: unknown } | null)?.d;
    return mask === '1' || mask === '9';
  }
});
