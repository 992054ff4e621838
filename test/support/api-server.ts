// Clients for the gRPC port, and the real gRPC server inside the test's own process with use cases
// that answer as the test likes: for what no database can be made to do. Tests of the service as it
// runs start the process (api-process.ts).
import { fileURLToPath } from 'node:url';
import {
  credentials,
  Metadata,
  type Server,
  ServerCredentials,
  type ServiceError,
} from '@grpc/grpc-js';
import { Registry } from 'prom-client';
import type { QueryContext } from '../../src/answers/question/context.js';
import { DenialAudit } from '../../src/api/authorisation/denials.js';
import { loadPolicy } from '../../src/api/authorisation/policy.js';
import { serverMetrics } from '../../src/api/calls/metrics.js';
import type { IdentityReader } from '../../src/api/identity/identity.js';
import { identityReader } from '../../src/api/identity/identity-reader.js';
import type { AnalyticsQueries } from '../../src/api/server/analytics-service.js';
import { ALL_METHODS } from '../../src/api/server/methods.js';
import { type GrpcServer, startGrpcServer } from '../../src/api/server/server.js';
import { MutualTlsCredentials } from '../../src/api/tls/tls-credentials.js';
import { loadTlsMaterial } from '../../src/api/tls/tls-material.js';
import type { DenialRow } from '../../src/audit/records/record-denials.js';
import { BadRequest, ErrorInfo } from '../../src/generated/proto/google/rpc/error_details.js';
import { Status } from '../../src/generated/proto/google/rpc/status.js';
import {
  AnalyticsServiceClient,
  GetAccountUsageResponse,
  GetDeliveryBreakdownResponse,
  GetOperatorPerformanceResponse,
  GetSummaryResponse,
  GetThroughputResponse,
} from '../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { systemClock } from '../../src/platform/clock.js';
import { createLog } from '../../src/platform/log.js';
import {
  type Authority,
  CertificateFolder,
  createAuthority,
  type Issued,
  issueService,
} from './pki.js';

export const POLICY_FILE = fileURLToPath(
  new URL('../../deploy/policy/callers.yaml', import.meta.url),
);

/** Use cases as a test likes to write them: with messages, not their bytes. */
export interface PlainQueries {
  getSummary(...of: Parameters<AnalyticsQueries['getSummary']>): Promise<GetSummaryResponse>;
  getOperatorPerformance(
    ...of: Parameters<AnalyticsQueries['getOperatorPerformance']>
  ): Promise<GetOperatorPerformanceResponse>;
  getAccountUsage(
    ...of: Parameters<AnalyticsQueries['getAccountUsage']>
  ): Promise<GetAccountUsageResponse>;
  getThroughput(
    ...of: Parameters<AnalyticsQueries['getThroughput']>
  ): Promise<GetThroughputResponse>;
  getDeliveryBreakdown(
    ...of: Parameters<AnalyticsQueries['getDeliveryBreakdown']>
  ): Promise<GetDeliveryBreakdownResponse>;
}

/** Use cases that echo: an account's usage says which scope it was answered in. */
export function echoQueries(overrides: Partial<PlainQueries> = {}): AnalyticsQueries {
  const plain: PlainQueries = {
    getSummary: async () => GetSummaryResponse.fromPartial({ activeAccounts: 7n }),
    getOperatorPerformance: async () => GetOperatorPerformanceResponse.fromPartial({}),
    getAccountUsage: async (_request, context) =>
      GetAccountUsageResponse.fromPartial({ accountId: context.accountId ?? '' }),
    getThroughput: async () => GetThroughputResponse.fromPartial({}),
    getDeliveryBreakdown: async () => GetDeliveryBreakdownResponse.fromPartial({}),
    ...overrides,
  };
  const encoded =
    <Request, Response>(
      type: { encode(message: Response): { finish(): Uint8Array } },
      query: (request: Request, context: QueryContext) => Promise<Response>,
    ) =>
    async (request: Request, context: QueryContext) =>
      type.encode(await query(request, context)).finish();
  return {
    getSummary: encoded(GetSummaryResponse, plain.getSummary),
    getOperatorPerformance: encoded(GetOperatorPerformanceResponse, plain.getOperatorPerformance),
    getAccountUsage: encoded(GetAccountUsageResponse, plain.getAccountUsage),
    getThroughput: encoded(GetThroughputResponse, plain.getThroughput),
    getDeliveryBreakdown: encoded(GetDeliveryBreakdownResponse, plain.getDeliveryBreakdown),
  };
}

/** A running server and what a test wants to know about it. */
export interface TestServer {
  readonly target: string;
  readonly authority: Authority;
  readonly folder: CertificateFolder;
  readonly credentials: MutualTlsCredentials;
  readonly server: GrpcServer;
  readonly registry: Registry;
  readonly denials: DenialRow[];
  readonly logLines: string[];
  flushDenials(): Promise<void>;
  stop(): Promise<void>;
}

export interface TestServerOptions {
  readonly queries?: Partial<PlainQueries>;
  readonly deadlineCapMs?: number;
  readonly identify?: IdentityReader;
  /** As behind a sidecar: without TLS; `identify` must say who calls. */
  readonly plaintext?: boolean;
  readonly addReflection?: (server: Server) => void;
}

/** Starts it, serving. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const authority = await createAuthority('test authority', 2);
  const folder = new CertificateFolder();
  folder.write({ ...(await issueService(authority)), ca: authority.pem });
  const tls = new MutualTlsCredentials(await loadTlsMaterial(folder, Date.now()));
  const registry = new Registry();
  const denials: DenialRow[] = [];
  const logLines: string[] = [];
  const log = createLog(
    { service: 'api', level: 'info' },
    { write: (line) => logLines.push(line) },
  );
  const policy = loadPolicy(POLICY_FILE, ALL_METHODS);
  const audit = new DenialAudit(systemClock, log, async (rows) => void denials.push(...rows));
  const server = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    credentials: options.plaintext ? ServerCredentials.createInsecure() : tls,
    identify: options.identify ?? identityReader({ mode: 'tls', ownId: policy.ownId }),
    policy,
    queries: echoQueries(options.queries),
    audit,
    metrics: serverMetrics(registry, [...ALL_METHODS]),
    clock: systemClock,
    log,
    deadlineCapMs: options.deadlineCapMs ?? 30_000,
    ...(options.addReflection === undefined ? {} : { addReflection: options.addReflection }),
  });
  server.setServing(true);
  return {
    target: `localhost:${server.port}`,
    authority,
    folder,
    credentials: tls,
    server,
    registry,
    denials,
    logLines,
    flushDenials: () => audit.flush(true),
    stop: async () => {
      await server.stop(500);
      folder.remove();
    },
  };
}

/** Where a server is, and which authority it trusts and is trusted by. */
export type Reachable = Pick<TestServer, 'target' | 'authority'>;

/** A generated client with this certificate, or with none. */
export function clientFor(server: Reachable, issued?: Issued): AnalyticsServiceClient {
  return new AnalyticsServiceClient(server.target, channelCredentials(server, issued), {
    'grpc.use_local_subchannel_pool': 1,
  });
}

export function channelCredentials(server: Reachable, issued?: Issued) {
  const ca = Buffer.from(server.authority.pem);
  return issued === undefined
    ? credentials.createSsl(ca)
    : credentials.createSsl(ca, Buffer.from(issued.key), Buffer.from(issued.cert));
}

/** One rpc of the analytics service, by its property name in the generated client. */
export type RpcName =
  | 'getSummary'
  | 'getOperatorPerformance'
  | 'getAccountUsage'
  | 'getThroughput'
  | 'getDeliveryBreakdown';

/** How a call ended: `OK` with the response, or its code with the decoded details. */
export interface CallEnd {
  readonly code: number;
  readonly message: string;
  readonly response?: unknown;
  readonly reason?: string;
  readonly violations?: readonly { field: string; description: string }[];
  readonly correlationId?: string;
}

/** Calls an rpc with an empty or a given request; resolves whatever the end. */
export function call(
  client: AnalyticsServiceClient,
  rpc: RpcName,
  request: object = {},
  headers: Record<string, string> = {},
  deadlineMs = 20_000,
): Promise<CallEnd> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const full = {
    accountId: '',
    timeZone: '',
    orderBy: '',
    pageToken: '',
    operatorId: '',
    pageSize: 0,
    granularity: 0,
    weekStart: 0,
    compare: 0,
    compareElapsed: false,
    groupBy: [],
    range: undefined,
    filter: undefined,
    ...request,
  };
  return new Promise((resolve) => {
    // The five overloads have one shape; TypeScript cannot call their union.
    (client[rpc] as AnalyticsServiceClient['getSummary']).call(
      client,
      full as never,
      metadata,
      { deadline: Date.now() + deadlineMs },
      (error: ServiceError | null, response: unknown) =>
        resolve(error === null ? { code: 0, message: '', response } : endOf(error)),
    );
  });
}

/** The decoded details of a failed call. */
export function endOf(error: ServiceError): CallEnd {
  const [bytes] = error.metadata?.get('grpc-status-details-bin') ?? [];
  const end = { code: error.code, message: error.details };
  if (!Buffer.isBuffer(bytes)) return end;
  const details = Status.decode(bytes).details;
  const find = (type: string) => details.find((any) => any.typeUrl.endsWith(type))?.value;
  const info = find('google.rpc.ErrorInfo');
  const bad = find('google.rpc.BadRequest');
  const decoded = info === undefined ? undefined : ErrorInfo.decode(info);
  return {
    ...end,
    ...(decoded === undefined
      ? {}
      : {
          reason: `${decoded.domain}/${decoded.reason}`,
          correlationId: decoded.metadata.get('correlation_id') ?? '',
        }),
    ...(bad === undefined
      ? {}
      : {
          violations: BadRequest.decode(bad).fieldViolations.map(({ field, description }) => ({
            field,
            description,
          })),
        }),
  };
}
