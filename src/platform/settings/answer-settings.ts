// How the api answers: what is settled, how far back answers go, how many it remembers. A part of
// settings.ts.
import type { SettingTable } from './config.js';
import { integer, settling } from './settings-shared.js';

export const answerSettings = {
  ...settling,
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
    fallback: '4',
  },
  memoryMib: {
    name: 'ROLLUP_MEMORY_MIB',
    what: 'What was read of the rollups already and is remembered, at most; 0 keeps nothing',
    schema: integer(0, 4_096),
    expected: '0-4096 (MiB)',
    fallback: '30',
  },
} as const satisfies SettingTable;
