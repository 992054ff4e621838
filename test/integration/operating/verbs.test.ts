// The verbs of `ops` on real engines: what they say, what they change, what they refuse, and the
// record they leave.

import { setTimeout as pause } from 'node:timers/promises';
import { headers } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../../../deploy/local/engines/child.js';
import { createSite, type TestSite } from '../../support/site.js';
import {
  charge,
  connectAs,
  delivered,
  ops,
  opsJson,
  publication,
  refund,
  runOps,
  until,
} from './run-ops.js';

const DURABLE = 'analytics-rollup';
let site: TestSite;

let ingest: Child;

beforeAll(async () => {
  site = await createSite();
  ingest = await site.start('ingest');
});
afterAll(() => site?.close());

async function value(text: string, ...values: unknown[]): Promise<string> {
  const { rows } = await site.database.query({ text, values, rowMode: 'array' });
  return String(rows[0]?.[0]);
}

const counted = () =>
  value(`SELECT coalesce(sum(messages), 0) FROM outcome_platform WHERE grain_minutes = 15`);

async function lastAct(): Promise<string> {
  return value(
    `SELECT concat_ws('|', actor, action, target, outcome) FROM audit_record ORDER BY audit_id DESC LIMIT 1`,
  );
}

/** Puts an event on the wire as it stands, whatever the contract says of it. */
async function publishRaw(payload: string): Promise<number> {
  const connection = await connectAs(site, 'billing');
  try {
    const head = headers();
    head.set('content-type', 'application/json');
    const ack = await connection.jetstream().publish('sms.billing.v1.charged', payload, {
      headers: head,
    });
    return ack.seq;
  } finally {
    await connection.close();
  }
}

describe('ops status', () => {
  it('tells the stream, the durable, the watermark, the ledger days and what is odd', async () => {
    const beganMs = Date.now();
    // A: refunded 0.06 of 0.05. B: refunded in another currency. C: refunded in full. D: the same
    // id on two days.
    const [a, b, c, d] = [charge(), charge(), charge(), charge()];
    const twin = charge({ messageId: d.messageId, acceptedAt: d.acceptedAt - 2 * 86_400_000_000 });
    const events = [
      a,
      b,
      c,
      d,
      twin,
      refund(a, '0.06'),
      refund(b, '0.01', 'USD'),
      refund(c, '0.05'),
    ];
    await site.publish(events.map(publication));
    await publishRaw('{');
    await site.drained();
    // Ingest looks once a second.
    const looked = `SELECT max(data_as_of) >= to_timestamp(${beganMs / 1000}) FROM ingest_progress`;
    await until('a look', async () => (await value(looked)) === 'true');
    const status = await opsJson(site, 'status');
    expect(status.stream).toMatchObject({ firstSequence: 1, lastSequence: 9 });
    expect(status.durables).toEqual([
      {
        name: DURABLE,
        generation: 1,
        exists: true,
        pending: 0,
        unacknowledged: 0,
        ackFloor: 9,
        lagSeconds: 0,
      },
    ]);
    expect(status.generations[0]).toMatchObject({ generation: 1, state: 'serving' });
    expect(Date.parse(status.generations[0].dataAsOf)).toBeGreaterThanOrEqual(beganMs);
    expect(status.ingest).toHaveLength(1);
    expect(status.ingest[0]).toMatchObject({ highestSequence: 9 });
    // 50 behind, today, 2 ahead.
    expect(status.ledgerDays).toMatchObject([{ generation: 1, dayCount: 53, missingDays: [] }]);
    expect(status.deadLetters).toEqual([{ reason: 'malformed', open: 1, resolved: 0 }]);
    expect(status.idsOnTwoDays).toEqual({ count: 1, sample: [d.messageId] });
    expect(status.overRefunded).toEqual({
      count: 2,
      sample: [a.messageId, b.messageId].sort(),
    });
    const text = await ops(site, 'status');
    for (const word of ['SMS_EVENTS', DURABLE, 'malformed', 'over_refunded', 'serving']) {
      expect(text).toContain(word);
    }
  });
});

describe('ops seek', () => {
  it('delivers everything again and counts nothing twice', async () => {
    const before = await counted();
    const seek = await opsJson(site, 'seek', '--to-sequence', '1', '--yes');
    expect(seek).toMatchObject({ durable: DURABLE, sequence: 1, done: true, how: 'reset' });
    expect(await lastAct()).toMatch(/^ops:.+\|seek\|analytics-rollup\|done$/);
    await site.drained();
    expect(await counted()).toBe(before);
    expect(await value('SELECT count(*) FROM dead_letter')).toBe('1');
  });

  it('finds a place by time, and stays within the stream and within what is counted', async () => {
    const at = async (...args: string[]) => {
      const plan = await opsJson(site, 'seek', ...args, '--dry-run');
      expect(plan.done).toBe(false);
      return plan.sequence;
    };
    const connection = await connectAs(site, 'ops');
    const manager = await connection.jetstreamManager();
    const fifth = await manager.streams.getMessage('SMS_EVENTS', { seq: 5 });
    await connection.close();
    expect(await at('--to-time', fifth.timestamp)).toBe(5);
    expect(await at('--to-time', '2020-01-01T00:00:00Z')).toBe(1);
    expect(await at('--to-time', '2200-01-01T00:00:00Z')).toBe(10);
    expect(await at('--to-sequence', '0')).toBe(1);
    expect(await at('--to-sequence', '999999')).toBe(10);
  });

  it('does nothing unless it is told where to and confirmed', async () => {
    const unconfirmed = await runOps(site, ['seek', '--to-sequence', '1']);
    expect(unconfirmed).toMatchObject({ code: 2, out: '' });
    expect(unconfirmed.err).toContain('confirm with --yes');
    expect((await runOps(site, ['seek'])).code).toBe(2);
    expect((await runOps(site, ['seek', '--to-time', 'yesterday'])).code).toBe(2);
    expect((await runOps(site, ['seek', '--to-sequence', '1', '--to-data-as-of'])).code).toBe(2);
    expect((await runOps(site, ['seek', '--to-sequence', '1', '--generation', '7'])).code).toBe(2);
  });

  it('heals a Postgres that lost what was acknowledged, back to its own watermark', async () => {
    // What a restore does: the newest rows are gone, the watermark is that of the backup.
    const marker = charge();
    const total = async () => `${await counted()} ${await value('SELECT count(*) FROM ledger')}`;
    await site.database.query('CREATE TABLE watermark AS TABLE ingest_progress');
    await site.publish([publication(marker)]);
    await site.drained();
    const before = await total();
    await ingest.stop();
    await site.database.query(`
      UPDATE ingest_progress p SET data_as_of = w.data_as_of, highest_sequence = w.highest_sequence,
          highest_published_at = w.highest_published_at
        FROM watermark w WHERE p.worker = w.worker`);
    await site.database.query('DELETE FROM ledger WHERE message_id = $1', [marker.messageId]);
    await site.database.query(`
      UPDATE outcome_platform SET messages = 0, segments = 0 WHERE bucket = date_bin('15 min',
        to_timestamp(${marker.acceptedAt / 1e6}), '2000-01-01T00:00:00Z') AND grain_minutes = 15`);
    await site.database.query('DROP TABLE watermark');
    ingest = await site.spawn('ingest');
    await until('stopped', async () => ingest.tail(50).includes('counting stopped'));
    await pause(3_000); // no pull is under way any more: what it brings now would come again after ack_wait only
    expect(await value('SELECT count(*) FROM ledger WHERE message_id = $1', marker.messageId)).toBe(
      '0',
    );
    const plan = await opsJson(site, 'seek', '--to-data-as-of', '--yes');
    expect(plan.sequence).toBe(10);
    await site.drained();
    expect(await value('SELECT count(*) FROM ledger WHERE message_id = $1', marker.messageId)).toBe(
      '1',
    );
    expect((await total()).split(' ')[1]).toBe(before.split(' ')[1]);
  });
});

describe('ops dead-letters', () => {
  it('lists and shows them without their payload', async () => {
    const letters = await opsJson(site, 'dead-letters', 'list', '--reason', 'malformed');
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({ id: '1:9', reason: 'malformed', sequence: 9 });
    const shown = await ops(site, 'dead-letters', 'show', '1:9');
    expect(shown).toContain('the payload is not the JSON or protobuf form');
    expect(await opsJson(site, 'dead-letters', 'list', '--reason', 'too_large')).toEqual([]);
    expect(await opsJson(site, 'dead-letters', '--since', '1h', '--limit', '1')).toHaveLength(1);
    expect((await runOps(site, ['dead-letters', 'show', '1:8'])).code).toBe(2);
    expect((await runOps(site, ['dead-letters', 'show', '8'])).code).toBe(2);
    expect((await runOps(site, ['dead-letters', 'list', '--reason', 'bored'])).code).toBe(2);
  });

  it('says of a replay why the event is refused today as well', async () => {
    const replay = await runOps(site, ['dead-letters', 'replay', '1:9', '--yes']);
    expect(replay.code).toBe(1);
    expect(replay.err).toContain('1:9 is not counted: malformed');
    expect(await lastAct()).toMatch(/\|dead-letter replay\|1:9\|failed$/);
  });

  it('counts what is admitted today, once', async () => {
    const event = charge();
    await site.publish([publication(event), publication(delivered(event))]);
    await site.drained();
    // As if the rules of that day had refused the charge.
    const sequence = Number(
      await value('SELECT charge_sequence FROM ledger WHERE message_id = $1', event.messageId),
    );
    const digest = await value(
      'SELECT charge_digest FROM ledger WHERE message_id = $1',
      event.messageId,
    );
    await site.database.query('DELETE FROM ledger WHERE message_id = $1', [event.messageId]);
    await site.database.query(
      `INSERT INTO dead_letter (stream_id, sequence, subject, reason, payload_digest)
       VALUES (1, $1, 'sms.billing.v1.charged', 'invalid_field', $2)`,
      [sequence, digest],
    );
    await ops(site, 'dead-letters', 'replay', `1:${sequence}`, '--yes');
    expect(
      await value(
        `SELECT concat_ws('|', charge_event, charge_stream, charge_sequence) FROM ledger WHERE message_id = $1`,
        event.messageId,
      ),
    ).toBe(`${event.eventId}|1|${sequence}`);
    expect(await value('SELECT resolution FROM dead_letter WHERE sequence = $1', sequence)).toBe(
      'replayed',
    );
    expect((await runOps(site, ['dead-letters', 'replay', `1:${sequence}`, '--yes'])).code).toBe(2);
  });

  it('judges by the digits rule that is set, as ingest does', async () => {
    const event = charge({ accountId: '4915112345678' });
    await site.publish([publication(event)]);
    await site.drained();
    const [letter] = await opsJson(site, 'dead-letters', '--reason', 'looks_like_msisdn');
    const strict = await runOps(site, ['dead-letters', 'replay', letter.id, '--yes']);
    expect(strict.err).toContain('looks_like_msisdn (accountId)');
    const off = await runOps(site, ['dead-letters', 'replay', letter.id, '--yes'], {
      MSISDN_DIGITS: 'off',
    });
    expect(off).toMatchObject({ code: 0, out: `${letter.id} is counted now.\n` });
    expect(await value('SELECT count(*) FROM ledger WHERE message_id = $1', event.messageId)).toBe(
      '1',
    );
  });

  it('recognises a payload by its digest, and a charge that loses as a conflict', async () => {
    const first = charge();
    const second = charge({ messageId: first.messageId, acceptedAt: first.acceptedAt });
    await site.publish([
      publication(first),
      publication({ ...second, eventId: 'z-later' } as never),
    ]);
    await site.drained();
    const [letter] = await opsJson(site, 'dead-letters', 'list', '--reason', 'conflict');
    const conflict = await runOps(site, ['dead-letters', 'replay', letter.id, '--yes']);
    expect(conflict.err).toContain('conflict');
    await site.database.query(
      'UPDATE dead_letter SET payload_digest = payload_digest + 1 WHERE sequence = $1',
      [letter.sequence],
    );
    const replay = await runOps(site, ['dead-letters', 'replay', letter.id, '--yes']);
    expect(replay.code).toBe(1);
    expect(replay.err).toContain('the digests differ');
  });

  it('replays and discards all of one reason', async () => {
    await publishRaw('[');
    await publishRaw('{}');
    await site.drained();
    const args = ['--all', '--reason', 'malformed'];
    expect((await runOps(site, ['dead-letters', 'discard', '--all'])).code).toBe(2);
    expect((await runOps(site, ['dead-letters', 'discard', ...args])).code).toBe(2);
    const replayed = await opsJson(site, 'dead-letters', 'replay', ...args, '--yes');
    expect(replayed.outcomes).toEqual({ 'still refused': 2 });
    expect(await ops(site, 'dead-letters', 'discard', ...args, '--dry-run')).toContain('2 open');
    const discarded = await opsJson(site, 'dead-letters', 'discard', ...args, '--yes');
    expect(discarded.outcomes).toEqual({ discarded: 2 });
    expect(await opsJson(site, 'dead-letters', 'list', '--reason', 'malformed')).toEqual([]);
    expect(await lastAct()).toMatch(/\|dead-letter discard\|malformed\|done$/);
  });
});

describe('ops config', () => {
  it('says all faults at once', async () => {
    const env = { LOG_LEVEL: 'loud', LEDGER_DAYS: '49', NATS_URL: 'http://x' };
    const check = await runOps(site, ['config', 'check'], env);
    expect(check.code).toBe(2);
    for (const name of ['LOG_LEVEL', 'LEDGER_DAYS', 'NATS_URL']) expect(check.err).toContain(name);
    expect((await runOps(site, ['retain', '--dry-run'], { LEDGER_DAYS: '49' })).code).toBe(2);
    const api = await runOps(site, ['config', 'check', 'api', 'etl']);
    expect(api.err).toContain('api: IDENTITY_MODE');
    expect(api.err).toContain('etl: CLICKHOUSE_URL');
    expect((await runOps(site, ['config', 'check'])).code).toBe(0);
  });

  it('shows the configuration without its secrets, and explains all settings', async () => {
    const shown = await ops(site, 'config');
    expect(shown).toContain('DATABASE_URL=[redacted]');
    expect(shown).toContain('LEDGER_DAYS=50');
    const table = await ops(site, 'config', 'table');
    for (const name of ['### api', '### ingest', '### etl', '`MINUTE_DAYS`']) {
      expect(table).toContain(name);
    }
  });
});

describe('ops', () => {
  it('explains every verb and refuses what it does not know', async () => {
    const help = await ops(site, '--help');
    for (const verb of ['status', 'setup', 'seek', 'adopt-stream', 'dead-letters', 'retain']) {
      expect(help).toContain(verb);
      expect(await ops(site, verb, '--help')).toContain('Usage: ops');
    }
    expect((await runOps(site, ['explode'])).code).toBe(2);
    expect((await runOps(site, ['status', '--jsno'])).code).toBe(2);
  });

  it('says which engine is away, without a password', async () => {
    const env = { NATS_URL: 'nats://ops:topsecret@127.0.0.1:1' };
    const away = await runOps(site, ['status'], env);
    expect(away.code).toBe(1);
    expect(away.err).toContain('NATS at 127.0.0.1:1');
    expect(away.err).not.toContain('topsecret');
    const postgres = await runOps(site, ['dead-letters'], {
      DATABASE_URL: 'postgresql://ops:topsecret@127.0.0.1:1/x',
    });
    expect(postgres.code).toBe(1);
    expect(postgres.err).toContain('127.0.0.1:1');
    expect(postgres.err).not.toContain('topsecret');
  });
});
