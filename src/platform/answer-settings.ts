// How the api answers: what is settled, how far back answers go, how many it remembers. A part of settings.ts.
import { z } from 'zod';
import type { SettingTable } from './config.js';

/** Whole numbers of at most nine digits. */
export const integer = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.number().int().min(least).max(most));

export const answerSettings = {
  settleHours: {
    name: 'SETTLE_HOURS',
    what: 'Hours after which a message without a receipt is answered as UNKNOWN',
    schema: integer(1, 2_400),
    expected: '1-2400 (hours)',
    fallback: '72',
  },
  rollupDays: {
    name: 'ROLLUP_DAYS',
    what: 'Days back that answers may start, but those about throughput; at most what ops keeps',
    schema: integer(1, 4_000),
    expected: '1-4000 (days)',
    fallback: '800',
  },
  minuteDays: {
    name: 'MINUTE_DAYS',
    what: 'Days back that answers about throughput may start; at most what ops keeps',
    schema: integer(1, 4_000),
    expected: '1-4000 (days)',
    fallback: '90',
  },
  cacheEntries: {
    name: 'ANSWER_CACHE_ENTRIES',
    what: 'Answers that are remembered at most; 0 switches the cache off',
    schema: integer(0, 1_000_000),
    expected: '0-1000000',
    fallback: '2000',
  },
  cacheMib: {
    name: 'ANSWER_CACHE_MIB',
    what: 'Encoded size of all remembered answers at most',
    schema: integer(1, 4_096),
    expected: '1-4096 (MiB)',
    fallback: '16',
  },
} as const satisfies SettingTable;
