// How customer-portal asks: one client per process, the account of the signed-in customer with every call.
import { type AnalyticsClientOptions, AnalyticsError, createAnalyticsClient } from '../index.js';

/** What a customer used this month, in words; a wrong question is answered with what is wrong about it. */
export async function usageOf(
  options: Pick<AnalyticsClientOptions, 'target' | 'tls'>,
  accountId: string,
  range: { start: string; end: string },
  signal?: AbortSignal,
): Promise<string> {
  const client = createAnalyticsClient({ ...options, defaultDeadlineMs: 3_000 });
  try {
    const usage = await client.getAccountUsage(
      { accountId, range },
      { accountId, ...(signal === undefined ? {} : { signal }) },
    );
    const counts = usage.counts;
    const money = usage.money.map(({ net, currency }) => `${net} ${currency}`).join(', ');
    return `${counts?.accepted ?? 0n} messages, ${counts?.segments ?? 0n} segments, ${money || 'nothing charged'}`;
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
  } finally {
    client.close();
  }
}
