// A rebuild from its start to the swap while events come in and the light faults go on: commands
// that an outage interrupts are run again, as their messages say.

import { setTimeout as sleep } from 'node:timers/promises';
import { shortenAckWait } from './broker.js';
import type { Stage } from './stage.js';

const PATIENCE_MS = 300_000;

/**
 * Resolves when the new generation serves and the old one is gone; rejects where it does not come
 * to that.
 */
export async function rebuildAndSwap(stage: Stage): Promise<void> {
  const { site, workers, say } = stage;
  await patiently(() => site.ops('rebuild', 'start', '--yes'));
  const next = await patiently(() => generationIn(stage, 'building'));
  await patiently(() => shortenAckWait(site));
  await workers.fill(next);
  await patiently(async () => {
    // An outage after the moment of the swap leaves the cleaning to be done.
    const swapped = (await generationIn(stage, 'serving')) === next;
    await site.ops(
      'rebuild',
      ...(swapped ? ['clean', '--yes'] : ['swap', '--yes', '--wait-seconds', '20']),
    );
  });
  await workers.filled();
  say(`generation ${next} serves`);
}

async function generationIn({ site }: Stage, state: string): Promise<number> {
  const { rows } = await site.database.query<{ generation: number }>(
    'SELECT generation FROM generation WHERE state = $1',
    [state],
  );
  if (rows[0] === undefined) throw new Error(`no generation is ${state}`);
  return rows[0].generation;
}

async function patiently<T>(act: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(1_000)) {
    try {
      return await act();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
