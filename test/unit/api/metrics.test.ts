// Labels as the dashboards of others know them: those of go-grpc-middleware.
import { status as GrpcCode } from '@grpc/grpc-js';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { codeName, serverMetrics } from '../../../src/api/calls/metrics.js';

it('names codes as Go does', () => {
  const { OK, CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, UNAUTHENTICATED } = GrpcCode;
  const codes = [OK, CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, UNAUTHENTICATED];
  expect(codes.map(codeName)).toEqual([
    'OK',
    'Canceled',
    'Unknown',
    'DeadlineExceeded',
    'Unauthenticated',
  ]);
});

it('says of each method whether it streams, and in which direction', async () => {
  const methods = [
    'sms.analytics.v1.AnalyticsService/GetSummary',
    'grpc.health.v1.Health/Watch',
    'grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  ];
  const registry = new Registry();
  const metrics = serverMetrics(registry, methods);
  for (const method of methods) metrics.handled(method, GrpcCode.OK, 0.1);
  const text = await registry.getSingleMetricAsString('grpc_server_handled_total');
  const types = methods.map((method) => {
    const name = method.split('/')[1];
    const line = text.split('\n').find((one) => one.includes(`"${name}"`) && one.includes('"OK"'));
    return /grpc_type="(\w+)"/.exec(line ?? '')?.[1];
  });
  expect(types).toEqual(['unary', 'server_stream', 'bidi_stream']);
});
