// The rows of the outbox that one relay has claimed. Every statement is a transaction of its own,
// and none waits for the network: a claim ends by itself, and another relay then publishes the row.

import { randomUUID } from 'node:crypto';
import type { AdmissionRules, EventKind } from '../../domain/message/admission.js';
import type { Digest, JudgedProgress } from '../../nats/announcements.js';
import { Backoff } from '../publisher/backoff.js';
import { judge } from '../publisher/judge.js';
import type { Backlog } from '../publisher/pump.js';
import { withDigest } from '../spool/digest.js';
import type { SpooledEvent } from '../spool/records.js';
import type { QueryClient } from './outbox-client.js';
import { bytesOf } from './outbox-digest.js';

/** Longest pause between two questions to a database that is away. */
const MAX_PAUSE_MS = 10_000;

const CLAIM = `
  UPDATE sms_outbox SET claimed_until = now() + interval '60 seconds', claimed_by = $1
  WHERE id IN (
    SELECT id FROM sms_outbox
    WHERE stored_sequence IS NULL
      AND kind = ANY ($2::text[])
      AND (claimed_until IS NULL OR claimed_until < now())
    ORDER BY id
    LIMIT $3
    FOR UPDATE SKIP LOCKED
  )
  RETURNING id, kind, payload, digest`;
// Statements that wait for rows lock them in the order of their ids, so that none waits for another
// in a circle.
const DELETE = `
  DELETE FROM sms_outbox
  WHERE id IN (
    SELECT id FROM sms_outbox WHERE digest = ANY ($1::bytea[]) ORDER BY id FOR UPDATE
  )`;
const REFUSE = `
  WITH refused AS (
    DELETE FROM sms_outbox
    WHERE digest = $1 AND ($3::bigint IS NULL OR id = $3)
    RETURNING id, kind, payload
  )
  INSERT INTO sms_outbox_refused (id, kind, payload, reason)
  SELECT id, kind, payload, $2 FROM refused
  ON CONFLICT (id) DO NOTHING`;
const STORE = `
  UPDATE sms_outbox
  SET stored_sequence = $2, stored_in = $3, claimed_until = now() + interval '1 day'
  WHERE id IN (
    SELECT id FROM sms_outbox WHERE digest = ANY ($1::bytea[]) ORDER BY id FOR UPDATE
  )`;
const RELEASED =
  'stored_sequence = NULL, stored_in = NULL, claimed_until = NULL, claimed_by = NULL';
// What another relay is just releasing or deleting is left to it.
const RELEASE_JUDGED = `
  UPDATE sms_outbox SET ${RELEASED}
  WHERE id IN (
    SELECT id FROM sms_outbox
    WHERE stored_sequence <= $2 AND (stored_in IS NULL OR stored_in = $1)
    FOR UPDATE SKIP LOCKED
  )`;
// After a day also what no progress ever covers: a stream may end before its incarnation is known.
const RELEASE_OF_OTHER_STREAMS = `
  UPDATE sms_outbox SET ${RELEASED}
  WHERE id IN (
    SELECT id FROM sms_outbox
    WHERE stored_sequence IS NOT NULL AND (stored_in <> $1 OR claimed_until < now())
    FOR UPDATE SKIP LOCKED
  )`;
const POSTPONE = `
  UPDATE sms_outbox
  SET stored_sequence = NULL, stored_in = NULL, claimed_until = now() + interval '1 hour',
    claimed_by = NULL
  WHERE digest = $1`;
const GIVE_UP = `
  UPDATE sms_outbox SET claimed_until = NULL, claimed_by = NULL
  WHERE id IN (
    SELECT id FROM sms_outbox
    WHERE claimed_by = $1 AND stored_sequence IS NULL
    ORDER BY id
    FOR UPDATE
  )`;

interface ClaimedRow {
  /** A bigint, which `pg` gives as text. */
  readonly id: string;
  readonly kind: EventKind;
  readonly payload: string;
  /** Of `pg` a Buffer. */
  readonly digest: Uint8Array;
}

export class ClaimedRows implements Backlog {
  readonly #claimer = randomUUID();
  /** Taken and not acknowledged, by digest. */
  readonly #inHand = new Map<string, SpooledEvent>();
  readonly #backoff = new Backoff(MAX_PAUSE_MS);
  #isPaused = false;
  #again: SpooledEvent[] = [];

  constructor(
    private readonly client: QueryClient,
    private readonly kinds: readonly EventKind[],
    private readonly rules: AdmissionRules,
    private readonly failed: (error: Error) => void,
  ) {}

  async next(count: number): Promise<SpooledEvent[]> {
    const again = this.#again.splice(0, count);
    if (again.length > 0) return again;
    if (this.#isPaused) return [];
    const rows = await this.#run(CLAIM, [this.#claimer, this.kinds, count]);
    if (rows === undefined) this.#pause();
    else this.#backoff.reset();
    const events = new Map<string, SpooledEvent>();
    for (const row of (rows ?? []) as ClaimedRow[]) {
      const event = withDigest(row.kind, Buffer.from(row.payload));
      const isItsDigest = Buffer.from(row.digest).equals(bytesOf(event));
      const reason = this.#reasonAgainst(row.kind, row.payload, isItsDigest);
      if (reason !== undefined) await this.#run(REFUSE, [row.digest, reason, row.id]);
      else if (!this.#inHand.has(keyOf(event))) events.set(keyOf(event), event);
    }
    for (const [key, event] of events) this.#inHand.set(key, event);
    return [...events.values()];
  }

  putBack(digests: readonly Digest[]): void {
    for (const digest of digests) {
      const event = this.#inHand.get(keyOf(digest));
      if (event !== undefined) this.#again.push(event);
    }
  }

  /** Acknowledged: these rows are no longer in hand. */
  forget(events: readonly Digest[]): void {
    for (const event of events) this.#inHand.delete(keyOf(event));
  }

  /** Acknowledged under this sequence: no relay publishes it until it is released. */
  async store(events: readonly Digest[], sequence: number, incarnation?: string): Promise<void> {
    await this.#run(STORE, [events.map(bytesOf), sequence, incarnation ?? null]);
  }

  /** Publishes again what this stream stored, as far as it is judged. */
  async releaseJudged({ incarnation, judgedThrough }: JudgedProgress): Promise<void> {
    await this.#run(RELEASE_JUDGED, [incarnation, judgedThrough]);
  }

  /** Publishes again what another stream stored. */
  async releaseOfOtherStreams(incarnation: string): Promise<void> {
    await this.#run(RELEASE_OF_OTHER_STREAMS, [incarnation]);
  }

  async delete(digests: readonly Digest[]): Promise<void> {
    await this.#run(DELETE, [digests.map(bytesOf)]);
  }

  async refuse(digest: Digest, reason: string): Promise<void> {
    await this.#run(REFUSE, [bytesOf(digest), reason, null]);
  }

  /** Its day is missing: it is published again in an hour. */
  async postpone(digest: Digest): Promise<void> {
    await this.#run(POSTPONE, [bytesOf(digest)]);
  }

  /** Lets other relays have what is not acknowledged. */
  async giveUp(): Promise<void> {
    await this.#run(GIVE_UP, [this.#claimer]);
  }

  /** No question is asked for a while; no process is held by it. */
  #pause(): void {
    this.#isPaused = true;
    const pause = setTimeout(() => {
      this.#isPaused = false;
    }, this.#backoff.next());
    pause.unref();
  }

  /** A row that was written past `enqueue` can be anything. */
  #reasonAgainst(kind: EventKind, payload: string, isItsDigest: boolean): string | undefined {
    try {
      const judged = judge(kind, JSON.parse(payload), this.rules);
      if (judged.payload === undefined) return judged.violations[0]?.reason;
      const isWhatWasJudged = isItsDigest && judged.payload.toString() === payload;
      return isWhatWasJudged ? undefined : 'malformed';
    } catch {
      return 'malformed';
    }
  }

  /** The rows; undefined where the database refused, which is told. */
  async #run(text: string, values: unknown[]): Promise<unknown[] | undefined> {
    try {
      return (await this.client.query(text, values)).rows;
    } catch (error) {
      this.failed(error as Error);
      return undefined;
    }
  }
}

function keyOf({ digestHigh, digestLow }: Digest): string {
  return `${digestHigh} ${digestLow}`;
}
