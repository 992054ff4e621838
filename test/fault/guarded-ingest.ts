// What the guard's tests do to a site: processes with a known side door, copies of an engine's
// directory put back, and the truth over everything that was ever published, as the stream itself
// forgets.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Child } from '../../deploy/local/engines/child.js';
import { freePorts } from '../../deploy/local/engines/ports.js';
import type { Publication } from '../../deploy/local/traffic/schedule.js';
import type { Stored } from '../oracle/judge.js';
import { ledgerOf } from '../oracle/ledger.js';
import { cellDifferences, cellsOf, readCells } from '../oracle/rollup-cells.js';
import type { TestSite } from '../support/site.js';
import { lotsAt } from '../support/traffic-of-the-hour.js';

/**
 * Valid traffic of the last hours in lots of `size`, in the order of publishing: later lots report
 * on earlier ones.
 */
export const lotsOf = (count: number, size: number, seed: number): Publication[][] =>
  lotsAt(Date.now(), count, size, seed);

/** An ingest process and what it says of itself. */
export interface Counter {
  readonly child: Child;
  /** The status of /readyz; 0 where nobody answers. */
  readyStatus(): Promise<number>;
  /** The value of a metric without labels of its own. */
  metric(name: string): Promise<number>;
  /** What it has logged since `forget`. */
  log(): string;
  /** What was logged until now is no proof of what comes. */
  forget(): void;
}

export async function startCounter(
  site: TestSite,
  env: Record<string, string> = {},
  args: readonly string[] = [],
): Promise<Counter> {
  const [port = 0] = await freePorts(1);
  const child = await site.spawn('ingest', { ADMIN_PORT: String(port), ...env }, args);
  const readyStatus = () =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ status }) => status,
      () => 0,
    );
  const metric = async (name: string) => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(new RegExp(`^${name}\\S* (\\S+)$`, 'm').exec(text)?.[1]);
  };
  const all = () => readFileSync(child.logFile, 'utf8');
  let forgotten = 0;
  const forget = () => {
    forgotten = all().length;
  };
  return { child, readyStatus, metric, log: () => all().slice(forgotten), forget };
}

/** Waits until `probe` holds; rejects after `timeoutMs`. */
export async function until(
  what: string,
  probe: () => Promise<boolean> | boolean,
  timeoutMs = 120_000,
): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !(await probe()); ) {
    if (Date.now() > deadline) throw new Error(`never came: ${what}`);
    await sleep(50);
  }
}

/**
 * The process has noticed what happened, says which command helps, and takes itself out of service.
 */
export async function untilRefusing(
  counter: Counter,
  what: string,
  command: string,
): Promise<void> {
  const says = new RegExp(`${what}[^"]* Run: ${command}`);
  await until(`the log says ${says}`, () => says.test(counter.log()));
  await until('/readyz fails', async () => (await counter.readyStatus()) === 503);
  expect(counter.child.running).toBe(true);
}

/** All that was published, whatever became of the stream it was published to. */
export class Published {
  readonly #stored: Stored[] = [];

  constructor(private readonly site: TestSite) {}

  async publish(lot: readonly Publication[]): Promise<void> {
    await this.site.publish(lot);
    const storedAt = Date.now() * 1000;
    for (const { subject, payload, headers } of lot) {
      const contentType = headers['content-type'] ?? '';
      this.#stored.push({ subject, payload, contentType, storedAt });
    }
  }

  /** The rollups equal the oracle's over all of it. */
  async expectCells(): Promise<void> {
    const expected = cellsOf(ledgerOf(this.#stored));
    let differences: readonly string[] = ['not looked yet'];
    // The durable can be at rest before it was moved; so the numbers themselves are waited for.
    for (const deadline = Date.now() + 120_000; differences.length > 0; await sleep(250)) {
      await this.site.drained();
      differences = cellDifferences(await readCells(this.site.database), expected);
      if (Date.now() > deadline) break;
    }
    expect(differences.slice(0, 12)).toEqual([]);
  }

  /** The same, and nothing was refused. */
  async expectCounted(): Promise<void> {
    await this.expectCells();
    const { rows } = await this.site.database.query(
      `SELECT reason, event_id FROM dead_letter WHERE reason <> 'conflict'`,
    );
    expect(rows).toEqual([]);
  }
}

/** All cells of all rollups, to see whether anything moves. */
export async function fingerprint(site: TestSite): Promise<string> {
  return JSON.stringify([...(await readCells(site.database))].sort());
}

/** Copies a stopped engine's directory with owners and times. */
export function copyDirectory(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to]);
}

/** Puts an older copy in the place of a stopped engine's directory. */
export function putBack(copy: string, place: string): void {
  execFileSync('rm', ['-rf', place]);
  copyDirectory(copy, place);
}
