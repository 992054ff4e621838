// What `ingest` can be told. A part of settings.ts.
import type { SettingTable } from './config.js';
import {
  admin,
  common,
  databaseUrl,
  integer,
  msisdnDigits,
  natsCredentials,
  natsUrl,
} from './settings-shared.js';

/** `ingest`: counts events. */
export const ingestSettings = {
  natsUrl,
  ...natsCredentials,
  databaseUrl: databaseUrl('analytics_ingest'),
  batchSize: {
    name: 'BATCH_SIZE',
    what: 'Most events per transaction',
    schema: integer(1, 10_000),
    expected: '1-10000',
    fallback: '6000',
  },
  ...msisdnDigits,
  ...admin('9465'),
  ...common,
} as const satisfies SettingTable;
