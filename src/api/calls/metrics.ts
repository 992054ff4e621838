// Metrics of the gRPC server, under the names that existing gRPC dashboards know
// (https://github.com/grpc-ecosystem/go-grpc-middleware, providers/prometheus). Labels come from
// the service definition and the policy only; a method that does not exist is UNKNOWN_METHOD.
import { status as GrpcCode } from '@grpc/grpc-js';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { DENIAL_REASONS, type DenialReason } from '../authorisation/denial-reasons.js';
import type { LongCalls } from './long-calls.js';

/**
 * What the server counts. `method` is `package.Service/Method` of a method that exists, or
 * UNKNOWN_METHOD.
 */
export interface ServerMetrics {
  started(method: string): void;
  received(method: string): void;
  sent(method: string): void;
  handled(method: string, code: GrpcCode, seconds: number): void;
  denied(method: string, reason: DenialReason): void;
  /** A pair of certificate and key was taken (`ok`) or refused (`kept_last_good`). */
  certificateLoaded(result: 'ok' | 'kept_last_good'): void;
  certificateExpires(epochSeconds: number): void;
  /** Shows how many long calls wait and are at work. */
  watchLongCalls(calls: LongCalls): void;
}

/**
 * Declares the metrics on a registry. `methods` appear with zeros from the start, each with every
 * reason of a denial: a counter that is born with its first event shows no increase, so that an
 * alert would miss it.
 */
export function serverMetrics(registry: Registry, methods: readonly string[]): ServerMetrics {
  const labelNames = ['grpc_type', 'grpc_service', 'grpc_method'] as const;
  const counter = (name: string, help: string) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const started = counter('grpc_server_started_total', 'Calls that began');
  const received = counter('grpc_server_msg_received_total', 'Messages received');
  const sent = counter('grpc_server_msg_sent_total', 'Messages sent');
  const handled = new Counter({
    name: 'grpc_server_handled_total',
    help: 'Calls that ended, by code',
    labelNames: [...labelNames, 'grpc_code'],
    registers: [registry],
  });
  const handling = new Histogram({
    name: 'grpc_server_handling_seconds',
    help: 'Time from the first header to the status',
    labelNames,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  const denials = new Counter({
    name: 'sms_analytics_denials_total',
    help: 'Calls denied, by method and reason',
    labelNames: ['method', 'reason'],
    registers: [registry],
  });
  const loads = new Counter({
    name: 'sms_analytics_tls_loads_total',
    help: 'Times that the certificate files were read, by result',
    labelNames: ['result'],
    registers: [registry],
  });
  const expiry = new Gauge({
    name: 'sms_analytics_tls_certificate_expiry_timestamp_seconds',
    help: 'When the certificate in use expires, in epoch seconds; 0 where this process holds none',
    registers: [registry],
  });
  let longCalls: LongCalls | undefined;
  new Gauge({
    name: 'sms_analytics_long_calls',
    help:
      'Calls for pages with many series, waiting for their turn or running ' +
      'until their answer is read',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.set({ state: 'waiting' }, longCalls?.waiting ?? 0);
      this.set({ state: 'running' }, longCalls?.running ?? 0);
    },
  });
  const labels = new Map(methods.map((method) => [method, labelsOf(method)]));
  const of = (method: string) => labels.get(method) ?? labelsOf(method);
  for (const label of labels.values()) {
    started.inc(label, 0);
    handled.inc({ ...label, grpc_code: 'OK' }, 0);
  }
  for (const method of methods) {
    for (const reason of DENIAL_REASONS) denials.inc({ method, reason }, 0);
  }
  for (const result of ['ok', 'kept_last_good']) loads.inc({ result }, 0);
  return {
    started: (method) => started.inc(of(method)),
    received: (method) => received.inc(of(method)),
    sent: (method) => sent.inc(of(method)),
    handled: (method, code, seconds) => {
      handled.inc({ ...of(method), grpc_code: codeName(code) });
      handling.observe(of(method), seconds);
    },
    denied: (method, reason) => denials.inc({ method, reason }),
    watchLongCalls: (calls) => {
      longCalls = calls;
    },
    certificateLoaded: (result) => loads.inc({ result }),
    certificateExpires: (epochSeconds) => expiry.set(epochSeconds),
  };
}

/** The methods that are not unary. */
const TYPES: Readonly<Record<string, string>> = {
  Watch: 'server_stream',
  ServerReflectionInfo: 'bidi_stream',
};

function labelsOf(method: string) {
  const [service = '', name = ''] = method.split('/');
  return { grpc_type: TYPES[name] ?? 'unary', grpc_service: service, grpc_method: name };
}

/**
 * `NOT_FOUND` as Prometheus people know it, which is as Go names it: `NotFound`, `Canceled`; `OK`
 * stays.
 */
export function codeName(code: GrpcCode): string {
  const name = GrpcCode[code] ?? 'UNKNOWN';
  if (name === 'OK') return name;
  if (name === 'CANCELLED') return 'Canceled';
  return name
    .toLowerCase()
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
