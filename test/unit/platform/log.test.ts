// The log admits known fields only and writes one line per record.
import { expect, test } from 'vitest';
import { createLog, type LogFields } from '../../../src/platform/log.js';

function lines(write: (log: ReturnType<typeof createLog>) => void): string[] {
  const written: string[] = [];
  write(createLog({ service: 'test', level: 'info' }, { write: (line) => written.push(line) }));
  return written;
}

test('a field that is not on the list never reaches the line', () => {
  const [line = ''] = lines((log) =>
    log.info('call', { code: 'OK', msisdn: '41791234567' } as LogFields),
  );
  expect(JSON.parse(line)).toMatchObject({
    level: 'info',
    service: 'test',
    msg: 'call',
    code: 'OK',
  });
  expect(line).not.toContain('41791234567');
});

test('line breaks, escapes and control characters of any kind stay one line of ASCII', () => {
  const written = lines((log) => log.info('call', { caller: 'a\r\nb\u001b[31m\u009b2J\u2028c' }));
  expect(written).toHaveLength(1);
  expect(written[0]).toMatch(/^[\x20-\x7e]+\n$/);
  expect(JSON.parse(written[0] ?? '').caller).toBe('a??b?[31m?2J?c');
});

test('an error is written without what may be input: quoted parts and long digit runs', () => {
  const error = Object.assign(new Error('invalid uuid: "hello" for 41791234567\nat /etc/passwd'), {
    code: '22P02',
    detail: 'Key (to)=(41791234567)',
  });
  const [line = ''] = lines((log) => log.error('statement failed', { error }));
  expect(line).not.toMatch(/hello|41791234567/);
  expect(JSON.parse(line).error).toMatchObject({ name: 'Error', code: '22P02' });
});

test.each([
  ['a number in groups', 'no route to +41 79 555 01 01 today'],
  ['a number without a plus, with dashes', 'no route to 0041-79-555-01-01'],
  ['a number with dots after a plus', 'no route to +41.79.555.01.01'],
  ['a login in a URL', 'cannot reach postgresql://u:4179555@db:5432/x'],
])('an error is written without %s', (_name, message) => {
  const error = Object.assign(new Error(message), { code: '41795550101' });
  error.name = 'To 41795550101';
  const [line = ''] = lines((log) =>
    log.error('failed', { error: new Error('x', { cause: error }) }),
  );
  expect(line.replace(/"time":"[^"]*"/, '')).not.toMatch(/79\D*555|u:/);
  expect(line).toMatch(/~/);
});

test('an address and a port in an error stay readable', () => {
  const error = new Error('connect ECONNREFUSED 10.244.110.127:5432');
  const [line = ''] = lines((log) => log.error('failed', { error }));
  expect(JSON.parse(line).error.message).toBe('connect ECONNREFUSED 10.244.110.127:5432');
});

test('a bigint count is written exactly', () => {
  const [line = ''] = lines((log) => log.info('batch', { sequence: 9007199254740993n }));
  expect(JSON.parse(line).sequence).toBe('9007199254740993');
});
