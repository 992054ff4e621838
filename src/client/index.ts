// The client that admin-dashboard and customer-portal import: promises over the generated types, a
// deadline on every call, decoded errors. Counts are bigint and money is a decimal string, so no
// digit is lost; use the generated `toJSON` of a message to print it.
import { type ClientUnaryCall, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  type AnalyticsServiceClient,
  GetAccountUsageRequest,
  type GetAccountUsageResponse,
  GetDeliveryBreakdownRequest,
  type GetDeliveryBreakdownResponse,
  GetOperatorPerformanceRequest,
  type GetOperatorPerformanceResponse,
  GetSummaryRequest,
  type GetSummaryResponse,
  GetThroughputRequest,
  type GetThroughputResponse,
} from '../generated/proto/sms/analytics/v1/analytics_service.js';
import { systemClock } from '../platform/clock.js';
import { AnalyticsError, notSent } from './analytics-error.js';
import { Channel, type ClientTlsFiles } from './channel.js';

export * from '../generated/proto/sms/analytics/v1/analytics_service.js';
export * from '../generated/proto/sms/analytics/v1/common.js';
export { AnalyticsError, type CodeName, type WrongField } from './analytics-error.js';
export type { ClientTlsFiles } from './channel.js';

export interface AnalyticsClientOptions {
  /** `host:port`, or any gRPC target. */
  readonly target: string;
  /** Certificate files, or `mesh` where a sidecar does mutual TLS. */
  readonly tls: ClientTlsFiles | 'mesh';
  /** Longest time for a call that says nothing else, retries included. */
  readonly defaultDeadlineMs: number;
  /** customer-portal: the account that every call is about, sent as x-account-id. */
  readonly accountId?: string;
  /** The name in the service's certificate, where it is not the target's host. */
  readonly serverName?: string;
  /** How often the certificate files are looked at; 10 s by default. */
  readonly rotationIntervalMs?: number;
}

/** What one call may say. */
export interface AskOptions {
  readonly deadlineMs?: number;
  /** Cancels the call, also in the database. */
  readonly signal?: AbortSignal;
  /** Overrides the client's account for this call. */
  readonly accountId?: string;
  /** W3C trace context of the caller. */
  readonly traceparent?: string;
}

/** A request of which any field may be left out. */
export type Asked<T> = {
  [Key in keyof T]?: T[Key] extends readonly unknown[] ? T[Key] : Asked<T[Key]> | undefined;
};

/**
 * The five questions. Every method rejects with an AnalyticsError, also where nothing was sent:
 * after close (`FAILED_PRECONDITION`), and of a request or account that cannot be written
 * (`INVALID_ARGUMENT`).
 */
export interface AnalyticsClient {
  getSummary(request: Asked<GetSummaryRequest>, options?: AskOptions): Promise<GetSummaryResponse>;
  getOperatorPerformance(
    request: Asked<GetOperatorPerformanceRequest>,
    options?: AskOptions,
  ): Promise<GetOperatorPerformanceResponse>;
  getAccountUsage(
    request: Asked<GetAccountUsageRequest>,
    options?: AskOptions,
  ): Promise<GetAccountUsageResponse>;
  getThroughput(
    request: Asked<GetThroughputRequest>,
    options?: AskOptions,
  ): Promise<GetThroughputResponse>;
  getDeliveryBreakdown(
    request: Asked<GetDeliveryBreakdownRequest>,
    options?: AskOptions,
  ): Promise<GetDeliveryBreakdownResponse>;
  /** All pages, one after another; each says its own revision. */
  operatorPages(
    request: Asked<GetOperatorPerformanceRequest>,
    options?: AskOptions,
  ): AsyncIterable<GetOperatorPerformanceResponse>;
  /** All pages, one after another; each says its own revision. */
  breakdownPages(
    request: Asked<GetDeliveryBreakdownRequest>,
    options?: AskOptions,
  ): AsyncIterable<GetDeliveryBreakdownResponse>;
  /** No new calls; resources are freed when the running ones have ended. Repeatable. */
  close(): void;
}

type Callback<Response> = (error: ServiceError | null, response: Response) => void;
type Rpc<Request, Response> = (
  stub: AnalyticsServiceClient,
  request: Request,
  metadata: Metadata,
  options: { deadline: Date },
  callback: Callback<Response>,
) => ClientUnaryCall;

/**
 * A client; it connects on the first call.
 *
 * @throws where a certificate file does not work; the message names the option and the file.
 */
export function createAnalyticsClient(options: AnalyticsClientOptions): AnalyticsClient {
  if (!isDeadline(options.defaultDeadlineMs)) throw new RangeError(`defaultDeadlineMs ${EXPECTED}`);
  const channel = new Channel(options);
  const method =
    <Request, Response>(
      type: { fromPartial(request: never): Request },
      rpc: Rpc<Request, Response>,
    ) =>
    (request: Asked<Request>, ask: AskOptions = {}) =>
      channel.use(async (stub) => {
        try {
          return await send(stub, rpc, type.fromPartial(request as never), ask, options);
        } catch (error) {
          if (error instanceof AnalyticsError) throw error;
          throw notSent('INVALID_ARGUMENT', 'the request cannot be written', error);
        }
      });
  const getOperatorPerformance = method<
    GetOperatorPerformanceRequest,
    GetOperatorPerformanceResponse
  >(GetOperatorPerformanceRequest, (stub, ...rest) => stub.getOperatorPerformance(...rest));
  const getDeliveryBreakdown = method<GetDeliveryBreakdownRequest, GetDeliveryBreakdownResponse>(
    GetDeliveryBreakdownRequest,
    (stub, ...rest) => stub.getDeliveryBreakdown(...rest),
  );
  return {
    getSummary: method<GetSummaryRequest, GetSummaryResponse>(GetSummaryRequest, (stub, ...rest) =>
      stub.getSummary(...rest),
    ),
    getOperatorPerformance,
    getAccountUsage: method<GetAccountUsageRequest, GetAccountUsageResponse>(
      GetAccountUsageRequest,
      (stub, ...rest) => stub.getAccountUsage(...rest),
    ),
    getThroughput: method<GetThroughputRequest, GetThroughputResponse>(
      GetThroughputRequest,
      (stub, ...rest) => stub.getThroughput(...rest),
    ),
    getDeliveryBreakdown,
    operatorPages: (request, ask) => pages(getOperatorPerformance, request, ask),
    breakdownPages: (request, ask) => pages(getDeliveryBreakdown, request, ask),
    close: () => channel.close(),
  };
}

/**
 * What a timer of Node can wait, about 24 days: beyond it gRPC fails at once, or throws where
 * nobody can catch it.
 */
const MOST_DEADLINE_MS = 2 ** 31 - 1;
const EXPECTED = `must be above 0 and at most ${MOST_DEADLINE_MS}`;
const isDeadline = (ms: number) => ms > 0 && ms <= MOST_DEADLINE_MS;

function send<Request, Response>(
  stub: AnalyticsServiceClient,
  rpc: Rpc<Request, Response>,
  request: Request,
  ask: AskOptions,
  options: AnalyticsClientOptions,
): Promise<Response> {
  const metadata = new Metadata();
  const accountId = ask.accountId ?? options.accountId;
  if (accountId !== undefined) metadata.set('x-account-id', accountId);
  if (ask.traceparent !== undefined) metadata.set('traceparent', ask.traceparent);
  const deadlineMs = ask.deadlineMs ?? options.defaultDeadlineMs;
  if (!isDeadline(deadlineMs)) throw notSent('INVALID_ARGUMENT', `deadlineMs ${EXPECTED}`);
  const deadline = new Date(systemClock.now() / 1000 + deadlineMs);
  const { signal } = ask;
  return new Promise((resolve, reject) => {
    const call = rpc(stub, request, metadata, { deadline }, (error, response) => {
      signal?.removeEventListener('abort', cancel);
      if (error === null) resolve(response);
      else reject(new AnalyticsError(error, signal?.aborted ? { cause: signal.reason } : {}));
    });
    const cancel = () => call.cancel();
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

async function* pages<Request, Response extends { nextPageToken: string }>(
  ask: (request: Asked<Request>, options?: AskOptions) => Promise<Response>,
  request: Asked<Request>,
  options?: AskOptions,
): AsyncGenerator<Response, void, undefined> {
  let pageToken = (request as { pageToken?: string }).pageToken ?? '';
  do {
    const page = await ask({ ...request, pageToken }, options);
    yield page;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}
