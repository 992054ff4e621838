// One fault of the schedule, done to the real processes.

import { setTimeout as sleep } from 'node:timers/promises';
import { seekToBeginning } from './broker.js';
import { rebuildAndSwap } from './rebuild.js';
import type { Fault } from './schedule.js';
import type { Stage } from './stage.js';
import { recreateStream, restorePostgres, rollBackStream } from './stores.js';

/** Longer than ack_wait. */
const FREEZE_MS = 6_000;

/** Resolves when it is done and the engines are back; what heals by itself may still be healing. */
export async function inject(stage: Stage, fault: Fault, draw: number): Promise<void> {
  const { site, postgres, proxy, workers, load } = stage;
  const outageMs = 200 + (draw % 1_500);
  switch (fault) {
    case 'kill an ingest process':
      return workers.kill(draw);
    case 'stop an ingest process past ack_wait':
      return workers.freeze(draw, FREEZE_MS);
    case 'cut every database connection':
      return void proxy.cut();
    case 'terminate every database session':
      await site.database.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'analytics_ingest'`,
      );
      return;
    case 'kill Postgres':
      await postgres.kill();
      await sleep(outageMs);
      // Whoever dies now dies with a batch in its hands.
      if (draw % 2 === 0) workers.kill(draw);
      return postgres.start();
    case 'restart Postgres':
      await postgres.stop();
      return postgres.start();
    case 'kill NATS':
      await site.nats.kill();
      await sleep(outageMs);
      return site.nats.start();
    case 'restart NATS':
      await site.nats.stop();
      return site.nats.start();
    case 'one ingest process more':
      return workers.more();
    case 'one ingest process less':
      return workers.less();
    case 'storm of old events':
      return load.storm(draw);
    case 'seek to the beginning':
      return seekToBeginning(site);
    case 'rebuild and swap':
      await stage.rebuilding;
      stage.rebuilding = rebuildAndSwap(stage);
      // Heard where it is waited for.
      stage.rebuilding.catch(() => {});
      return;
    case 'roll the store of NATS back':
      await stage.rebuilding;
      return rollBackStream(stage, draw);
    case 'delete and recreate the stream':
      await stage.rebuilding;
      return recreateStream(stage, draw);
    case 'restore an older Postgres':
      await stage.rebuilding;
      return restorePostgres(stage, draw);
  }
}
