// Load, faults, and the truth at the end: events are published all the while, shuffled and copied; the faults of the
// schedule happen to the real processes; when all is quiet again the rollups are held against the oracle, which knows
// nothing but what the stream holds.

import { setTimeout as sleep } from 'node:timers/promises';
import { connect, nanos } from 'nats';
import { Publisher } from '../../../deploy/local/traffic/publisher.js';
import { type Random, random } from '../../../deploy/local/traffic/random.js';
import { type Publication, publications } from '../../../deploy/local/traffic/schedule.js';
import { ledgerOf } from '../../oracle/ledger.js';
import { cellDifferences, cellsOf, readCells } from '../../oracle/rollup-cells.js';
import { startPostgres } from '../../support/engines.js';
import { createSite, type TestSite } from '../../support/site.js';
import { startCuttingProxy } from './cutting-proxy.js';
import { type Fault, type Step, scheduleOf } from './schedule.js';
import { Workers } from './workers.js';

const EVENTS_PER_SECOND = 250;
const ACK_WAIT_MS = 4_000;
const FREEZE_MS = 6_000;
const STORM_EVENTS = 2_000;
const REMEMBERED = 20_000;
const CHUNK = 500;
const DAY = 86_400_000_000;
const HISTORY_DAYS = 4;
const QUIET_TIMEOUT_MS = 120_000;

export interface SoakOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Told what happens. */
  readonly say: (line: string) => void;
}

export interface SoakResult {
  readonly faults: number;
  /** Acknowledged by the broker, copies included. */
  readonly published: number;
  /** In the stream at the end. */
  readonly stored: number;
  readonly messages: number;
  /** Cells of the rollups that differ from the oracle's; dead letters that are missing or too many. */
  readonly mismatches: readonly string[];
  /** Ingest processes that ended without having been told to. */
  readonly gaveUp: readonly string[];
}

/** Runs the schedule of the seed against engines of its own. Rejects where it does not come to rest. */
export async function runSoak({ seed, seconds, say }: SoakOptions): Promise<SoakResult> {
  const postgres = await startPostgres();
  const site = await createSite({ database: postgres });
  await shortenAckWait(site);
  const proxy = await startCuttingProxy(postgres.port);
  const viaProxy = new URL(postgres.url('analytics_ingest'));
  viaProxy.port = String(proxy.port);
  const workers = new Workers(site, { DATABASE_URL: viaProxy.href, BATCH_SIZE: '200' });
  const stage = { site, postgres, proxy, workers, load: await startLoad(site, seed, seconds) };
  await Promise.all([workers.more(), workers.more()]);
  try {
    const faults = await injectAll(stage, scheduleOf(seed, seconds * 1000), say);
    const published = await stage.load.end();
    say(`quiet after ${faults} faults and ${published} events; waiting for the durable`);
    await site.drained(QUIET_TIMEOUT_MS);
    await workers.end();
    return { faults, published, ...(await verdict(site)), gaveUp: workers.gaveUp };
  } finally {
    await workers.end();
    await proxy.close();
    await site.close();
    await postgres.stop();
  }
}

interface Stage {
  readonly site: TestSite;
  readonly postgres: Awaited<ReturnType<typeof startPostgres>>;
  readonly proxy: Awaited<ReturnType<typeof startCuttingProxy>>;
  readonly workers: Workers;
  readonly load: Load;
}

/** So that a frozen process exceeds it within the time of a test. */
async function shortenAckWait(site: TestSite): Promise<void> {
  const { host, password } = new URL(site.nats.url('ops'));
  const connection = await connect({ servers: host, user: 'ops', pass: password });
  const manager = await connection.jetstreamManager();
  const wait = { ack_wait: nanos(ACK_WAIT_MS) };
  await manager.consumers.update('SMS_EVENTS', 'analytics-rollup', wait);
  await connection.close();
}

async function injectAll(
  stage: Stage,
  steps: readonly Step[],
  say: (line: string) => void,
): Promise<number> {
  const began = Date.now();
  for (const { atMs, fault, draw } of steps) {
    await sleep(Math.max(0, began + atMs - Date.now()));
    say(`${((Date.now() - began) / 1000).toFixed(1)} s  ${fault}`);
    await inject(stage, fault, draw);
  }
  return steps.length;
}

async function inject(stage: Stage, fault: Fault, draw: number): Promise<void> {
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
  }
}

/** What `ops seek` asks of the broker: everything is delivered again, to whoever pulls. */
async function seekToBeginning(site: TestSite): Promise<void> {
  const { host, password } = new URL(site.nats.url('ops'));
  const connection = await connect({ servers: host, user: 'ops', pass: password });
  const subject = '$JS.API.CONSUMER.RESET.SMS_EVENTS.analytics-rollup';
  const reply = await connection.request(subject, JSON.stringify({ seq: 1 }), { timeout: 5_000 });
  await connection.close();
  const { error } = reply.json<{ error?: { description: string } }>();
  if (error) throw new Error(`the durable cannot be reset: ${error.description}`);
}

interface Load {
  storm(draw: number): void;
  /** Stops publishing; resolves with the number of events once all are acknowledged. */
  end(): Promise<number>;
}

/** Publishes at a steady pace until ended, a few hundred at a time, each few hundred shuffled. */
async function startLoad(site: TestSite, seed: number, seconds: number): Promise<Load> {
  const publisher = await Publisher.connect({
    billing: site.nats.url('billing'),
    dlr: site.nats.url('dlr'),
  });
  const draw = random(seed, 0x10ad);
  // Whole days that are over, so that a seed makes the same events all day long.
  const to = Math.floor((Date.now() * 1000) / DAY) * DAY;
  const from = to - HISTORY_DAYS * DAY;
  const eventsPerSecond = (EVENTS_PER_SECOND * seconds) / (HISTORY_DAYS * 86_400);
  const source = publications(
    { seed, paces: [{ from, eventsPerSecond, rhythm: false }] },
    from,
    to,
  );
  const remembered: Publication[] = [];
  const storms: Publication[] = [];
  let ended = false;
  const running = (async () => {
    for (let chunk = take(source, CHUNK); chunk.length > 0 && !ended; chunk = take(source, CHUNK)) {
      remembered.push(...chunk);
      remembered.splice(0, remembered.length - REMEMBERED);
      for (const publication of [...shuffle(chunk, draw), ...storms.splice(0)]) {
        await publisher.publish(publication);
      }
      await sleep((CHUNK / EVENTS_PER_SECOND) * 1000);
    }
  })();
  return {
    storm: (stormDraw) => {
      const pick = random(stormDraw);
      for (let count = 0; count < STORM_EVENTS && remembered.length > 0; count += 1) {
        const old = remembered[pick.between(0, remembered.length - 1)];
        if (old) storms.push(withoutId(old));
      }
    },
    end: async () => {
      ended = true;
      await running;
      for (const publication of storms.splice(0)) await publisher.publish(publication);
      await publisher.close();
      return publisher.counters.published;
    },
  };
}

function take(source: Iterator<Publication>, most: number): Publication[] {
  const taken: Publication[] = [];
  for (let next = source.next(); !next.done; next = source.next()) {
    taken.push(next.value);
    if (taken.length === most) break;
  }
  return taken;
}

/** In another order, and every tenth twice. */
function shuffle(chunk: readonly Publication[], draw: Random): Publication[] {
  return [...chunk, ...chunk.filter(() => draw.chance(0.1)).map(withoutId)]
    .map((publication) => ({ publication, place: draw.unit() }))
    .sort((one, other) => one.place - other.place)
    .map(({ publication }) => publication);
}

/** Gets past the broker's own dedupe. */
function withoutId(publication: Publication): Publication {
  return {
    ...publication,
    headers: { 'content-type': publication.headers['content-type'] ?? '' },
    copy: true,
  };
}

async function verdict(site: TestSite) {
  const stored = await site.stored();
  const ledger = ledgerOf(stored);
  const cells = cellDifferences(await readCells(site.database), cellsOf(ledger));
  const { rows } = await site.database.query<{ reason: string; letters: number }>(
    `SELECT reason, count(*)::int AS letters FROM dead_letter WHERE reason <> 'conflict' GROUP BY 1`,
  );
  const letters = new Map(rows.map(({ reason, letters }) => [reason, letters]));
  const reasons = [...new Set([...letters.keys(), ...ledger.refused.keys()])];
  const wrong = reasons.filter((reason) => letters.get(reason) !== ledger.refused.get(reason));
  const conflicts = await site.database.query<{ event_id: string }>(
    `SELECT DISTINCT event_id FROM dead_letter WHERE reason = 'conflict'`,
  );
  const losers = new Set(ledger.conflicts.map(({ eventId }) => eventId));
  const recorded = new Set(conflicts.rows.map((row) => row.event_id));
  const lost = [...losers].filter((eventId) => !recorded.has(eventId));
  return {
    stored: stored.length,
    messages: ledger.messages.length,
    mismatches: [
      ...cells,
      ...wrong.map(
        (reason) =>
          `dead letters ${reason}: ${letters.get(reason)} where the oracle has ${ledger.refused.get(reason)}`,
      ),
      ...lost.map((eventId) => `conflict ${eventId} has no dead letter`),
    ],
  };
}
