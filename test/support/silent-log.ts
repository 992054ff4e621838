// A log that says nothing, for tests that do not look at it.

import { createLog, type Log } from '../../src/platform/log.js';

export const silentLog: Log = createLog({ service: 'silent', level: 'silent' });
