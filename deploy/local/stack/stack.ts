// The running local stack: engines, then the project's services, then the demo traffic; and the
// same backwards. It watches every child: one that ends unasked is named, with its last words, and
// the rest is stopped in order. Invariant: whatever happens, nothing is left running, and what was
// published stays published.

import { get } from 'node:http';
import { join } from 'node:path';
import { type Child, startChild, waitUntilReady } from '../engines/child.js';
import { lockDataDir } from '../engines/directory-lock.js';
import { checkEngines, runToEnd, startEngines } from '../engines/engines.js';
import { choosePorts } from '../engines/ports.js';
import { ensureCertificates } from '../secrets/certificates.js';
import { ensureCredentials } from '../secrets/credentials.js';
import { step } from '../toolchain/steps.js';
import { addressBook, publishAddressBook } from './address-book.js';
import { copyPeriodically } from './copying.js';
import { type Site, serviceChild, trafficChild } from './services.js';

export interface StackOptions {
  /** Absolute. */
  readonly dataDir: string;
  readonly ports: 'default' | 'auto';
  /** Absent: no demo traffic. */
  readonly traffic?: { readonly rate: number; readonly seed: number; readonly days: number };
}

export interface Stack {
  readonly site: Site;
  /** Resolves with a sentence when a child ends that nobody stopped. */
  readonly failed: Promise<string>;
}

/** What is to be undone, the last first. */
export class Teardown {
  readonly #acts: { readonly name: string; readonly act: () => Promise<void> | void }[] = [];
  readonly #children = new Set<Child>();
  stopping = false;
  #done: Promise<void> | undefined;

  /** Undone at once when the teardown is under way already. */
  add(name: string, act: () => Promise<void> | void): void {
    if (this.stopping) void Promise.resolve().then(act);
    else this.#acts.push({ name, act });
  }

  /**
   * Stops the child when its turn comes; until then an end of it is reported to `onEnd`, and how it
   * came.
   */
  child(child: Child, onEnd: (sentence: string, how: string) => void): void {
    this.#children.add(child);
    this.add(child.name, () => child.stop(child.name === 'postgres' ? 30_000 : 15_000));
    void child.exited.then((how) => {
      this.#children.delete(child);
      if (!this.stopping) onEnd(`${child.name} ${how}; its last lines:\n${child.tail()}`, how);
    });
  }

  /**
   * Undoes everything in reverse order, once; a failing act does not keep the others from their
   * turn.
   */
  run(): Promise<void> {
    this.stopping = true;
    this.#done ??= (async () => {
      for (const { name, act } of [...this.#acts].reverse()) {
        await Promise.resolve()
          .then(act)
          .catch((error) => process.stderr.write(`stopping ${name}: ${error}\n`));
      }
    })();
    return this.#done;
  }

  /** Ends every child at once. */
  kill(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}

/** Starts everything; whatever was started is on `teardown`, also when this rejects. */
export async function startStack(options: StackOptions, teardown: Teardown): Promise<Stack> {
  const { dataDir } = options;
  checkEngines();
  teardown.add('lock', lockDataDir(dataDir));
  const ports = await choosePorts(options.ports);
  const credentials = ensureCredentials(dataDir);
  const tls = await step('Certificates', () => ensureCertificates(join(dataDir, 'tls')));
  let fail: (sentence: string) => void = () => {};
  const failed = new Promise<string>((resolve) => {
    fail = resolve;
  });
  const pids: Record<string, number> = {};
  const started = (child: Child, onEnd: (sentence: string, how: string) => void = fail) => {
    pids[child.name] = child.pid;
    teardown.child(child, onEnd);
  };
  const databaseUrl = await startEngines({ dataDir, ports, credentials, started });
  const site: Site = { dataDir, ports, credentials, databaseUrl, tls };
  await step('Stream and durable (ops setup)', () =>
    runToEnd(serviceChild('ops', site, ['setup'])),
  );
  const service = async (name: 'api' | 'ingest', adminPort: number) => {
    const child = await startChild(serviceChild(name, site));
    started(child, name === 'ingest' ? replaceIngest : fail);
    await waitUntilReady(child, () => isReady(`http://127.0.0.1:${adminPort}/readyz`));
  };
  // Ingest ends well, unasked, when its generation is retired (ops rebuild swap): the next one
  // counts into the new one.
  const replaceIngest = (sentence: string, how: string): void => {
    if (how !== 'exited with code 0') {
      fail(sentence);
      return;
    }
    service('ingest', ports.ingestAdmin).then(
      () => publishAddressBook(addressBook(site, pids)),
      (error) => fail(String(error)),
    );
  };
  await step('Ingest', () => service('ingest', ports.ingestAdmin));
  await step('API', () => service('api', ports.apiAdmin));
  teardown.add('copying', copyPeriodically(site));
  teardown.add('address book', publishAddressBook(addressBook(site, pids)));
  if (options.traffic) {
    const { rate, seed, days } = options.traffic;
    const child = await startChild(trafficChild(site, rate, seed, days));
    started(child);
    publishAddressBook(addressBook(site, pids));
  }
  return { site, failed };
}

function isReady(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
  });
}
