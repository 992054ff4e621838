// What `ops` can be told. A part of settings.ts.
import * as v from 'valibot';
import type { SettingTable } from './config.js';
import {
  common,
  databaseUrl,
  integer,
  msisdnDigits,
  natsCredentials,
  natsUrl,
  settling,
} from './settings-shared.js';

/**
 * Contract, section 2: an event may be 35 days old when it is published, and be delivered again for
 * 14 more. A ledger that forgot it by then would count it twice.
 */
export const LEDGER_DAYS_LEAST = 35 + 14 + 1;

/** What may stand for somebody in an audit record. */
export const ACTOR_NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
export const ACTOR_NAME_EXPECTED = 'a name of 1-64 letters, digits, dots, _, @ or -';

/**
 * `ops`: seeks, rebuilds, sees to dead letters. `ops migrate` takes the owner's DATABASE_URL and no
 * NATS.
 */
const LEDGER_DAYS_WHY = 'acceptance (35), age of the stream (14) and 1 day at least';

export const opsSettings = {
  natsUrl: { ...natsUrl, fallback: '' },
  ...natsCredentials,
  databaseUrl: databaseUrl('analytics_ops (migrate: analytics_owner)'),
  actor: {
    name: 'OPS_ACTOR',
    what:
      'Who acts, as the audit records call it; --as before it. ' +
      'Needed where the user has no name, as in the image',
    schema: v.pipe(v.string(), v.regex(ACTOR_NAME)),
    expected: ACTOR_NAME_EXPECTED,
    fallback: '',
  },
  ...msisdnDigits,
  ledgerDays: {
    name: 'LEDGER_DAYS',
    what:
      'Days for which the ledger knows its messages; ' +
      'what is older can no longer change (ops retain)',
    schema: integer(LEDGER_DAYS_LEAST, 3_650),
    expected: `${LEDGER_DAYS_LEAST}-3650: ${LEDGER_DAYS_WHY}`,
    fallback: '50',
  },
  rollupDays: {
    name: 'ROLLUP_DAYS',
    what: 'Days for which rollups of 15 minutes and coarser are kept (ops retain)',
    schema: integer(LEDGER_DAYS_LEAST, 36_500),
    expected: `${LEDGER_DAYS_LEAST}-36500`,
    fallback: '800',
  },
  minuteDays: {
    name: 'MINUTE_DAYS',
    what: 'Days for which throughput by the minute is kept (ops retain)',
    schema: integer(LEDGER_DAYS_LEAST, 36_500),
    expected: `${LEDGER_DAYS_LEAST}-36500`,
    fallback: '90',
  },
  ...settling,
  ...common,
} as const satisfies SettingTable;
