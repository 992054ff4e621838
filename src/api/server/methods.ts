// Everything that can be called on the port, by full method name. The policy is checked against
// this list, and a test goes through it identity by identity, so that a new method cannot slip in
// without a decision.
import type { ServiceDefinition } from '@grpc/grpc-js';
import { HealthService } from '../../generated/proto/grpc/health/v1/health.js';
import { AnalyticsServiceService } from '../../generated/proto/sms/analytics/v1/analytics_service.js';

/** Reflection's methods; their service exists only where reflection is switched on. */
const REFLECTION = [
  'grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  'grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
];

/** Full names of a service's methods, `package.Service/Method`. */
export function methodsOf(service: ServiceDefinition): string[] {
  return Object.values(service).map((method) => method.path.slice(1));
}

/** Every method that the port can have. */
export const ALL_METHODS: ReadonlySet<string> = new Set([
  ...methodsOf(AnalyticsServiceService),
  ...methodsOf(HealthService),
  ...REFLECTION,
]);

/**
 * What every method is called that the port does not have, and reflection's where it is off: a
 * stranger chose its name.
 */
export const UNKNOWN_METHOD = 'unknown/unknown';

/**
 * Methods that stay open until the client or the server ends them; all others end by the deadline
 * cap.
 */
export const LONG_LIVED_METHODS: ReadonlySet<string> = new Set(['grpc.health.v1.Health/Watch']);

/**
 * A service as grpc-js shall serve it: requests stay bytes until the call is authorised, unary
 * answers are bytes.
 */
export function rawService(service: ServiceDefinition): ServiceDefinition {
  const bytes = (value: Buffer) => value;
  return Object.fromEntries(
    Object.entries(service).map(([name, method]) => [
      name,
      {
        ...method,
        requestDeserialize: bytes,
        ...(method.responseStream ? {} : { responseSerialize: bytes }),
      },
    ]),
  );
}
