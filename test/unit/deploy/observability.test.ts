// Dashboards and alert rules, held against the processes: every metric that they name is one that a
// registry has, every label one that the metric has, every value of a label one that occurs; and
// every alert's runbook heading exists.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { DENIAL_REASONS } from '../../../src/api/authorisation/denial-reasons.js';
import { ALL_METHODS } from '../../../src/api/server/methods.js';
import { DEAD_LETTER_REASONS } from '../../../src/domain/message/dead-letter.js';
import { opsCommand } from '../../../src/operating/command.js';
import { declared, registries } from './declared-metrics.js';
import { render, workloadsOf } from './manifests.js';
import { groupsOf, mismatches, usesOf } from './promql.js';

const OF_EVERY_METRIC = ['job', 'instance', 'namespace', 'pod', 'binary'];

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

  test('say whose they mean where both processes have a metric of that name', () => {
    const [api = [], ingest = []] = registries().map((one) =>
      one.getMetricsAsArray().map(({ name }) => name),
    );
    const shared = api.filter((name) => ingest.includes(name));
    expect(shared).toContain('sms_analytics_data_as_of_timestamp_seconds');
    const unclear = expressions.flatMap(({ where, expr }) =>
      usesOf(expr)
        .filter(({ metric }) => shared.includes(metric))
        .filter(({ labels }) => ![...labels, ...groupsOf(expr)].includes('binary'))
        .map(({ metric }) => `${where}: ${metric}`),
    );
    expect(unclear).toEqual([]);
  });

  test('know the reasons of dead letters and denials by their names', () => {
    for (const { expr } of expressions) {
      for (const [, names = ''] of expr.matchAll(/dead_letters_total\{reason=~?"([^"]+)"\}/g)) {
        for (const name of names.split('|')) expect(DEAD_LETTER_REASONS).toContain(name);
      }
    }
    for (const { expr } of expressions) {
      for (const [, name = ''] of expr.matchAll(/denials_total\{reason="([^"]+)"\}/g)) {
        expect(DENIAL_REASONS).toContain(name);
      }
    }
  });

  test('join only what carries the same labels, since other series never meet', () => {
    const labelsOf = (metric: string) => metrics.get(metric) ?? [];
    const joined = expressions.flatMap(({ where, expr }) =>
      mismatches(expr, labelsOf).map((found) => `${where}: ${found}`),
    );
    expect(joined).toEqual([]);
  });

  test('see the first event of what they watch for, since its counter starts at 0', async () => {
    const text = (await Promise.all(registries().map((one) => one.metrics()))).join('\n');
    const zeros = text.split('\n').filter((line) => line.endsWith('} 0'));
    const isMissing = (metric: string, labels: string) =>
      !zeros.some((line) => line.startsWith(`${metric}{`) && line.includes(labels));
    const increases = alerts.flatMap(({ expr }) => [
      ...expr.matchAll(/\bincrease\((\w+)(?:\{(\w+)=~?"([^"]+)"\})?/g),
    ]);
    expect(increases.length).toBeGreaterThan(3);
    const wanted = increases.flatMap(([, metric = '', label, values = '']) =>
      values.split('|').map((value) => [metric, label === undefined ? '' : `${label}="${value}"`]),
    );
    for (const reason of DEAD_LETTER_REASONS) {
      wanted.push(['sms_analytics_dead_letters_total', `reason="${reason}"`]);
    }
    for (const method of ALL_METHODS) {
      for (const reason of DENIAL_REASONS) {
        wanted.push(['sms_analytics_denials_total', `method="${method}",reason="${reason}"`]);
      }
    }
    expect(wanted.filter(([metric = '', labels = '']) => isMissing(metric, labels))).toEqual([]);
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
