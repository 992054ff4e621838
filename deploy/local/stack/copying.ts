// The copy to ClickHouse while the local stack runs: the etl job again and again, as a CronJob
// would start it. A run that fails is said once and tried again at its next time; the stack goes
// on.

import { type Child, startChild } from '../engines/child.js';
import { say } from '../toolchain/steps.js';
import { type Site, serviceChild } from './services.js';

const FIRST_AFTER_MS = 5_000;
const EVERY_MS = 30_000;

/**
 * Starts a run every 30 s, never two at once; returns what ends it and waits for the run at work.
 */
export function copyPeriodically(site: Site): () => Promise<void> {
  let stopped = false;
  let running: Child | undefined;
  let lastTrouble = '';
  let timer = setTimeout(next, FIRST_AFTER_MS);
  function next(): void {
    void copyOnce().finally(() => {
      if (!stopped) timer = setTimeout(next, EVERY_MS);
    });
  }
  async function copyOnce(): Promise<void> {
    let trouble = '';
    try {
      running = await startChild(serviceChild('etl', site));
      const how = await running.exited;
      if (how !== 'exited with code 0') trouble = `${how}:\n${running.tail(5)}`;
    } catch (error) {
      trouble = String(error);
    }
    running = undefined;
    if (stopped) return;
    if (trouble && trouble !== lastTrouble) say(`Copying to ClickHouse failed, etl ${trouble}`);
    if (!trouble && lastTrouble) say('Copying to ClickHouse works again.');
    lastTrouble = trouble;
  }
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running?.stop(10_000);
  };
}
