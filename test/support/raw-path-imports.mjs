// Vitest imports a package by its bare path, which Node reads as a URL: a percent sign in the
// folder's name is then taken for an escape. In such a folder this module is preloaded, and turns
// those paths into URLs.

import { register } from 'node:module';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';

// Node loads hooks again in a thread of their own.
if (isMainThread) register(import.meta.url);

export function resolve(specifier, context, next) {
  const byVitest = context.parentURL?.includes('/node_modules/vitest/');
  if (!byVitest || !specifier.startsWith('/')) return next(specifier, context);
  const [path, ...query] = specifier.split('?');
  return next([pathToFileURL(path).href, ...query].join('?'), context);
}
