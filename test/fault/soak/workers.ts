// The ingest processes of a soak: two to four, killed, stopped and continued by the faults, and started again when they
// end, as a kubelet would. That one ends without having been told to is counted: outages are no reason to.

import type { Child } from '../../../deploy/local/child.js';
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
  readonly #running = new Set<Child>();
  readonly #told = new Set<Child>();
  #wanted = 0;
  #ending = false;

  constructor(site: TestSite, env: Record<string, string>) {
    this.#site = site;
    this.#env = env;
  }

  async more(): Promise<void> {
    if (this.#wanted >= MOST) return;
    this.#wanted += 1;
    await this.#start();
  }

  /** One ends in good order. */
  async less(): Promise<void> {
    if (this.#wanted <= LEAST) return;
    this.#wanted -= 1;
    const [child] = this.#running;
    if (child === undefined) return;
    this.#told.add(child);
    await child.stop();
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

  async end(): Promise<void> {
    this.#ending = true;
    for (const child of this.#running) child.kill('SIGCONT');
    await Promise.all([...this.#running].map((child) => child.stop()));
  }

  #one(draw: number): Child | undefined {
    const children = [...this.#running];
    return children[draw % children.length];
  }

  async #start(): Promise<void> {
    const child = await this.#site.spawn('ingest', this.#env);
    this.#running.add(child);
    void child.exited.then(async (how) => {
      this.#running.delete(child);
      if (this.#ending) return;
      if (child.tail(5).includes('could not start')) this.startsRefused += 1;
      else if (!this.#told.has(child)) this.gaveUp.push(`${how}: ${child.tail(5)}`);
      await new Promise((resolve) => setTimeout(resolve, RESTART_DELAY_MS));
      if (!this.#ending && this.#running.size < this.#wanted) await this.#start();
    });
  }
}
