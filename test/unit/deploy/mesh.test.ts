// The meshes' policies, judged request by request as the meshes judge them, against the policy file
// as the service reads it: for every identity and every method that the port can have, all three
// say the same. And the same file against the network policies, which know namespaces only.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { loadPolicy } from '../../../src/api/authorisation/policy.js';
import { ALL_METHODS } from '../../../src/api/server/methods.js';
import { type Manifest, render } from './manifests.js';

const policy = loadPolicy(join(projectRoot, 'deploy/policy/callers.yaml'), ALL_METHODS);
const istio = render('deploy/kubernetes/overlays/istio');
const linkerd = render('deploy/kubernetes/overlays/linkerd');
const API = { 'app.kubernetes.io/name': 'sms-analytics', 'app.kubernetes.io/component': 'api' };
const methods = [...ALL_METHODS, 'sms.analytics.v1.AnalyticsService/DropEverything'];

interface Request {
  readonly method: string;
  readonly path: string;
  readonly port: string;
}

const rpc = (method: string): Request => ({ method: 'POST', path: `/${method}`, port: '3030' });

/**
 * Istio: with any ALLOW policy on a workload, a request passes where some rule of one of them
 * matches.
 */
function istioAllows(principal: string, request: Request): boolean {
  const policies = istio.filter((one) => one.kind === 'AuthorizationPolicy');
  expect(policies.every((one) => (one.spec.action ?? 'ALLOW') === 'ALLOW')).toBe(true);
  return policies
    .filter(({ spec }) => selects(spec.selector?.matchLabels ?? {}, API))
    .flatMap(({ spec }) => spec.rules ?? [])
    .some(
      (rule: Manifest) =>
        rule.from.some(({ source }: Manifest) => source.principals.includes(principal)) &&
        rule.to.some(
          ({ operation }: Manifest) =>
            operation.ports.includes(request.port) &&
            operation.methods.includes(request.method) &&
            operation.paths.includes(request.path),
        ),
    );
}

/** Linkerd: the request's route must have a policy whose authentication names the identity. */
function linkerdAllows(identity: string, server: string, request: Request): boolean {
  const routes = linkerd.filter(
    (one) =>
      one.kind === 'HTTPRoute' &&
      one.spec.parentRefs.some((parent: Manifest) => parent.name === server) &&
      one.spec.rules.some((rule: Manifest) =>
        rule.matches.some(
          (match: Manifest) =>
            match.path.type === 'Exact' &&
            match.path.value === request.path &&
            match.method === request.method,
        ),
      ),
  );
  // A request belongs to one route: were there two, which one counts would depend on their age.
  expect(routes.length).toBeLessThanOrEqual(1);
  return linkerd
    .filter(
      (one) =>
        one.kind === 'AuthorizationPolicy' && one.spec.targetRef.name === routes[0]?.metadata.name,
    )
    .some((one) =>
      one.spec.requiredAuthenticationRefs.every((reference: Manifest) => {
        const authentication = linkerd.find(
          ({ kind, metadata }) => kind === reference.kind && metadata.name === reference.name,
        );
        return authentication.kind === 'NetworkAuthentication'
          ? true
          : authentication.spec.identities.includes(identity);
      }),
    );
}

function selects(selector: Manifest, labels: Record<string, string>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

const spiffe = (path: string) => `spiffe://sms.example/${path}`;
const strangers = [
  'ns/sms-analytics/sa/ops',
  'ns/sms-analytics/sa/anlyt-etl',
  'ns/stranger/sa/stranger',
  'ns/admin-dashboard-evil/sa/admin-dashboard',
  'ns/admin-dashboard/sa/default',
].map(spiffe);

describe('the policies of Istio', () => {
  test('allow exactly what the policy file allows', () => {
    const ids = [...policy.callers.map((caller) => String(caller.spiffeId)), ...strangers];
    for (const id of ids) {
      const caller = policy.callers.find((one) => one.spiffeId === id);
      for (const method of methods) {
        const allowed = istioAllows(id.slice('spiffe://'.length), rpc(method));
        expect(allowed, `${id} ${method}`).toBe(caller?.methods.has(method) ?? false);
      }
    }
  });

  test('demand mutual TLS on every port and deny what no policy names', () => {
    const peers = istio.filter((one) => one.kind === 'PeerAuthentication');
    expect(peers.map((one) => one.spec)).toEqual([{ mtls: { mode: 'STRICT' } }]);
    const nothing = istio.find(
      (one) =>
        one.metadata.name === 'default-deny' &&
        one.spec.rules === undefined &&
        one.kind === 'AuthorizationPolicy',
    );
    expect(nothing?.spec).toEqual({});
  });

  test('let only the scraper read metrics, and nothing else of the admin port', () => {
    const metrics = { method: 'GET', path: '/metrics', port: '9464' };
    expect(istioAllows('sms.example/ns/monitoring/sa/prometheus', metrics)).toBe(true);
    for (const { spiffeId } of policy.callers) {
      expect(istioAllows(spiffeId.slice('spiffe://'.length), metrics)).toBe(false);
    }
    const call = rpc('sms.analytics.v1.AnalyticsService/GetSummary');
    expect(istioAllows('sms.example/ns/monitoring/sa/prometheus', call)).toBe(false);
  });

  test('name the service as the policy file does, so that a header for another service does not count', () => {
    expect(policy.ownId).toBe(spiffe('ns/sms-analytics/sa/sms-analytics'));
    const api = istio.find((one) => one.kind === 'Deployment' && one.metadata.name === 'api');
    expect(`ns/${api.metadata.namespace}/sa/${api.spec.template.spec.serviceAccountName}`).toBe(
      'ns/sms-analytics/sa/sms-analytics',
    );
  });
});

describe('the policies of Linkerd', () => {
  test('allow exactly what the policy file allows', () => {
    const names = [
      ...policy.callers.map((caller) => caller.linkerdName ?? ''),
      'ops.sms-analytics.serviceaccount.identity.linkerd.cluster.local',
      'admin-dashboard.admin-dashboard-evil.serviceaccount.identity.linkerd.cluster.local',
    ];
    for (const name of names) {
      const caller = policy.callers.find((one) => one.linkerdName === name);
      for (const method of methods) {
        const allowed = linkerdAllows(name, 'grpc', rpc(method));
        expect(allowed, `${name} ${method}`).toBe(caller?.methods.has(method) ?? false);
      }
    }
  });

  test('deny by default on every port of every meshed pod', () => {
    for (const server of linkerd.filter((one) => one.kind === 'Server')) {
      expect(server.spec.accessPolicy).toBe('deny');
    }
    const pods = linkerd.filter(
      (one) => one.spec?.template?.metadata?.annotations?.['linkerd.io/inject'],
    );
    expect(pods.map((one) => one.metadata.name).sort()).toEqual(['api', 'ingest']);
    for (const { spec } of pods) {
      const { annotations } = spec.template.metadata;
      expect(annotations['config.linkerd.io/default-inbound-policy']).toBe('deny');
    }
  });

  test('let anyone probe, and only the scraper read metrics', () => {
    const get = (path: string): Request => ({ method: 'GET', path, port: '9464' });
    const scraper = 'prometheus.monitoring.serviceaccount.identity.linkerd.cluster.local';
    expect(linkerdAllows(scraper, 'admin', get('/metrics'))).toBe(true);
    expect(linkerdAllows('', 'admin', get('/metrics'))).toBe(false);
    expect(linkerdAllows('', 'admin', get('/livez'))).toBe(true);
    expect(linkerdAllows('', 'admin', get('/readyz'))).toBe(true);
  });

  test('keep to eight matches per rule, the most that a route takes', () => {
    for (const route of linkerd.filter((one) => one.kind === 'HTTPRoute')) {
      for (const rule of route.spec.rules) expect(rule.matches.length).toBeLessThanOrEqual(8);
    }
  });
});

test('the generated files are what the generator writes', () => {
  const script = join(projectRoot, 'deploy/kubernetes/mesh-policies.mjs');
  const done = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect(done.stdout).toBe('The mesh policies are current.\n');
});

describe.each([
  { name: 'tls', manifests: render('deploy/kubernetes/overlays/tls') },
  { name: 'istio', manifests: istio },
  { name: 'linkerd', manifests: linkerd },
])('the network of $name', ({ manifests }) => {
  const policies = manifests.filter((one) => one.kind === 'NetworkPolicy');
  const workloads = manifests.filter((one) => /Deployment|Job/.test(one.kind));
  const podLabels = (workload: Manifest): Record<string, string> =>
    (workload.spec.jobTemplate?.spec ?? workload.spec).template.metadata.labels;

  const applies = ({ spec }: Manifest, labels: Record<string, string>): boolean =>
    selects(spec.podSelector.matchLabels ?? {}, labels) &&
    (spec.podSelector.matchExpressions ?? []).every(({ key, operator, values }: Manifest) => {
      expect(operator).toBe('In');
      return values.includes(labels[key] ?? '');
    });

  /** `namespace:port` of everything that pods with these labels may reach, or be reached from. */
  function openings(labels: Record<string, string>, way: 'egress' | 'ingress'): string[] {
    const peersOf = way === 'egress' ? 'to' : 'from';
    return policies
      .filter((one) => applies(one, labels))
      .flatMap(({ spec }) => spec[way] ?? [])
      .flatMap((rule: Manifest) => {
        // A rule without peers or without ports would open everything.
        expect(rule[peersOf].length).toBeGreaterThan(0);
        expect(rule.ports.length).toBeGreaterThan(0);
        return rule[peersOf].flatMap(({ namespaceSelector }: Manifest) => {
          const namespace = namespaceSelector.matchLabels['kubernetes.io/metadata.name'];
          expect(namespace).toMatch(/^[a-z-]+$/);
          return rule.ports.map(({ port }: Manifest) => `${namespace}:${port}`);
        });
      })
      .filter((one: string) => !/^(kube-system:53|vault:8200|istio-system:|linkerd:)/.test(one))
      .sort();
  }

  test('is closed where nothing opens it', () => {
    const deny = policies.find((one) => one.metadata.name === 'default-deny');
    expect(deny.spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  });

  test.each([
    ['api', ['postgres:5432']],
    ['ingest', ['nats:4222', 'postgres:5432']],
    ['anlyt-etl', ['clickhouse:8443', 'postgres:5432']],
    ['migrate-clickhouse', ['clickhouse:8443', 'postgres:5432']],
    ['ops', ['nats:4222', 'postgres:5432']],
    ['setup', ['nats:4222', 'postgres:5432']],
    ['retain', ['postgres:5432']],
    ['migrate', ['postgres:5432']],
  ])('lets %s reach %j only', (name, expected) => {
    const workload = workloads.find((one) => one.metadata.name === name);
    expect(openings(podLabels(workload), 'egress')).toEqual(expected);
  });

  test('knows every workload', () => {
    expect(workloads).toHaveLength(9);
  });

  test('lets the callers of the policy file reach the API, and the scraper its metrics', () => {
    const namespaces = policy.callers.map(
      (caller) => /\/ns\/([^/]+)\//.exec(caller.spiffeId)?.[1] ?? '',
    );
    const expected = [...namespaces.map((name) => `${name}:3030`), 'monitoring:9464'];
    expect(openings(API, 'ingress')).toEqual(expected.sort());
    const others = workloads.filter((one) => !['api', 'ingest'].includes(one.metadata.name));
    for (const one of others) expect(openings(podLabels(one), 'ingress')).toEqual([]);
  });
});
