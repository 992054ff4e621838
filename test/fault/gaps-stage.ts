// The stage on which events leave the stream before they are counted: a site whose stream lacks
// `deny_purge` and `deny_delete`, as one of release 0.1 did, else half of it cannot happen; and
// what each generation says of its gaps.

import { type JetStreamManager, nanos } from 'nats';
import { expect } from 'vitest';
import { publishedAt } from '../../src/nats/durable-state.js';
import { durableConfig, streamConfig } from '../../src/nats/topology.js';
import { chargeOf, publicationOf } from '../support/publications.js';
import { createSite, type TestSite } from '../support/site.js';
import { type Counter, until } from './guarded-ingest.js';
import { asOps } from './held-commit.js';

const STREAM = 'SMS_EVENTS';
/**
 * What a gap is told within (issue: 5 s), with room for a machine that is busy with other tests.
 */
export const TOLD_MS = 30_000;

/** What is expected of one gap. */
export interface ToldGap {
  readonly counter: Counter;
  readonly eventCount: number;
  /** No event of the gap was published before it. */
  readonly lostAtMs: number;
  readonly generation?: number;
}

async function withoutDenials(manager: JetStreamManager): Promise<void> {
  await manager.streams.delete(STREAM);
  const config = { ...streamConfig({ replicas: 1 }), deny_purge: false, deny_delete: false };
  await manager.streams.add(config as never);
  await manager.consumers.add(STREAM, durableConfig('analytics-rollup'));
}

export class GapStage {
  #published = 0;

  private constructor(readonly site: TestSite) {}

  static async create(): Promise<GapStage> {
    const site = await createSite();
    await asOps(site, withoutDenials);
    return new GapStage(site);
  }

  /** Publishes so many charges of messages of their own. */
  async publish(count: number): Promise<void> {
    const numbers = Array.from({ length: count }, () => ++this.#published);
    await this.site.publish(
      numbers.map((n) => publicationOf('sms.billing.v1.charged', chargeOf(n))),
    );
  }

  /** Every event leaves the stream, but for the last `keep`. */
  purge(keep?: number): Promise<unknown> {
    const left = keep === undefined ? undefined : { keep };
    return asOps(this.site, ({ streams }) => streams.purge(STREAM, left));
  }

  async expire(): Promise<void> {
    await this.update({ max_age: nanos(100), duplicate_window: nanos(100) });
    await until('all have expired', async () => (await this.#state()).messages === 0);
    await this.update({ max_age: nanos(3_600_000), duplicate_window: nanos(100) });
  }

  update(config: object): Promise<unknown> {
    return asOps(this.site, ({ streams }) => streams.update(STREAM, config));
  }

  async deleteMessages(sequences: readonly number[]): Promise<void> {
    await asOps(this.site, async ({ streams }) => {
      for (const sequence of sequences) await streams.deleteMessage(STREAM, sequence);
    });
  }

  async lastSequence(): Promise<number> {
    return (await this.#state()).last_seq;
  }

  /** When the stream stored an event that it still holds, in milliseconds. */
  async publishedAtMs(sequence: number): Promise<number> {
    const at = await asOps(this.site, (manager) => publishedAt(manager, STREAM, sequence));
    return Number(at) / 1_000;
  }

  async #state() {
    return (await asOps(this.site, ({ streams }) => streams.info(STREAM))).state;
  }

  /** The first column of the first row, named `value`. */
  async one<T>(text: string, values: unknown[] = []): Promise<T | undefined> {
    const { rows } = await this.site.database.query<{ value: T }>(text, values);
    return rows[0]?.value;
  }

  counted(generation = 1): Promise<number | undefined> {
    return this.one('SELECT count(*)::int AS value FROM ledger WHERE generation = $1', [
      generation,
    ]);
  }

  /** Events that open gaps of a generation miss. */
  missing(generation = 1): Promise<number | undefined> {
    return this.one(
      `SELECT coalesce(sum(event_count(missing)), 0)::int AS value FROM stream_gap
       WHERE generation = $1 AND accepted_at IS NULL`,
      [generation],
    );
  }

  /** The sequences of all gaps of a generation, as they were first noticed. */
  noticed(generation = 1): Promise<string | undefined> {
    return this.one(
      `SELECT coalesce(range_agg(sequences), '{}')::text AS value FROM stream_gap
       WHERE generation = $1`,
      [generation],
    );
  }

  gaps(generation = 1): Promise<number | undefined> {
    return this.one('SELECT count(*)::int AS value FROM stream_gap WHERE generation = $1', [
      generation,
    ]);
  }

  /** The watermark of a generation, in milliseconds; 0 where it has none. */
  async dataAsOfMs(generation = 1): Promise<number> {
    const text = `SELECT (extract(epoch FROM max(data_as_of)) * 1000000)::bigint AS value
       FROM ingest_progress WHERE generation = $1`;
    return Number((await this.one(text, [generation])) ?? 0) / 1_000;
  }

  async untilGoesOn(generation = 1): Promise<void> {
    const nowMs = Date.now();
    const goesOn = async () => (await this.dataAsOfMs(generation)) > nowMs;
    await until(`the watermark of generation ${generation} goes on`, goesOn);
  }

  /** Resolves when every look of a generation since now was recorded twice. */
  async afterLooks(generation = 1): Promise<void> {
    const text = `SELECT max(looked_at)::text AS value FROM ingest_progress WHERE generation = $1`;
    const looked = () => this.one<string>(text, [generation]);
    for (let look = 1; look <= 3; look++) {
      const before = await looked();
      await until('a look', async () => (await looked()) !== before);
    }
  }

  /** The gap is told everywhere, and the watermark stands before it. Returns its id. */
  async expectTold({ counter, eventCount, lostAtMs, generation = 1 }: ToldGap): Promise<string> {
    const recorded = async () => (await this.missing(generation)) === eventCount;
    await until('the gap is recorded', recorded, TOLD_MS);
    const metric = async () => (await counter.metric('sms_analytics_gap_events')) === eventCount;
    await until('the metric tells it', metric);
    expect(counter.log()).toContain('events left the stream before they were counted');
    await this.publish(1);
    await this.afterLooks(generation);
    expect(await this.dataAsOfMs(generation)).toBeLessThanOrEqual(lostAtMs);
    const status = await this.site.ops('status');
    expect(status).toMatch(new RegExp(`OPEN GAPS[^]*${eventCount} of ${eventCount}`));
    const open: { gapId: number; generation: number }[] = JSON.parse(
      await this.site.ops('gaps', 'list', '--open', '--json'),
    );
    const own = open.filter((gap) => gap.generation === generation);
    expect(own).toHaveLength(1);
    return String(own[0]?.gapId);
  }

  /** Accepts the only gap of a generation: once, on record, and the watermark goes on. */
  async acceptOnce(gapId: string, generation = 1): Promise<void> {
    const accept = ['--as', 'tester', 'gaps', 'accept', gapId, '--reason', 'lost'];
    const before = await this.missing(generation);
    expect(await this.site.ops(...accept, '--dry-run')).toMatch(/^Would accept: /);
    expect(await this.missing(generation)).toBe(before);
    await this.site.ops(...accept, '--yes');
    await this.untilGoesOn(generation);
    await expect(this.site.ops(...accept, '--yes')).rejects.toThrow(`No gap ${gapId} is open`);
    const acts = `SELECT count(*)::int AS value FROM audit_record
       WHERE action = 'accept-gap' AND target = $1 AND outcome = 'done'`;
    expect(await this.one(acts, [gapId])).toBe(1);
    expect(await this.gaps(generation)).toBe(1);
  }
}
