// The gRPC server, put together: interceptors in their order, the services that are on, the port,
// and an orderly end. Order of interceptors: the access log is outermost (it sees every end), then
// authorisation; handlers see only calls that passed both.
import type { ServerHttp2Session } from 'node:http2';
import { Server, type ServerCredentials } from '@grpc/grpc-js';
import { NotFound } from '../../domain/failure.js';
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthListRequest,
  HealthListResponse,
  HealthService,
} from '../../generated/proto/grpc/health/v1/health.js';
import { AnalyticsServiceService } from '../../generated/proto/sms/analytics/v1/analytics_service.js';
import type { Clock } from '../../platform/clock.js';
import type { Log } from '../../platform/log.js';
import { authorise } from '../authorisation/authorise.js';
import type { DenialAudit } from '../authorisation/denials.js';
import type { Policy } from '../authorisation/policy.js';
import { accessLog } from '../calls/access-log.js';
import { LongCalls } from '../calls/long-calls.js';
import type { ServerMetrics } from '../calls/metrics.js';
import {
  closeForeignProtocols,
  interceptUnknownMethods,
  limitConnections,
  refuseForeignRequests,
  watchSessions,
} from '../calls/raw-call.js';
import { type UnaryOptions, unary } from '../calls/unary.js';
import type { IdentityReader } from '../identity/identity.js';
import { type AnalyticsQueries, analyticsHandlers } from './analytics-service.js';
import { Health } from './health.js';
import { silenceLibraryLog } from './library-log.js';
import { connectionLimits, serverLimits } from './limits.js';
import { LONG_LIVED_METHODS, rawService, UNKNOWN_METHOD } from './methods.js';
import { guardSession } from './session-guard.js';

export interface GrpcServerOptions {
  readonly host: string;
  readonly port: number;
  readonly credentials: ServerCredentials;
  readonly identify: IdentityReader;
  readonly policy: Policy;
  readonly queries: AnalyticsQueries;
  readonly audit: DenialAudit;
  readonly metrics: ServerMetrics;
  readonly clock: Clock;
  readonly log: Log;
  readonly deadlineCapMs: number;
  /** Adds the reflection services to the server, where they are switched on. */
  readonly addReflection?: (server: Server) => void;
}

/** A listening server. */
export interface GrpcServer {
  readonly port: number;
  /** Tells gRPC health clients whether answers can be expected. */
  setServing(serving: boolean): void;
  /** Takes no new calls, lets the running ones end for at most `graceMs`, then cuts them. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Listens; rejects with a message that names the port where it is taken. Health is NOT_SERVING at
 * first.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { clock, log, audit, metrics } = options;
  silenceLibraryLog(log);
  const server = new Server({
    ...serverLimits,
    interceptors: [
      accessLog({
        clock,
        log,
        metrics,
        deadlineCapMs: options.deadlineCapMs,
        longLived: LONG_LIVED_METHODS,
      }),
      authorise({ identify: options.identify, policy: options.policy, audit, metrics }),
    ],
  });
  limitConnections(server, connectionLimits);
  const health = new Health();
  const longCalls = new LongCalls();
  metrics.watchLongCalls(longCalls);
  const unaryOptions = { clock, log, audit, metrics, longCalls };
  server.addService(
    rawService(AnalyticsServiceService),
    analyticsHandlers(options.queries, unaryOptions),
  );
  server.addService(rawService(HealthService), healthHandlers(health, unaryOptions));
  options.addReflection?.(server);
  interceptUnknownMethods(server, UNKNOWN_METHOD);
  const port = await bind(server, options);
  refuseForeignRequests(server);
  closeForeignProtocols(server);
  const sessions = new Set<ServerHttp2Session>();
  watchSessions(server, (session, socket) => {
    guardSession(session, socket, clock, log);
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  return {
    port,
    setServing: (serving) => health.set(serving),
    stop: (graceMs) => {
      health.drain();
      return shutDown(server, sessions, graceMs);
    },
  };
}

function healthHandlers(health: Health, options: UnaryOptions) {
  return {
    check: unary(
      HealthCheckRequest,
      async (request) => {
        const response = health.check(request.service);
        if (response === undefined) throw new NotFound('unknown name');
        return HealthCheckResponse.encode(response).finish();
      },
      options,
    ),
    watch: health.watch.bind(health),
    list: unary(
      HealthListRequest,
      async () => HealthListResponse.encode({ statuses: health.list() }).finish(),
      options,
    ),
  };
}

function bind(server: Server, options: GrpcServerOptions): Promise<number> {
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${options.port}`, options.credentials, (cause, port) => {
      if (cause === null) return resolve(port);
      const why = /EADDRINUSE/.test(cause.message) ? 'is taken' : 'cannot be used';
      reject(new Error(`GRPC_PORT: port ${options.port} on ${options.host} ${why}`, { cause }));
    });
  });
}

/**
 * tryShutdown alone would wait for ever on an open stream, and forceShutdown knows connections by
 * their channelz only.
 */
function shutDown(
  server: Server,
  sessions: ReadonlySet<ServerHttp2Session>,
  graceMs: number,
): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      for (const session of sessions) session.destroy();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
