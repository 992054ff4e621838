// Attack 19 behind a sidecar: without TLS the port has the same bounds on headers, streams and
// control frames as with it. After each attack the process still answers the honest caller.
import { connect } from 'node:http2';
import { connect as dial } from 'node:net';
import { status as GrpcCode } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { GetSummaryRequest } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { ADMIN, SERVICE } from '../../support/pki.js';
import { callPlainly, type PlainEnd } from '../../support/sidecar-caller.js';
import { createSite, type TestSite } from '../../support/site.js';

const METHOD = 'sms.analytics.v1.AnalyticsService/GetSummary';
/** Where Istio's proxy connects from. */
const SIDECAR = '127.0.0.6';
const IDENTITY = { 'x-forwarded-client-cert': `By=${SERVICE};Hash=${'a'.repeat(64)};URI=${ADMIN}` };
const range = { start: '2026-11-01', end: '2026-11-02' };
const QUESTION = GetSummaryRequest.encode(GetSummaryRequest.fromPartial({ range })).finish();
const PATIENCE_MS = 20_000;

let site: TestSite;
beforeAll(async () => {
  site = await createSite();
  const none = { TLS_CERT_FILE: '', TLS_KEY_FILE: '', TLS_CA_FILE: '' };
  await site.start('api', { IDENTITY_MODE: 'istio-xfcc', ...none });
});
afterAll(() => site?.close());
afterEach(async () => {
  await expect
    .poll(() => ask(), { timeout: 30_000, interval: 50 })
    .toMatchObject({ code: GrpcCode.OK });
});

function ask(more: Record<string, string> = {}): Promise<PlainEnd> {
  const { grpc: port } = site.site.ports;
  const headers = { ...IDENTITY, ...more };
  return callPlainly({ port, from: SIDECAR, method: METHOD, message: QUESTION, headers });
}

const dialled = () =>
  dial({ port: site.site.ports.grpc, host: '127.0.0.1', localAddress: SIDECAR });

test('more headers than a call may carry get no answer', async () => {
  const many = Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`x-${n}`, 'y']));
  expect((await ask(many)).code).not.toBe(GrpcCode.OK);
});

describe('connections that flood are closed', () => {
  test.each([
    ['pings', Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])],
    ['settings', Buffer.from([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 255, 255])],
  ])('a steady flood of %s', async (_name, one) => {
    const socket = dialled();
    socket.on('error', () => {});
    socket.resume();
    const closed = new Promise<boolean>((resolve) => {
      socket.once('close', () => resolve(true));
      setTimeout(() => resolve(false), PATIENCE_MS).unref();
    });
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    const some = Buffer.concat(Array.from({ length: 20 }, () => one));
    const pouring = setInterval(() => socket.write(some), 20);
    expect(await closed).toBe(true);
    clearInterval(pouring);
  });

  test('a flood of streams that are reset at once', async () => {
    const { grpc } = site.site.ports;
    const session = connect(`http://127.0.0.1:${grpc}`, { createConnection: dialled });
    session.on('error', () => {});
    const closed = new Promise<boolean>((resolve) => {
      session.once('close', () => resolve(true));
      setTimeout(() => resolve(false), PATIENCE_MS).unref();
    });
    const opening = setInterval(() => {
      for (let n = 0; n < 100 && !session.destroyed && !session.closed; n++) {
        const stream = session.request({
          ':method': 'POST',
          ':path': `/${METHOD}`,
          'content-type': 'application/grpc',
        });
        stream.on('error', () => {});
        stream.close(8);
      }
    }, 5);
    expect(await closed).toBe(true);
    clearInterval(opening);
  });
});
