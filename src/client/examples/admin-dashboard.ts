// How admin-dashboard asks: the last week by day against the week before, then every operator.

import type { AnalyticsClientOptions } from '../index.js';
import { Compare, createAnalyticsClient, Granularity, Outcome } from '../index.js';

/** Lines of text as a dashboard would show them. */
export async function dashboard(
  options: Pick<AnalyticsClientOptions, 'target' | 'tls'>,
  range: { start: string; end: string },
): Promise<string[]> {
  const client = createAnalyticsClient({ ...options, defaultDeadlineMs: 5_000 });
  const lines: string[] = [];
  try {
    const summary = await client.getSummary({
      range,
      timeZone: 'Europe/Berlin',
      granularity: Granularity.GRANULARITY_DAY,
      compare: Compare.COMPARE_PREVIOUS_PERIOD,
    });
    lines.push(
      `accepted ${summary.counts?.accepted ?? 0n} messages in ${summary.series.length} days`,
    );
    // Money stays the decimal text that came: Number() would lose digits.
    for (const { currency, net } of summary.money) lines.push(`net ${net} ${currency}`);
    for await (const page of client.operatorPages({ range, pageSize: 50 })) {
      for (const row of page.rows) {
        const rate = row.rates?.settledDeliveryRate;
        const shown = rate === undefined ? 'no messages' : `${(rate.value * 100).toFixed(1)} %`;
        lines.push(`${row.operatorId} ${shown}${rate?.lowSample ? ' (few messages)' : ''}`);
      }
    }
    const failures = await client.getDeliveryBreakdown({
      range,
      filter: {
        accountIds: [],
        operatorIds: [],
        outcomes: [Outcome.OUTCOME_UNDELIVERABLE, Outcome.OUTCOME_EXPIRED],
        reasons: [],
        errorClasses: [],
      },
    });
    lines.push(`failed ${failures.messages}`);
    return lines;
  } finally {
    client.close();
  }
}
