// The manifests as a cluster would get them: the part of kustomize that deploy/ uses (resources,
// strategic-merge patches, generated ConfigMaps, images), without its name suffixes. Where kubectl
// is at hand, a test compares the two.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';

// biome-ignore lint/suspicious/noExplicitAny: manifests have as many shapes as there are kinds
export type Manifest = any;

interface Kustomization {
  readonly namespace?: string;
  readonly resources?: readonly string[];
  readonly patches?: readonly { readonly path: string }[];
  readonly images?: readonly { readonly name: string; readonly newTag: string }[];
  readonly configMapGenerator?: readonly {
    readonly name: string;
    readonly behavior?: string;
    readonly literals?: readonly string[];
    readonly files?: readonly string[];
  }[];
}

const CLUSTER_WIDE = new Set(['Namespace']);

/** All documents of a file. Throws on anything that is not strict YAML (a doubled key, for one). */
export function documentsOf(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(file, 'utf8'), { uniqueKeys: true }).map((document) => {
    if (document.errors.length > 0) throw new Error(`${file}: ${document.errors[0]?.message}`);
    return document.toJS();
  });
}

/** The kustomization of a directory below the project's root. */
export function kustomizationOf(directory: string): Kustomization {
  return parse(readFileSync(join(projectRoot, directory, 'kustomization.yaml'), 'utf8'));
}

/**
 * Everything that `kubectl apply -k <directory>` would apply. `directory` is below the project's
 * root.
 */
export function render(directory: string): Manifest[] {
  const kustomization = kustomizationOf(directory);
  const manifests = (kustomization.resources ?? []).flatMap((resource) => {
    const path = join(directory, resource);
    const file = join(projectRoot, path);
    if (!existsSync(file)) throw new Error(`${directory}: ${resource} does not exist`);
    return statSync(file).isDirectory() ? render(path) : documentsOf(file);
  });
  for (const generator of kustomization.configMapGenerator ?? []) {
    generate(directory, generator, manifests);
  }
  for (const { path } of kustomization.patches ?? []) {
    for (const patch of documentsOf(join(projectRoot, directory, path))) {
      const target = manifests.find((one) => sameObject(one, patch));
      if (!target) throw new Error(`${directory}: ${path} patches nothing`);
      mergeMap(target, patch);
    }
  }
  for (const manifest of manifests) {
    if (kustomization.namespace && !CLUSTER_WIDE.has(manifest.kind)) {
      manifest.metadata.namespace = kustomization.namespace;
    }
    for (const container of containersOf(manifest)) {
      const image = kustomization.images?.find(({ name }) => name === container.image);
      if (image) container.image = `${image.name}:${image.newTag}`;
    }
  }
  return manifests;
}

function generate(
  directory: string,
  generator: NonNullable<Kustomization['configMapGenerator']>[number],
  manifests: Manifest[],
): void {
  const literals = (generator.literals ?? []).map((literal) => {
    const at = literal.indexOf('=');
    return [literal.slice(0, at), literal.slice(at + 1)];
  });
  const files = (generator.files ?? []).map((name) => [
    name,
    readFileSync(join(projectRoot, directory, name), 'utf8'),
  ]);
  const data = Object.fromEntries([...literals, ...files]);
  const metadata = { name: generator.name };
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
  const present = manifests.find((one) => sameObject(one, map));
  if (generator.behavior !== 'merge') manifests.push(map);
  else if (present) Object.assign(present.data, data);
  else throw new Error(`${directory}: there is no ConfigMap ${generator.name} to merge into`);
}

function sameObject(one: Manifest, other: Manifest): boolean {
  return one.kind === other.kind && one.metadata.name === other.metadata.name;
}

/**
 * By which field the items of these lists are the same; all other lists are replaced as a whole.
 */
const LIST_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
};

function mergeMap(target: Manifest, patch: Manifest): void {
  for (const [key, value] of Object.entries(patch)) {
    const listKey = LIST_KEYS[key];
    if (value === null) delete target[key];
    else if (Array.isArray(value) && listKey && Array.isArray(target[key])) {
      target[key] = mergeList(target[key], value, listKey);
    } else if (isMap(value) && isMap(target[key])) mergeMap(target[key], value);
    else target[key] = value;
  }
}

/** What the patch adds comes first, as kustomize has it. */
function mergeList(target: Manifest[], patch: Manifest[], key: string): Manifest[] {
  const added: Manifest[] = [];
  for (const item of patch) {
    const same = target.find((one) => one[key] === item[key]);
    if (same) mergeMap(same, item);
    else added.push(item);
  }
  return [...added, ...target];
}

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The pod template of a workload: its metadata and spec. */
export function podOf(manifest: Manifest): Manifest | undefined {
  return manifest.spec?.jobTemplate?.spec?.template ?? manifest.spec?.template;
}

export function containersOf(manifest: Manifest): Manifest[] {
  return podOf(manifest)?.spec?.containers ?? [];
}

/** Workloads: whatever makes pods. */
export function workloadsOf(manifests: readonly Manifest[]): Manifest[] {
  return manifests.filter((manifest) => podOf(manifest)?.spec?.containers);
}

/**
 * The environment of a container, ConfigMaps resolved; a value that only the cluster knows is
 * `<from …>`.
 */
export function environmentOf(
  container: Manifest,
  manifests: readonly Manifest[],
): Record<string, string> {
  const maps = (container.envFrom ?? []).map(
    ({ configMapRef }: Manifest) =>
      manifests.find((one) => one.kind === 'ConfigMap' && one.metadata.name === configMapRef.name)
        .data,
  );
  const own = (container.env ?? []).map(({ name, value, valueFrom }: Manifest) => [
    name,
    value ?? `<from ${JSON.stringify(valueFrom)}>`,
  ]);
  return Object.assign({}, ...maps, Object.fromEntries(own));
}
