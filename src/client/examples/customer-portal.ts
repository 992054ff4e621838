// How customer-portal asks: one client per process, the account of the signed-in customer with
// every call.
import {
  type AnalyticsClient,
  type AnalyticsClientOptions,
  AnalyticsError,
  createAnalyticsClient,
} from '../index.js';

/** The client of the whole process: made at start, closed at its end. */
export function portalClient(
  options: Pick<AnalyticsClientOptions, 'target' | 'tls'>,
): AnalyticsClient {
  return createAnalyticsClient({ ...options, defaultDeadlineMs: 3_000 });
}

/**
 * What a customer used this month, in words; a wrong question is answered with what is wrong about
 * it.
 */
export async function usageOf(
  client: AnalyticsClient,
  accountId: string,
  range: { start: string; end: string },
  signal?: AbortSignal,
): Promise<string> {
  try {
    const usage = await client.getAccountUsage(
      { accountId, range },
      { accountId, ...(signal === undefined ? {} : { signal }) },
    );
    const counts = usage.counts;
    const money = usage.money.map(({ net, currency }) => `${net} ${currency}`).join(', ');
    const used = `${counts?.accepted ?? 0n} messages, ${counts?.segments ?? 0n} segments`;
    return `${used}, ${money || 'nothing charged'}`;
  } catch (error) {
    if (!(error instanceof AnalyticsError)) throw error;
    if (error.code === 'INVALID_ARGUMENT') {
      return error.fieldViolations
        .map(({ field, description }) => `${field} ${description}`)
        .join('; ');
    }
    return error.retryable
      ? 'try again later'
      : `not available (${error.correlationId ?? 'offline'})`;
  }
}
