// What can be configured, one table per binary. The documentation is generated from these tables,
// and the manifests are checked against them: a variable that is not here does not exist.
import type { Setting } from './config.js';
import { apiSettings } from './settings-api.js';
import { etlSettings } from './settings-etl.js';
import { ingestSettings } from './settings-ingest.js';
import { opsSettings } from './settings-ops.js';

/** All tables by binary, for the documentation and the checks of the manifests. */
export const settingsByBinary: Readonly<Record<string, Readonly<Record<string, Setting>>>> = {
  api: apiSettings,
  ingest: ingestSettings,
  etl: etlSettings,
  ops: opsSettings,
};
