// Dashboards and alert rules, held against the processes: every metric that they name is one that a registry has, every
// label one that the metric has, every value of a label one that occurs; and every alert's runbook heading exists.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { projectRoot } from '../../../deploy/local/project.js';
import { freshnessMetric, poolMetrics } from '../../../src/api/answer-metrics.js';
import { copyMetrics } from '../../../src/api/copy-metrics.js';
import { ALL_METHODS } from '../../../src/api/grpc/methods.js';
import { serverMetrics } from '../../../src/api/grpc/metrics.js';
import { DEAD_LETTER_REASONS } from '../../../src/domain/dead-letter.js';
import { ingestMetrics } from '../../../src/ingest/metrics.js';
import { opsCommand } from '../../../src/ops/command.js';
import { createRegistry } from '../../../src/platform/metrics.js';
import { render, workloadsOf } from './manifests.js';

/** What the scraper and kube-state-metrics add. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  up: [],
  kube_job_status_failed: ['job_name'],
};
const OF_EVERY_METRIC = ['job', 'instance', 'namespace', 'pod', 'binary'];
/** Words of PromQL that stand where a metric could. */
const WORDS = new Set(['by', 'and', 'or', 'on', 'le', 'without', 'unless', 'bool', 'ignoring']);

/** Label names by metric, as the processes declare them. */
function declared(): Map<string, readonly string[]> {
  const api = createRegistry('api', '0');
  serverMetrics(api, [...ALL_METHODS]);
  poolMetrics(api, {});
  freshnessMetric(api);
  copyMetrics(api, () => Promise.reject(new Error('not asked')));
  const ingest = createRegistry('ingest', '0');
  ingestMetrics(ingest);
  const all = new Map<string, readonly string[]>(Object.entries(FOREIGN));
  for (const registry of [api, ingest]) {
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

interface Use {
  readonly metric: string;
  /** Labels that its selector names. */
  readonly labels: readonly string[];
}

const withoutGroups = (expression: string) =>
  expression.replace(/\b(?:by|without)\s*\([^)]*\)/g, ' ').replace(/\[[^\]]*\]/g, ' ');

/** Metrics of an expression, each with its selector. */
function usesOf(expression: string): Use[] {
  const word = /\b([a-z_][a-z0-9_:]*)\b(?!\s*\()(?:\{([^}]*)\})?/g;
  return [...withoutGroups(expression).matchAll(word)]
    .filter(([, name = '']) => !WORDS.has(name))
    .map(([, metric = '', selector = '']) => ({
      metric,
      labels: [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map((match) => match[1] ?? ''),
    }));
}

/** Labels by which an expression groups. */
function groupsOf(expression: string): string[] {
  return [...expression.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap((match) =>
    (match[1] ?? '').split(',').map((label) => label.trim()),
  );
}

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

const file = (path: string) => readFileSync(join(projectRoot, path), 'utf8');
const alerts: Alert[] = parse(file('deploy/grafana/alerts.yaml')).groups.flatMap(
  (group: { rules: Alert[] }) => group.rules,
);
const dashboards = readdirSync(join(projectRoot, 'deploy/grafana/dashboards')).map((name) => ({
  name,
  dashboard: JSON.parse(file(`deploy/grafana/dashboards/${name}`)),
}));
const panels = dashboards.flatMap(({ name, dashboard }) =>
  dashboard.panels.map((panel: { title: string }) => ({ name, ...panel })),
);
const expressions: { where: string; expr: string }[] = [
  ...alerts.map(({ alert, expr }) => ({ where: alert, expr })),
  ...panels.flatMap((panel) =>
    panel.targets.map(({ expr }: { expr: string }) => ({
      where: `${panel.name}: ${panel.title}`,
      expr,
    })),
  ),
];
const runbook = file('deploy/RUNBOOK.md');
const headings = [...runbook.matchAll(/^#+ (.+)$/gm)].map((match) => match[1]);

describe('dashboards and alerts', () => {
  const metrics = declared();

  test('name metrics that the processes have', () => {
    const unknown = expressions.flatMap(({ where, expr }) =>
      usesOf(expr)
        .filter(({ metric }) => !metrics.has(metric))
        .map(({ metric }) => `${where}: ${metric}`),
    );
    expect(unknown).toEqual([]);
    expect(expressions.every(({ expr }) => usesOf(expr).length > 0)).toBe(true);
  });

  test('select and group by labels that the metrics have', () => {
    const unknown = expressions.flatMap(({ where, expr }) => {
      const uses = usesOf(expr);
      const labelsOf = (metric: string) => [...OF_EVERY_METRIC, ...(metrics.get(metric) ?? [])];
      const selected = uses.flatMap(({ metric, labels }) =>
        labels.filter((label) => !labelsOf(metric).includes(label)),
      );
      const grouped = groupsOf(expr).filter(
        (label) => !uses.some(({ metric }) => labelsOf(metric).includes(label)),
      );
      return [...selected, ...grouped].map((label) => `${where}: ${label}`);
    });
    expect(unknown).toEqual([]);
  });

  test('know the reasons of dead letters and denials by their names', () => {
    for (const { expr } of expressions) {
      for (const [, names = ''] of expr.matchAll(/dead_letters_total\{reason=~?"([^"]+)"\}/g)) {
        for (const name of names.split('|')) expect(DEAD_LETTER_REASONS).toContain(name);
      }
    }
    expect(file('src/api/grpc/account-scope.ts')).toContain("'FOREIGN_ACCOUNT'");
  });

  test('cover every metric of ours', () => {
    const used = new Set(
      expressions.flatMap(({ expr }) => usesOf(expr).map(({ metric }) => metric)),
    );
    const ours = [...metrics.keys()].filter((name) => name.startsWith('sms_analytics_'));
    const unused = ours
      .map((name) => name.replace(/_(bucket|sum|count)$/, ''))
      .filter((name) => ![...used].some((one) => one.startsWith(name)));
    expect([...new Set(unused)]).toEqual([]);
  });
});

describe('an alert', () => {
  test.each(alerts.map((alert) => [alert.alert, alert] as const))(
    '%s says what is wrong, how urgent it is, and where to read on',
    (_name, { labels, annotations }) => {
      expect(['page', 'ticket']).toContain(labels.severity);
      expect(annotations.summary.length).toBeGreaterThan(20);
      expect(headings).toContain(annotations.runbook);
    },
  );

  test('has a name of its own', () => {
    const names = alerts.map(({ alert }) => alert);
    expect(names).toHaveLength(new Set(names).size);
  });
});

describe('a dashboard', () => {
  test.each(dashboards)(
    '$name has a stable id, and panels that do not overlap',
    ({ dashboard }) => {
      expect(dashboard.uid).toMatch(/^sms-analytics-[a-z]+$/);
      const cells = new Set<string>();
      for (const { gridPos } of dashboard.panels) {
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
            expect(cells.has(`${x}.${y}`)).toBe(false);
            expect(x).toBeLessThan(24);
            cells.add(`${x}.${y}`);
          }
        }
      }
      const ids = dashboard.panels.map((panel: { id: number }) => panel.id);
      expect(ids).toHaveLength(new Set(ids).size);
    },
  );
});

describe('the runbook', () => {
  test('names workloads that the manifests have', () => {
    const workloads = ['deploy/kubernetes/overlays/tls', 'deploy/nats']
      .flatMap((directory) => workloadsOf(render(directory)))
      .map((one) => `${one.kind.toLowerCase()}/${one.metadata.name}`);
    const named = [...runbook.matchAll(/\b((?:deployment|statefulset|job|cronjob)\/[a-z-]+)/g)];
    expect(named.length).toBeGreaterThan(5);
    for (const [, name = ''] of named) expect(workloads).toContain(name);
  });

  test('names verbs and options that ops has', () => {
    const quoted = [
      ...runbook.matchAll(/`ops ([a-z][^`]*)`/g),
      ...runbook.matchAll(/^ops (.+)$/gm),
    ];
    expect(quoted.length).toBeGreaterThan(8);
    for (const [, words = ''] of quoted) {
      let command = opsCommand();
      const rest = words.split(/\s+/);
      for (let next = rest[0]; next !== undefined; next = rest[0]) {
        const found = command.commands.find((one) => one.name() === next);
        if (!found) break;
        command = found;
        rest.shift();
      }
      expect(command.name(), words).not.toBe('ops');
      const options = rest.filter((word) => word.startsWith('--'));
      const known = command.options.map((option) => option.long);
      for (const option of options) expect(known, words).toContain(option);
    }
  });

  test('names metrics that exist', () => {
    const metrics = declared();
    const named = [...runbook.matchAll(/`((?:sms_analytics|grpc_server|nodejs|process)_\w+)/g)];
    expect(named.length).toBeGreaterThan(10);
    for (const [, name = ''] of named) expect([...metrics.keys()]).toContain(name);
  });
});

describe('the reader of PromQL', () => {
  test('finds metrics and labels, and neither functions nor values', () => {
    const expr =
      'sum by (grpc_method) (rate(grpc_server_handled_total{grpc_code=~"Internal|Unknown"}[5m])) / time() > 1 and max(up) > 0';
    expect(usesOf(expr)).toEqual([
      { metric: 'grpc_server_handled_total', labels: ['grpc_code'] },
      { metric: 'up', labels: [] },
    ]);
    expect(groupsOf(expr)).toEqual(['grpc_method']);
  });
});
