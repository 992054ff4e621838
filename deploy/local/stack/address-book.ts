// `.local/stack.json`: where everything is while a stack runs, for people's scripts (contract
// section 5). Each stack also keeps its own beside its data, so that several stacks do not hide one
// another.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { natsUrl } from '../engines/nats-server.js';
import { projectRoot } from '../toolchain/project.js';
import type { Site } from './services.js';

export interface AddressBook {
  readonly grpc: string;
  readonly admin: { readonly api: string; readonly ingest: string };
  readonly nats: Readonly<Record<'billing' | 'dlr' | 'ingest' | 'ops', string>>;
  readonly postgres: string;
  readonly clickhouse: string;
  readonly tls: {
    readonly ca: string;
    readonly identities: Readonly<Record<string, { readonly cert: string; readonly key: string }>>;
  };
  readonly pids: Readonly<Record<string, number>>;
  /** Where the stack keeps what lasts between runs. */
  readonly dataDir: string;
}

/**
 * Where people's scripts look; STACK_ADDRESS_BOOK names another file, for stacks that should not be
 * found there.
 */
const SHARED = process.env.STACK_ADDRESS_BOOK || join(projectRoot, '.local/stack.json');

export function addressBook(site: Site, pids: Readonly<Record<string, number>>): AddressBook {
  const { credentials, ports, tls } = site;
  const nats = (user: 'billing' | 'dlr' | 'ingest' | 'ops') =>
    natsUrl(user, credentials.nats, ports.nats);
  const { 'sms-analytics': _own, ...identities } = tls.identities;
  return {
    grpc: `localhost:${ports.grpc}`,
    admin: {
      api: `http://127.0.0.1:${ports.apiAdmin}`,
      ingest: `http://127.0.0.1:${ports.ingestAdmin}`,
    },
    nats: { billing: nats('billing'), dlr: nats('dlr'), ingest: nats('ingest'), ops: nats('ops') },
    postgres: site.databaseUrl,
    clickhouse: `http://127.0.0.1:${ports.clickhouse}`,
    tls: { ca: tls.ca, identities },
    pids,
    dataDir: site.dataDir,
  };
}

/**
 * Publishes the address book; returns what withdraws it. The shared one is the newest stack's; when
 * that stack ends, it is given back to the one that had it, if that still runs.
 */
export function publishAddressBook(book: AddressBook): () => void {
  const own = join(book.dataDir, 'stack.json');
  const earlier = readAddressBook();
  for (const file of [own, SHARED]) write(file, book);
  return () => {
    rmSync(own, { force: true });
    const shared = readAddressBook();
    if (shared?.dataDir !== book.dataDir || shared.pids.nats !== book.pids.nats) return;
    if (earlier !== undefined && earlier.dataDir !== book.dataDir && runs(earlier)) {
      write(SHARED, earlier);
    } else {
      rmSync(SHARED, { force: true });
    }
  };
}

function write(file: string, book: AddressBook): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, `${JSON.stringify(book, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.${process.pid}`, file);
}

function runs(book: AddressBook): boolean {
  try {
    process.kill(book.pids.nats ?? 0, 0);
    return existsSync(join(book.dataDir, 'stack.json'));
  } catch {
    return false;
  }
}

/** The address book of the stack that was started last; undefined when there is none. */
export function readAddressBook(): AddressBook | undefined {
  try {
    return JSON.parse(readFileSync(SHARED, 'utf8')) as AddressBook;
  } catch {
    return undefined;
  }
}
