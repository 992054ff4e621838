// grpc.health.v1: what gRPC clients and load balancers ask. Known names only: the whole server
// (empty) and the analytics service, so that watches on made-up names cannot pile up; watches are
// bounded in number and end when the server drains. Subject to the caller policy like everything
// else.
import type { ServerWritableStream } from '@grpc/grpc-js';
import {
  HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../generated/proto/grpc/health/v1/health.js';
import { callRecord } from '../calls/call-record.js';
import { refusals, statusOf } from '../calls/statuses.js';
import { MAX_HEALTH_WATCHES } from './limits.js';

/** The names whose health can be asked. */
const NAMES: ReadonlySet<string> = new Set(['', 'sms.analytics.v1.AnalyticsService']);

type Watch = ServerWritableStream<Buffer, HealthCheckResponse>;

/** The health of the server, and the watches on it. */
export class Health {
  #serving = false;
  readonly #watches = new Set<Watch>();

  /** The health of a name; undefined for unknown names. */
  check(name: string): HealthCheckResponse | undefined {
    return NAMES.has(name) ? this.#response() : undefined;
  }

  /** The health of all names. */
  list(): Map<string, HealthCheckResponse> {
    return new Map([...NAMES].map((name) => [name, this.#response()]));
  }

  /** Changes the health, and tells every watch. */
  set(serving: boolean): void {
    if (serving === this.#serving) return;
    this.#serving = serving;
    for (const watch of this.#watches) watch.write(this.#response());
  }

  /** Not serving from now on: tells every watch, and ends it. */
  drain(): void {
    this.set(false);
    for (const watch of this.#watches) watch.end();
  }

  /** The handler of Watch: the health now, and again after each change. */
  watch(call: Watch): void {
    const { correlationId } = callRecord(call.metadata);
    let name: string;
    try {
      name = HealthCheckRequest.decode(call.request).service;
    } catch {
      call.emit('error', statusOf(refusals.malformed, correlationId));
      return;
    }
    if (!NAMES.has(name)) {
      call.emit('error', statusOf(refusals.notFound, correlationId));
      return;
    }
    if (this.#watches.size >= MAX_HEALTH_WATCHES) {
      call.emit('error', statusOf(refusals.resourceExhausted, correlationId));
      return;
    }
    this.#watches.add(call);
    const forget = () => this.#watches.delete(call);
    call.once('cancelled', forget);
    call.once('close', forget);
    call.write(this.#response());
  }

  #response(): HealthCheckResponse {
    return { status: this.#serving ? Serving.SERVING : Serving.NOT_SERVING };
  }
}
