// Instants as the server of NATS writes them, in whole microseconds, read apart from the code under
// test.

import type { ConsumerInfo, JetStreamManager } from 'nats';

/** Whole epoch microseconds of an RFC 3339 instant with up to nine decimals. */
export function microsOf(text: string): number {
  const [, seconds = '', fraction = '', zone = ''] =
    /^(.{19})(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  return Date.parse(seconds + zone) * 1_000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

/** The time of the server that keeps the serving durable. */
export async function consumerTime(manager: JetStreamManager): Promise<number> {
  const info = await manager.consumers.info('SMS_EVENTS', 'analytics-rollup');
  return microsOf((info as ConsumerInfo & { ts: string }).ts);
}
