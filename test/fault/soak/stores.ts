// Stores that lose their newest part, or all: what no waiting heals. The guard notices, stops
// counting and names a command of ops; exactly that command is run, as a person would, and the
// producers publish again what was not retained.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { copyDirectory, putBack } from '../guarded-ingest.js';
import { deleteStream, lastSequence, servingDurable, shortenAckWait, until } from './broker.js';
import type { Stage } from './stage.js';
import { verdict } from './verdict.js';

/** So that sequences are used again, and batches are waiting, while counting is forbidden. */
const REFUSING_MS = 1_500;

/** Everything published after the copy is gone from the stream, counted or not. */
export async function rollBackStream(stage: Stage, draw: number): Promise<void> {
  const { site, load, workers, removed } = stage;
  await verifyBeforeHealing(stage);
  const copy = copyName(stage, 'nats');
  await site.nats.stop();
  copyDirectory(site.nats.dataDir, copy);
  await site.nats.start();
  const kept = await lastSequence(site);
  await until('counted past the copy', async () => (await highestCounted(stage)) > kept);
  await sleep(draw % 3_000);
  await load.pause();
  const held = await site.stored();
  workers.listen();
  await site.nats.stop();
  putBack(copy, site.nats.dataDir);
  await site.nats.start();
  const lost = held.slice(await lastSequence(site));
  await obey(stage, 'rolled back');
  removed.push(...lost);
  load.again(lost);
}

/** The stream is empty, whatever of it was counted. */
export async function recreateStream(stage: Stage, draw: number): Promise<void> {
  const { site, load, workers, removed } = stage;
  const counted = await verifyBeforeHealing(stage);
  await sleep(1_000 + (draw % 3_000));
  await load.pause();
  const held = await site.stored();
  workers.listen();
  await deleteStream(site);
  // Somebody makes it again at once, or leaves that to the command.
  if (draw % 2 === 0) await site.ops('setup');
  await obey(stage, draw % 2 === 0 ? 'recreated' : 'does not exist any more');
  removed.push(...held);
  load.again(held.slice(counted));
}

/** What was committed after the copy is gone, and acknowledged. */
export async function restorePostgres(stage: Stage, draw: number): Promise<void> {
  const { site, postgres, workers } = stage;
  const { rows } = await site.database.query<{ data_directory: string }>('SHOW data_directory');
  const cluster = rows[0]?.data_directory ?? '';
  const copy = copyName(stage, 'postgres');
  await postgres.stop();
  copyDirectory(cluster, copy);
  await postgres.start();
  const copied = await highestCounted(stage);
  await until('acknowledged past the copy', async () => {
    const { ack_floor } = await servingDurable(site);
    return ack_floor.stream_seq > copied;
  });
  await sleep(draw % 3_000);
  workers.listen();
  await postgres.stop();
  putBack(copy, cluster);
  await postgres.start();
  await obey(stage, 'restored');
}

let copyCount = 0;
function copyName({ copies }: Stage, of: string): string {
  copyCount += 1;
  return join(copies, `${of}-${copyCount}`);
}

/** Of the newest stream, by the serving generation. */
async function highestCounted({ site }: Stage): Promise<number> {
  const { rows } = await site.database.query<{ highest: string | null }>(
    `SELECT max(highest_sequence) AS highest FROM ingest_progress
     WHERE generation = (SELECT generation FROM generation WHERE state = 'serving')
       AND stream_id = (SELECT max(stream_id) FROM event_stream)`,
  );
  return Number(rows[0]?.highest ?? 0);
}

/**
 * An adopted stream is counted from its beginning, which would hide what was lost before. Returns
 * its last sequence.
 */
async function verifyBeforeHealing(stage: Stage): Promise<number> {
  const { load, mismatches, say, site } = stage;
  await load.pause();
  const found = await verdict(stage);
  say(`verified ${found.messages} messages: ${found.mismatches.length} mismatches`);
  mismatches.push(...found.mismatches);
  const counted = await lastSequence(site);
  load.resume();
  return counted;
}

/** Waits until ingest names a command, lets events come meanwhile, and runs it. */
async function obey({ site, workers, load, say }: Stage, what: string): Promise<void> {
  let command: string | undefined;
  const ordered = () => {
    command = workers.order(what);
    return command !== undefined;
  };
  await until(`an order after "${what}"`, ordered).catch((error: Error) => {
    throw new Error(`${error.message}\n${workers.lastWords()}`);
  });
  load.resume();
  await sleep(REFUSING_MS);
  say(`ingest says: ${what}; ops ${command}`);
  await site.ops(...(command ?? '').split(' '), '--yes');
  await shortenAckWait(site);
}
