// The events of a soak: published at a steady pace under the producers' credentials, shuffled and
// copied, and held back for a moment where the truth is to be looked at.

import { setTimeout as sleep } from 'node:timers/promises';
import { Publisher } from '../../../deploy/local/traffic/publisher.js';
import { type Random, random } from '../../../deploy/local/traffic/random.js';
import { type Publication, publications } from '../../../deploy/local/traffic/schedule.js';
import type { Stored } from '../../oracle/judge.js';
import type { TestSite } from '../../support/site.js';

const EVENTS_PER_SECOND = 250;
const STORM_EVENTS = 2_000;
const REMEMBERED = 20_000;
const CHUNK = 500;
const DAY = 86_400_000_000;
const HISTORY_DAYS = 4;
/** Enough events for the time that faults take beyond the schedule. */
const SPARE = 1.5;
const ACKNOWLEDGE_TIMEOUT_MS = 300_000;

export interface Load {
  /** Publishes events of before once more. */
  storm(draw: number): void;
  /** As a producer does with what a broker did not retain. */
  again(lost: readonly Stored[]): void;
  /** Nothing is published until `resume`; resolves when all that was is acknowledged. */
  pause(): Promise<void>;
  resume(): void;
  /** Stops publishing; resolves with the number of events once all are acknowledged. */
  end(): Promise<number>;
}

/** Publishes at a steady pace until ended, a few hundred at a time, each few hundred shuffled. */
export async function startLoad(site: TestSite, seed: number, seconds: number): Promise<Load> {
  const publisher = await Publisher.connect({
    billing: site.nats.url('billing'),
    dlr: site.nats.url('dlr'),
  });
  const draw = random(seed, 0x10ad);
  const source = eventsOf(seed, seconds);
  const remembered: Publication[] = [];
  const extra: Publication[] = [];
  const state = { ended: false, paused: false, publishing: false, given: 0 };
  const publish = async (all: readonly Publication[]) => {
    for (const publication of all) {
      state.given += 1;
      await publisher.publish(publication);
    }
  };
  const running = (async () => {
    for (let chunk = take(source, CHUNK); chunk.length > 0 && !state.ended; ) {
      while (state.paused) await sleep(20);
      state.publishing = true;
      remembered.push(...chunk);
      remembered.splice(0, remembered.length - REMEMBERED);
      await publish([...shuffle(chunk, draw), ...extra.splice(0)]);
      state.publishing = false;
      await sleep((CHUNK / EVENTS_PER_SECOND) * 1000);
      chunk = take(source, CHUNK);
    }
  })();
  return {
    storm: (stormDraw) => extra.push(...stormOf(remembered, stormDraw)),
    again: (lost) => extra.push(...lost.map(anew)),
    async pause() {
      state.paused = true;
      const deadline = Date.now() + ACKNOWLEDGE_TIMEOUT_MS;
      while (state.publishing || publisher.counters.published < state.given) {
        if (Date.now() > deadline) throw new Error('the broker does not acknowledge');
        await sleep(20);
      }
    },
    resume: () => {
      state.paused = false;
    },
    async end() {
      state.ended = true;
      await running;
      await publish(extra.splice(0));
      await publisher.close();
      return publisher.counters.published;
    },
  };
}

/** Of whole days that are over, so that a seed makes the same events all day long. */
function eventsOf(seed: number, seconds: number): Iterator<Publication> {
  const to = Math.floor((Date.now() * 1000) / DAY) * DAY;
  const from = to - HISTORY_DAYS * DAY;
  const eventsPerSecond = (SPARE * EVENTS_PER_SECOND * seconds) / (HISTORY_DAYS * 86_400);
  return publications({ seed, paces: [{ from, eventsPerSecond, rhythm: false }] }, from, to);
}

function take(source: Iterator<Publication>, most: number): Publication[] {
  const taken: Publication[] = [];
  for (let next = source.next(); !next.done; next = source.next()) {
    taken.push(next.value);
    if (taken.length === most) break;
  }
  return taken;
}

function stormOf(remembered: readonly Publication[], draw: number): Publication[] {
  const pick = random(draw);
  const storm: Publication[] = [];
  for (let count = 0; count < STORM_EVENTS && remembered.length > 0; count += 1) {
    const old = remembered[pick.between(0, remembered.length - 1)];
    if (old) storm.push(withoutId(old));
  }
  return storm;
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

function anew({ subject, payload, contentType, storedAt }: Stored): Publication {
  const headers = { 'content-type': contentType };
  return { subject, payload, headers, at: storedAt, copy: true, invalid: false };
}
