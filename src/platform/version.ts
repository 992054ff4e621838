// The version of what runs, from the package that it is part of.
import { existsSync, readFileSync } from 'node:fs';

/** The package's version; compiled files stand one folder deeper than their sources. */
export const VERSION: string = readVersion();

function readVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    const file = new URL(path, import.meta.url);
    if (existsSync(file)) return String(JSON.parse(readFileSync(file, 'utf8')).version);
  }
  return 'unknown';
}
