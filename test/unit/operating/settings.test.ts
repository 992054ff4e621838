// The ledger must know a message for as long as an event of it can be delivered: contract, section
// 2.

import { expect, it } from 'vitest';
import { ACCEPTANCE_WINDOW_DAYS } from '../../../src/domain/message/admission.js';
import { streamConfig } from '../../../src/nats/topology.js';
import { ConfigFaults, readConfig } from '../../../src/platform/settings/config.js';
import { LEDGER_DAYS_LEAST, opsSettings } from '../../../src/platform/settings/settings-ops.js';

const NANOS_PER_DAY = 86_400 * 1e9;

it('refuses a ledger that forgets sooner than acceptance and the age of the stream allow', () => {
  const streamDays = (streamConfig({ replicas: 1 }).max_age ?? 0) / NANOS_PER_DAY;
  expect(LEDGER_DAYS_LEAST).toBe(ACCEPTANCE_WINDOW_DAYS + streamDays + 1);
  const env = { DATABASE_URL: 'postgresql://ops@localhost/x' };
  const least = readConfig(opsSettings, { ...env, LEDGER_DAYS: String(LEDGER_DAYS_LEAST) });
  expect(least.ledgerDays).toBe(LEDGER_DAYS_LEAST);
  const short = { ...env, LEDGER_DAYS: String(LEDGER_DAYS_LEAST - 1) };
  expect(() => readConfig(opsSettings, short)).toThrow(ConfigFaults);
});
