// What the processes declare to Prometheus, found by making their registries as src/bin does,
// without a process.

import type { Registry } from 'prom-client';
import { cacheMetrics, freshnessMetric } from '../../../src/answers/answer-metrics.js';
import { serverMetrics } from '../../../src/api/calls/metrics.js';
import { ALL_METHODS } from '../../../src/api/server/methods.js';
import { copyMetrics } from '../../../src/copy/copy-metrics.js';
import { ingestMetrics } from '../../../src/counting/telemetry/metrics.js';
import { createRegistry, readyMetric } from '../../../src/platform/metrics.js';
import { poolMetrics } from '../../../src/platform/pool-metrics.js';

/** What the scraper and kube-state-metrics add. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  up: [],
  kube_job_status_failed: ['job_name'],
  kube_job_status_start_time: ['job_name'],
};

/** The registries of api and ingest, as they are at start. */
export function registries(): Registry[] {
  const api = createRegistry('api', '0');
  serverMetrics(api, [...ALL_METHODS]);
  poolMetrics(api, {});
  readyMetric(api, () => false);
  freshnessMetric(api);
  cacheMetrics(api, () => ({ entries: 0, bytes: 0, hits: 0, misses: 0 }));
  copyMetrics(api, () => Promise.reject(new Error('not asked')));
  const ingest = createRegistry('ingest', '0');
  ingestMetrics(ingest);
  poolMetrics(ingest, {});
  readyMetric(ingest, () => false);
  return [api, ingest];
}

/** Label names by metric, as the processes declare them. */
export function declared(): Map<string, readonly string[]> {
  const all = new Map<string, readonly string[]>(Object.entries(FOREIGN));
  for (const registry of registries()) {
    for (const [name, type, labels] of metricsOf(registry)) {
      all.set(name, labels);
      if (type !== 'histogram') continue;
      for (const part of ['_bucket', '_sum', '_count'])
        all.set(`${name}${part}`, [...labels, 'le']);
    }
  }
  return all;
}

function metricsOf(registry: Registry): [string, string, readonly string[]][] {
  return registry.getMetricsAsArray().map((metric) => {
    const { name, labelNames = [] } = metric as unknown as { name: string; labelNames?: string[] };
    const type = metric.constructor.name.toLowerCase();
    return [name, type, labelNames];
  });
}
