// Writes the meshes' authorisation policies from deploy/policy/callers.yaml, the same file that the
// service itself enforces, so that the two can never disagree: `npm run manifests`. `--check`
// changes nothing and exits 1 where a file is not what would be written. Invariant: what the file
// does not list, the mesh refuses.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';

const here = fileURLToPath(new URL('.', import.meta.url));
const callers = parse(readFileSync(join(here, '../policy/callers.yaml'), 'utf8')).callers;

const PORT = '3030';
/** Matches that one rule of a route may have. */
const MOST_MATCHES = 8;
const SELECTOR = {
  'app.kubernetes.io/name': 'sms-analytics',
  'app.kubernetes.io/component': 'api',
};
const HEADER =
  '# Generated from deploy/policy/callers.yaml by `npm run manifests`; change that file, never this one.\n';

/**
 * Istio: per caller one policy that allows its principal its methods, and nothing else on the port.
 */
function istioPolicies() {
  return Object.entries(callers).map(([name, caller]) => ({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: `grpc-${name}` },
    spec: {
      selector: { matchLabels: SELECTOR },
      action: 'ALLOW',
      rules: [
        {
          from: [{ source: { principals: [caller.spiffeId.slice('spiffe://'.length)] } }],
          to: [
            {
              operation: {
                ports: [PORT],
                methods: ['POST'],
                paths: caller.methods.map((method) => `/${method}`),
              },
            },
          ],
        },
      ],
    },
  }));
}

/**
 * Linkerd: a request belongs to one route, so methods are grouped by the set of callers that may
 * call them; per group one route, one list of identities, and one policy that joins the two.
 */
function linkerdPolicies() {
  const groups = new Map();
  for (const [name, caller] of Object.entries(callers)) {
    if (caller.linkerdName === undefined) continue;
    for (const method of caller.methods) groups.set(method, [...(groups.get(method) ?? []), name]);
  }
  const methodsByCallers = new Map();
  for (const [method, names] of groups) {
    const key = names.sort().join('-and-');
    methodsByCallers.set(key, [...(methodsByCallers.get(key) ?? []), method]);
  }
  return [...methodsByCallers].flatMap(([key, methods]) => {
    const name = `grpc-${key}`;
    const identities = groups.get(methods[0]).map((caller) => callers[caller].linkerdName);
    return [
      {
        apiVersion: 'policy.linkerd.io/v1beta3',
        kind: 'HTTPRoute',
        metadata: { name },
        spec: {
          parentRefs: [{ group: 'policy.linkerd.io', kind: 'Server', name: 'grpc' }],
          rules: chunks(methods, MOST_MATCHES).map((some) => ({
            matches: some.map((method) => ({
              path: { type: 'Exact', value: `/${method}` },
              method: 'POST',
            })),
          })),
        },
      },
      {
        apiVersion: 'policy.linkerd.io/v1alpha1',
        kind: 'MeshTLSAuthentication',
        metadata: { name },
        spec: { identities },
      },
      {
        apiVersion: 'policy.linkerd.io/v1alpha1',
        kind: 'AuthorizationPolicy',
        metadata: { name },
        spec: {
          targetRef: { group: 'policy.linkerd.io', kind: 'HTTPRoute', name },
          requiredAuthenticationRefs: [
            { group: 'policy.linkerd.io', kind: 'MeshTLSAuthentication', name },
          ],
        },
      },
    ];
  });
}

function chunks(items, size) {
  const result = [];
  for (let start = 0; start < items.length; start += size) {
    result.push(items.slice(start, start + size));
  }
  return result;
}

const outputs = {
  'overlays/istio/callers.yaml': istioPolicies(),
  'overlays/linkerd/callers.yaml': linkerdPolicies(),
};
const check = process.argv.includes('--check');
const stale = [];
for (const [path, documents] of Object.entries(outputs)) {
  const text = HEADER + documents.map((document) => stringify(document)).join('---\n');
  const file = join(here, path);
  let present = '';
  try {
    present = readFileSync(file, 'utf8');
  } catch {
    // Not written yet.
  }
  if (present === text) continue;
  stale.push(path);
  if (!check) writeFileSync(file, text);
}
process.stdout.write(
  stale.length === 0
    ? 'The mesh policies are current.\n'
    : `${check ? 'Stale' : 'Written'}: ${stale.join(', ')}\n`,
);
if (check && stale.length > 0) process.exit(1);
