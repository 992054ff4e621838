// A stream that was deleted, recreated or rolled back reuses sequences. Ingest stops; `ops
// adopt-stream` has everything in the present stream judged again, and nothing is counted twice.

import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSite, type TestSite } from '../../support/site.js';
import { charge, connectAs, delivered, ops, opsJson, publication, until } from './run-ops.js';

let site: TestSite;
beforeAll(async () => {
  site = await createSite();
});
afterAll(() => site?.close());

async function value(text: string): Promise<string> {
  const { rows } = await site.database.query({ text, rowMode: 'array' });
  return String(rows[0]?.[0]);
}
const counted = () =>
  value(`SELECT coalesce(sum(messages), 0) FROM outcome_platform WHERE grain_minutes = 15`);

async function deleteStream(): Promise<void> {
  const connection = await connectAs(site, 'ops');
  const manager = await connection.jetstreamManager();
  await manager.streams.delete('SMS_EVENTS');
  await connection.close();
}

const messages = [charge(), charge(), charge()];
const events = messages.flatMap((one) => [one, delivered(one)]).map(publication);

describe('ops adopt-stream', () => {
  it('has nothing to do while the stream is the one that is counted', async () => {
    const ingest = await site.start('ingest');
    await site.publish(events);
    await site.drained();
    expect(await counted()).toBe('3');
    expect(await opsJson(site, 'adopt-stream', '--yes')).toMatchObject({
      finding: 'known',
      adopted: false,
    });
    await ingest.stop();
  });

  it('counts from a recreated stream: the old events once, the new ones too', async () => {
    await deleteStream();
    await ops(site, 'setup');
    const more = [charge(), charge()];
    await site.publish([...more.map(publication), ...events]);
    const ingest = await site.spawn('ingest');
    await until('stopped', async () => ingest.tail(50).includes('counting stopped'));
    await pause(1_500);
    expect(await counted()).toBe('3'); // the guard forbids it
    expect(await opsJson(site, 'adopt-stream', '--dry-run')).toMatchObject({
      finding: 'recreated',
      adopted: false,
    });
    expect(await opsJson(site, 'adopt-stream', '--yes')).toMatchObject({
      finding: 'recreated',
      streamId: 2,
    });
    await until('counted', async () => (await counted()) === '5');
    await site.drained();
    expect(await counted()).toBe('5');
    expect(await value('SELECT count(*) FROM dead_letter')).toBe('0');
    await ingest.stop();
  });

  it('takes a stream that was rolled back as another one of the same creation', async () => {
    // As a store copied back would look: Postgres has counted beyond the end of the stream.
    await site.database.query(
      'UPDATE ingest_progress SET highest_sequence = 1000 WHERE stream_id = 2',
    );
    const ingest = await site.spawn('ingest');
    await until('stopped', async () => ingest.tail(50).includes('counting stopped'));
    await site.publish([publication(charge())]);
    expect(await opsJson(site, 'adopt-stream', '--yes')).toMatchObject({ finding: 'rolled back' });
    await until('counted', async () => (await counted()) === '6');
    expect(await value('SELECT max(epoch) FROM event_stream')).toBe('1');
    await ingest.stop();
  });

  it('makes a stream and a durable that are missing', async () => {
    await deleteStream();
    expect(await opsJson(site, 'status')).toMatchObject({ durables: [{ exists: false }] });
    expect(await opsJson(site, 'adopt-stream', '--yes')).toMatchObject({ finding: 'missing' });
    const ingest = await site.start('ingest');
    await site.publish([publication(charge()), ...events]);
    await site.drained();
    expect(await counted()).toBe('7');
    await ingest.stop();
    expect(
      await value(
        `SELECT count(*) FROM audit_record WHERE action = 'adopt-stream' AND outcome = 'done'`,
      ),
    ).toBe('3');
  });
});
