// The manifests, held against what they refer to: the binaries and their settings, the image, and
// each other. No cluster is needed; what only a cluster can tell (whether it accepts them) is not
// told here.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { is } from 'valibot';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { MALLOC, NODE_OPTIONS } from '../../../deploy/local/stack/services.js';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { EXIT } from '../../../src/copy/exit-code.js';
import { opsCommand } from '../../../src/operating/command.js';
import { settingsByBinary } from '../../../src/platform/settings/settings.js';
import {
  containersOf,
  documentsOf,
  environmentOf,
  kustomizationOf,
  type Manifest,
  podOf,
  render,
  workloadsOf,
} from './manifests.js';

const OVERLAYS = {
  tls: 'deploy/kubernetes/overlays/tls',
  istio: 'deploy/kubernetes/overlays/istio',
  linkerd: 'deploy/kubernetes/overlays/linkerd',
};
const overlays = Object.entries(OVERLAYS).map(([name, path]) => ({ name, path }));
const everywhere = [...overlays, { name: 'nats', path: 'deploy/nats' }];
/** Node's own; all else must be in settings.ts. */
const OF_NODE = new Set(['NODE_EXTRA_CA_CERTS', ...Object.keys(MALLOC.api ?? {})]);

/** Verbs of ops that do not talk to NATS. */
const OF_POSTGRES = new Set(['migrate', 'retain']);

const find = (manifests: readonly Manifest[], kind: string, name: string) =>
  manifests.find((one) => one.kind === kind && one.metadata.name === name);

/** The binary, its arguments and Node's own before it, as a container of our image runs them. */
function binaryOf(container: Manifest): { name: string; args: string[]; node: string[] } {
  const all: string[] = container.args;
  const first = Math.max(
    0,
    all.findIndex((arg) => arg.startsWith('dist/')),
  );
  const node = all.slice(0, first);
  const [script = '', ...args] = all.slice(first);
  const name = /^dist\/src\/bin\/(\w+)\.js$/.exec(script)?.[1];
  return name ? { name, args, node } : { name: 'ops', args: [], node: [] };
}

function ours(manifests: readonly Manifest[]): Manifest[] {
  return workloadsOf(manifests).flatMap((workload) =>
    containersOf(workload).map((container) => ({ workload, container, ...binaryOf(container) })),
  );
}

test('tell Node and its allocator the same as the local stack does', () => {
  for (const { path } of overlays) {
    const manifests = render(path);
    for (const { container, name, node } of ours(manifests)) {
      expect(node, name).toEqual(NODE_OPTIONS[name as 'api'] ?? []);
      const told = Object.entries(environmentOf(container, manifests));
      const malloc = told.filter(([variable]) => variable.startsWith('MALLOC_'));
      expect(Object.fromEntries(malloc), name).toEqual(MALLOC[name as 'api'] ?? {});
    }
  }
});

describe('the files', () => {
  test.each(['deploy/kubernetes/base', ...Object.values(OVERLAYS), 'deploy/nats'])(
    'of %s are all used, and all there',
    (directory) => {
      const { resources = [], patches = [], configMapGenerator = [] } = kustomizationOf(directory);
      const named = [
        ...resources,
        ...patches.map(({ path }) => path),
        ...configMapGenerator.flatMap(({ files = [] }) => files),
      ].filter((name) => !name.startsWith('..'));
      const present = readdirSync(join(projectRoot, directory)).filter(
        (name) => name !== 'kustomization.yaml',
      );
      expect(named.sort()).toEqual(present.sort());
    },
  );

  test.each(everywhere)(
    'of $name are strict YAML with a kind, a version and a name',
    ({ path }) => {
      for (const manifest of render(path)) {
        expect(manifest).toMatchObject({
          apiVersion: expect.stringMatching(/^([a-z0-9.-]+\/)?v\d/),
          kind: expect.stringMatching(/^[A-Z]/),
          metadata: { name: expect.stringMatching(/^[a-z0-9-]{1,63}$/) },
        });
      }
    },
  );

  test.each(everywhere)('of $name define nothing twice', ({ path }) => {
    const names = render(path).map((one) => `${one.apiVersion} ${one.kind} ${one.metadata.name}`);
    expect(names).toHaveLength(new Set(names).size);
  });
});

const kubectl = spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0;

describe.runIf(kubectl)('kustomize itself', () => {
  const withoutSuffix = (text: string) => text.replace(/-[a-z0-9]{10}\b/g, '');
  const sorted = (manifests: readonly Manifest[]) =>
    manifests
      .map((one) => withoutSuffix(JSON.stringify(one, (_, value) => sortKeys(value))))
      .sort();
  const sortKeys = (value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;

  test.each(everywhere)('renders $name as these tests do', ({ path }) => {
    const { stdout, stderr } = spawnSync('kubectl', ['kustomize', join(projectRoot, path)], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    const theirs = parseAllDocuments(stdout).map((document) => document.toJS());
    expect(sorted(render(path))).toEqual(sorted(theirs));
  });
});

describe.each(overlays)('in $name', ({ name: overlay, path }) => {
  const manifests = render(path);

  test('every variable of a container is a setting of its binary, with a right value', () => {
    const faults = ours(manifests).flatMap(({ workload, container, name }) => {
      const settings = Object.values(settingsByBinary[name] ?? {});
      return Object.entries(environmentOf(container, manifests)).flatMap(([variable, value]) => {
        if (OF_NODE.has(variable)) return [];
        const where = `${workload.metadata.name}: ${variable}`;
        const secret = settings.find((one) => one.secret && `${one.name}_FILE` === variable);
        if (secret) return value.startsWith('/vault/secrets/') ? [] : [`${where} is no file`];
        const setting = settings.find((one) => one.name === variable);
        if (!setting) return [`${where} is no setting of ${name}`];
        if (setting.secret) return [`${where} is a secret and stands in the manifest`];
        if (value.startsWith('<from')) return [];
        return is(setting.schema, value) ? [] : [`${where}=${value} is wrong`];
      });
    });
    expect(faults).toEqual([]);
  });

  test('every setting that has no default is there', () => {
    const faults = ours(manifests).flatMap(({ workload, container, name, args }) => {
      const environment = environmentOf(container, manifests);
      const needed = Object.values(settingsByBinary[name] ?? {})
        .filter((setting) => setting.fallback === undefined)
        .map((setting) => setting.name);
      if (name === 'ops' && !OF_POSTGRES.has(args[0])) needed.push('NATS_URL');
      return needed
        .filter((one) => !(one in environment) && !(`${one}_FILE` in environment))
        .map((one) => `${workload.metadata.name}: ${one} is missing`);
    });
    expect(faults).toEqual([]);
  });

  test('what answers, what copies and what reports settle alike', () => {
    const hours = ours(manifests).flatMap(({ workload, container }) => {
      const { SETTLE_HOURS } = environmentOf(container, manifests);
      return SETTLE_HOURS === undefined ? [] : [[workload.metadata.name, SETTLE_HOURS]];
    });
    expect(hours.map(([name]) => name)).toEqual(
      expect.arrayContaining(['api', 'anlyt-etl', 'ops']),
    );
    expect(new Set(hours.map(([, value]) => value)).size).toBe(1);
  });

  test('says which mode proves identities, and gives the mode what it needs', () => {
    const api = containersOf(find(manifests, 'Deployment', 'api'))[0];
    const environment = environmentOf(api, manifests);
    const wanted = {
      tls: { IDENTITY_MODE: 'tls', TLS_CERT_FILE: '/etc/sms-analytics/identity/tls.crt' },
      istio: { IDENTITY_MODE: 'istio-xfcc', SIDECAR_ADDRESSES: '127.0.0.6,::6' },
      linkerd: { IDENTITY_MODE: 'linkerd', SIDECAR_ADDRESSES: expect.stringContaining('podIPs') },
    }[overlay];
    expect(environment).toMatchObject(wanted ?? {});
    expect(environment.REFLECTION).toBe('off');
    const mounts = api.volumeMounts.map((mount: Manifest) => mount.mountPath);
    expect(mounts.includes('/etc/sms-analytics/identity')).toBe(overlay === 'tls');
    expect('TLS_KEY_FILE' in environment).toBe(overlay === 'tls');
  });

  test('listens where the probes, the service and the scraper look', () => {
    for (const [name, table] of [
      ['api', settingsByBinary.api],
      ['ingest', settingsByBinary.ingest],
    ] as const) {
      const [container] = containersOf(find(manifests, 'Deployment', name));
      const environment = environmentOf(container, manifests);
      const ports = Object.fromEntries(
        container.ports.map((port: Manifest) => [port.name, String(port.containerPort)]),
      );
      expect(environment.ADMIN_PORT).toBe(table?.adminPort?.fallback);
      expect(ports.admin).toBe(environment.ADMIN_PORT);
      expect(environment.ADMIN_HOST).toBe('0.0.0.0');
      for (const probe of ['startupProbe', 'livenessProbe']) {
        expect(container[probe].httpGet).toEqual({ path: '/livez', port: 'admin' });
      }
      expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'admin' });
      if (name === 'api') expect(ports.grpc).toBe(environment.GRPC_PORT);
    }
    const service = find(manifests, 'Service', 'sms-analytics');
    expect(service.spec.ports).toEqual([{ name: 'grpc', port: 3030, targetPort: 'grpc' }]);
    expect(settingsByBinary.api?.grpcPort?.fallback).toBe('3030');
  });

  test('delivers each secret file by Vault, readable by its owner only', () => {
    for (const { workload, container } of ours(manifests)) {
      const { annotations } = podOf(workload).metadata;
      const environment = environmentOf(container, manifests);
      const files = Object.values(environment).flatMap(
        (value) => /^\/vault\/secrets\/(.+)$/.exec(value)?.[1] ?? [],
      );
      const prefix = 'vault.hashicorp.com/agent-inject-secret-';
      const delivered = Object.keys(annotations)
        .filter((key) => key.startsWith(prefix))
        .map((key) => key.slice(prefix.length));
      expect(delivered.sort(), workload.metadata.name).toEqual(files.sort());
      for (const file of files) {
        expect(annotations[`vault.hashicorp.com/agent-inject-perms-${file}`]).toBe('0400');
        expect(annotations[`vault.hashicorp.com/agent-inject-template-${file}`]).toContain(
          `"${annotations[`${prefix}${file}`]}"`,
        );
      }
      const ends = /Job$/.test(workload.kind);
      expect(annotations['vault.hashicorp.com/agent-pre-populate-only']).toBe(
        ends ? 'true' : undefined,
      );
    }
    expect(manifests.filter((one) => one.kind === 'Secret')).toEqual([]);
  });

  test('gives each duty a service account of its own; that of the API is the one in the policy', () => {
    const accounts = new Map<string, string>();
    for (const { workload, name } of ours(manifests)) {
      accounts.set(workload.metadata.name, podOf(workload).spec.serviceAccountName);
      const declared = find(manifests, 'ServiceAccount', podOf(workload).spec.serviceAccountName);
      expect(declared?.automountServiceAccountToken, name).toBe(false);
    }
    expect(Object.fromEntries(accounts)).toEqual({
      api: 'sms-analytics',
      ingest: 'ingest',
      'anlyt-etl': 'anlyt-etl',
      ops: 'ops',
      retain: 'ops',
      setup: 'ops',
      migrate: 'migrate',
      'migrate-clickhouse': 'migrate',
      'drop-old-copies': 'migrate',
    });
    const [policy] = documentsOf(join(projectRoot, 'deploy/policy/callers.yaml'));
    expect(policy.service.spiffeId).toMatch(/\/ns\/sms-analytics\/sa\/sms-analytics$/);
  });
});

describe.each(everywhere)('every pod of $name', ({ path }) => {
  const manifests = render(path);
  const workloads = workloadsOf(manifests);

  test('is confined', () => {
    expect(workloads.length).toBeGreaterThan(0);
    for (const workload of workloads) {
      const pod = podOf(workload).spec;
      expect(pod, workload.metadata.name).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      expect(pod.hostNetwork ?? pod.hostPID ?? pod.hostIPC).toBeUndefined();
      for (const volume of pod.volumes) expect(volume.hostPath).toBeUndefined();
      for (const container of pod.containers) {
        expect(container.securityContext).toMatchObject({
          runAsNonRoot: true,
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.securityContext.runAsUser).toBeGreaterThan(1000);
        for (const bound of ['requests', 'limits']) {
          expect(Object.keys(container.resources[bound]).sort()).toEqual(['cpu', 'memory']);
        }
      }
    }
  });

  test('comes from an image with an exact version', () => {
    for (const workload of workloads) {
      for (const { image } of containersOf(workload)) {
        expect(image).toMatch(/^[a-z0-9./-]+:\d+\.\d+\.\d+(-[a-z0-9]+)?$/);
      }
    }
  });

  test('mounts only what is declared', () => {
    for (const workload of workloads) {
      const { volumes, containers } = podOf(workload).spec;
      const claims = workload.spec.volumeClaimTemplates ?? [];
      const names = [...volumes, ...claims].map((one: Manifest) => one.name ?? one.metadata.name);
      for (const mount of containers[0].volumeMounts) expect(names).toContain(mount.name);
    }
  });

  test('that serves survives the loss of a machine and a drain', () => {
    for (const workload of workloads.filter((one) => /Deployment|StatefulSet/.test(one.kind))) {
      if (workload.spec.replicas === 0) continue;
      const labels = podOf(workload).metadata.labels;
      const selects = (selector: Manifest) =>
        Object.entries(selector).every(([key, value]) => labels[key] === value);
      expect(selects(workload.spec.selector.matchLabels)).toBe(true);
      const budget = manifests.find(
        (one) => one.kind === 'PodDisruptionBudget' && selects(one.spec.selector.matchLabels),
      );
      expect(budget, workload.metadata.name).toBeDefined();
      const spread = podOf(workload).spec.topologySpreadConstraints;
      expect(spread.some((one: Manifest) => one.topologyKey === 'kubernetes.io/hostname')).toBe(
        true,
      );
      const scaler = manifests.find(
        (one) =>
          one.kind === 'HorizontalPodAutoscaler' &&
          one.spec.scaleTargetRef.name === workload.metadata.name,
      );
      const least = workload.spec.replicas ?? scaler?.spec.minReplicas;
      expect(least).toBeGreaterThan(budget.spec.minAvailable ?? 1);
    }
  });
});

test('copies that no view reads are dropped every week, by the owner of the tables', () => {
  const cron = find(render(OVERLAYS.tls), 'CronJob', 'drop-old-copies');
  expect(cron?.spec.schedule).toMatch(/^\d+ \d+ \* \* [0-6]$/);
  const [container] = cron?.spec.jobTemplate.spec.template.spec.containers ?? [];
  expect(container.args).toEqual(['dist/src/bin/etl.js', 'drop-old']);
  expect(container.env).toContainEqual({ name: 'CLICKHOUSE_USER', value: 'anlyt_etl_owner' });
});

test('what runs in the manifests exists in the source', () => {
  for (const { container, name } of ours(render(OVERLAYS.tls))) {
    expect(existsSync(join(projectRoot, `src/bin/${name}.ts`)), container.name).toBe(true);
  }
});

test('every verb in the manifests is one that its binary has', () => {
  const etl = readFileSync(join(projectRoot, 'src/bin/etl.ts'), 'utf8');
  for (const { container, name, args } of ours(render(OVERLAYS.tls))) {
    const [verb, ...options] = args;
    if (verb === undefined) continue;
    if (name === 'etl') {
      expect(etl).toContain(`.command('${verb}'`);
      for (const option of options) expect(etl).toContain(`'${option}`);
    } else {
      const command = opsCommand().commands.find((one) => one.name() === verb);
      expect(command, container.name).toBeDefined();
      const known = command?.options.map((option) => option.long);
      for (const option of options.filter((one: string) => one.startsWith('--'))) {
        expect(known).toContain(option);
      }
    }
  }
});

test('a run beside another one is no failed job', () => {
  const job = render(OVERLAYS.tls).find(
    (one) => one.kind === 'CronJob' && one.metadata.name === 'anlyt-etl',
  );
  const { podFailurePolicy, template } = job?.spec.jobTemplate.spec ?? {};
  expect(template.spec.containers[0].args).toContain('--skip-when-busy');
  const { busy, mismatch, schema, refused, usage } = EXIT;
  const { onExitCodes } = podFailurePolicy.rules.find((rule: Manifest) => rule.onExitCodes);
  expect(onExitCodes.values).toEqual([usage, mismatch, schema, refused]);
  expect(onExitCodes.values).not.toContain(busy);
});
