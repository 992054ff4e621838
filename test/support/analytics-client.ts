// The generated gRPC client over mutual TLS, as one of the identities of the local certificates,
// with promises.

import { readFileSync } from 'node:fs';
import { credentials, Metadata } from '@grpc/grpc-js';
import type { Identity, TlsFiles } from '../../deploy/local/secrets/certificates.js';
import {
  AnalyticsServiceClient,
  type GetAccountUsageRequest,
  type GetAccountUsageResponse,
  type GetDeliveryBreakdownRequest,
  type GetDeliveryBreakdownResponse,
  type GetOperatorPerformanceRequest,
  type GetOperatorPerformanceResponse,
  type GetSummaryRequest,
  type GetSummaryResponse,
  type GetThroughputRequest,
  type GetThroughputResponse,
} from '../../src/generated/proto/sms/analytics/v1/analytics_service.js';

/** The five questions. */
export interface Analytics {
  getSummary(question: GetSummaryRequest): Promise<GetSummaryResponse>;
  getOperatorPerformance(
    question: GetOperatorPerformanceRequest,
  ): Promise<GetOperatorPerformanceResponse>;
  getAccountUsage(question: GetAccountUsageRequest): Promise<GetAccountUsageResponse>;
  getThroughput(question: GetThroughputRequest): Promise<GetThroughputResponse>;
  getDeliveryBreakdown(
    question: GetDeliveryBreakdownRequest,
  ): Promise<GetDeliveryBreakdownResponse>;
  close(): void;
}

/** Connects as this identity; `accountId` is sent as x-account-id. */
export function analyticsClient(
  port: number,
  tls: TlsFiles,
  identity: Identity,
  accountId?: string,
): Analytics {
  const { cert, key } = tls.identities[identity];
  const channel = credentials.createSsl(
    readFileSync(tls.ca),
    readFileSync(key),
    readFileSync(cert),
  );
  const client = new AnalyticsServiceClient(`localhost:${port}`, channel);
  const metadata = new Metadata();
  if (accountId !== undefined) metadata.set('x-account-id', accountId);
  const ask =
    <Question, Answer>(
      method: (
        question: Question,
        metadata: Metadata,
        options: { deadline: number },
        done: (error: Error | null, answer: Answer) => void,
      ) => unknown,
    ) =>
    (question: Question) =>
      new Promise<Answer>((resolve, reject) => {
        const options = { deadline: Date.now() + 20_000 };
        method.call(client, question, metadata, options, (error, answer) =>
          error ? reject(error) : resolve(answer),
        );
      });
  return {
    getSummary: ask<GetSummaryRequest, GetSummaryResponse>(client.getSummary),
    getOperatorPerformance: ask<GetOperatorPerformanceRequest, GetOperatorPerformanceResponse>(
      client.getOperatorPerformance,
    ),
    getAccountUsage: ask<GetAccountUsageRequest, GetAccountUsageResponse>(client.getAccountUsage),
    getThroughput: ask<GetThroughputRequest, GetThroughputResponse>(client.getThroughput),
    getDeliveryBreakdown: ask<GetDeliveryBreakdownRequest, GetDeliveryBreakdownResponse>(
      client.getDeliveryBreakdown,
    ),
    close: () => client.close(),
  };
}
