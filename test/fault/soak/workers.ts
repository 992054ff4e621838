// The ingest processes of a soak: two to four, killed, stopped and continued by the faults, and
// started again when they end, as a kubelet would; and one more that fills a new generation during
// a rebuild. That one ends without having been told to is counted: outages are no reason to, a
// generation that does not serve any more is.

import { readFileSync } from 'node:fs';
import type { Child } from '../../../deploy/local/engines/child.js';
import type { TestSite } from '../../support/site.js';

const MOST = 4;
const LEAST = 2;
const RESTART_DELAY_MS = 300;

export class Workers {
  /** Ended by themselves in the middle of their work: their last words. */
  readonly gaveUp: string[] = [];
  /** Could not start because an engine was away just then; tried again. */
  startsRefused = 0;
  readonly #site: TestSite;
  readonly #env: Record<string, string>;
  /** With the generation that each one fills; undefined for the serving one. */
  readonly #running = new Map<Child, number | undefined>();
  readonly #told = new Set<Child>();
  readonly #listenedTo = new Map<Child, number>();
  #wanted = 0;
  #filling: number | undefined;
  #ending = false;

  constructor(site: TestSite, env: Record<string, string>) {
    this.#site = site;
    this.#env = env;
  }

  async more(): Promise<void> {
    if (this.#wanted >= MOST) return;
    this.#wanted += 1;
    await this.#start(undefined);
  }

  /** One ends in good order. */
  async less(): Promise<void> {
    if (this.#wanted <= LEAST) return;
    this.#wanted -= 1;
    const child = this.#of(undefined)[0];
    if (child !== undefined) await this.#stop(child);
  }

  /** One process for a generation that is being built, until `filled`. */
  async fill(generation: number): Promise<void> {
    this.#filling = generation;
    await this.#start(generation);
  }

  async filled(): Promise<void> {
    const children = this.#of(this.#filling);
    this.#filling = undefined;
    await Promise.all(children.map((child) => this.#stop(child)));
  }

  /** As a crash would: nothing is finished, nothing acknowledged. */
  kill(draw: number): void {
    const child = this.#one(draw);
    if (child === undefined) return;
    this.#told.add(child);
    child.kill('SIGKILL');
  }

  /** Freezes one; the broker gives what it holds to others, and then it wakes up and goes on. */
  freeze(draw: number, forMs: number): void {
    const child = this.#one(draw);
    if (child === undefined) return;
    child.kill('SIGSTOP');
    setTimeout(() => child.kill('SIGCONT'), forMs).unref();
  }

  /** What was logged until now is no answer to what happens next. */
  listen(): void {
    this.#listenedTo.clear();
    for (const child of this.#running.keys()) this.#listenedTo.set(child, logOf(child).length);
  }

  /** The command of ops that one of them names since `listen`, because of `what`. */
  order(what: string): string | undefined {
    const names = new RegExp(`${what}[^"]* Run: ops ([a-z0-9 -]+)`);
    for (const child of this.#running.keys()) {
      const command = names.exec(logOf(child).slice(this.#listenedTo.get(child) ?? 0))?.[1];
      if (command !== undefined) return command;
    }
    return undefined;
  }

  /** What each of them logged last, for whoever has to find out why nothing moves. */
  lastWords(): string {
    const words = [...this.#running].map(([child, generation]) => {
      const tail = child.tail(4).slice(-1_500);
      return `pid ${child.pid}, generation ${generation ?? 'serving'}:\n${tail}`;
    });
    return words.join('\n');
  }

  async end(): Promise<void> {
    this.#ending = true;
    const children = [...this.#running.keys()];
    for (const child of children) child.kill('SIGCONT');
    await Promise.all(children.map((child) => child.stop()));
  }

  #of(generation: number | undefined): Child[] {
    return [...this.#running].flatMap(([child, its]) => (its === generation ? [child] : []));
  }

  #one(draw: number): Child | undefined {
    const children = [...this.#running.keys()];
    return children[draw % children.length];
  }

  async #stop(child: Child): Promise<void> {
    this.#told.add(child);
    child.kill('SIGCONT');
    await child.stop();
  }

  async #start(generation: number | undefined): Promise<void> {
    const args = generation === undefined ? [] : ['--generation', String(generation)];
    const child = await this.#site.spawn('ingest', this.#env, args);
    this.#running.set(child, generation);
    void child.exited.then(async (how) => {
      this.#running.delete(child);
      if (this.#ending) return;
      this.#note(child, how);
      await new Promise((resolve) => setTimeout(resolve, RESTART_DELAY_MS));
      if (!this.#ending && this.#missing(generation)) await this.#start(generation);
    });
  }

  #note(child: Child, how: string): void {
    const last = child.tail(5);
    if (last.includes('could not start')) this.startsRefused += 1;
    // It ends well, untold, when a swap has retired its generation.
    else if (how === 'exited with code 0') return;
    else if (!this.#told.has(child)) this.gaveUp.push(`${how}: ${last}`);
  }

  #missing(generation: number | undefined): boolean {
    if (generation === undefined) return this.#of(undefined).length < this.#wanted;
    return generation === this.#filling && this.#of(generation).length === 0;
  }
}

function logOf(child: Child): string {
  return readFileSync(child.logFile, 'utf8');
}
