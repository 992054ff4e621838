// The limits that ingestion is held against, measured in the same run on the same engines: L0, a
// bare COPY of the ids into the same primary key; N0, one transaction per event, the way most teams
// would write it; F0, fetch and raw ack without a database.
import type { NatsConnection } from 'nats';
import type pg from 'pg';
import type { ChargedEvent } from '../../src/domain/message/event.js';
import { acknowledge } from '../../src/nats/envelope.js';
import { pull } from '../../src/nats/pull.js';

/** The COPY sub-protocol, of which pg has the messages and no interface. */
class CopyIn {
  constructor(
    private readonly text: string,
    private readonly rows: string,
    private readonly done: (error?: Error) => void,
  ) {}
  submit(connection: { query(text: string): void }): void {
    connection.query(this.text);
  }
  handleCopyInResponse(connection: {
    sendCopyFromChunk(chunk: Buffer): void;
    endCopyFrom(): void;
  }): void {
    connection.sendCopyFromChunk(Buffer.from(this.rows));
    connection.endCopyFrom();
  }
  handleError(error: Error): void {
    this.done(error);
  }
  handleReadyForQuery(): void {
    this.done();
  }
  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}

/**
 * L0: ids per second by COPY FROM STDIN into a fresh table with the ledger's key, one transaction
 * per batch.
 */
export async function copyRate(
  pool: pg.Pool,
  batches: readonly (readonly { readonly messageId: string }[])[],
): Promise<number> {
  const client = await pool.connect();
  try {
    await client.query('DROP TABLE IF EXISTS copied');
    await client.query(
      `CREATE TABLE copied (generation smallint, accepted_day date, message_id uuid,
                            PRIMARY KEY (generation, accepted_day, message_id))`,
    );
    const texts = batches.map((batch) =>
      batch
        .map(({ messageId }) => `1\t2026-11-22\t${messageId}\n`)
        .sort()
        .join(''),
    );
    const startedMs = performance.now();
    for (const text of texts) {
      await new Promise<void>((resolve, reject) =>
        client.query(
          new CopyIn('COPY copied FROM STDIN', text, (error) =>
            error ? reject(error) : resolve(),
          ) as never,
        ),
      );
    }
    const count = batches.reduce((sum, batch) => sum + batch.length, 0);
    return (count / (performance.now() - startedMs)) * 1_000;
  } finally {
    client.release();
  }
}

/** N0: events per second with a processed-ids table and two counters, one transaction per event. */
export async function naiveRate(pool: pg.Pool, events: readonly ChargedEvent[]): Promise<number> {
  await pool.query(`
    DROP TABLE IF EXISTS naive_processed, naive_outcome, naive_money;
    CREATE TABLE naive_processed (event_id text PRIMARY KEY);
    CREATE TABLE naive_outcome (account text, operator text, bucket timestamptz, messages bigint,
                                PRIMARY KEY (account, operator, bucket));
    CREATE TABLE naive_money (account text, operator text, bucket timestamptz, charged numeric,
                              PRIMARY KEY (account, operator, bucket))`);
  const client = await pool.connect();
  try {
    const startedMs = performance.now();
    for (const { eventId, accountId, operatorId, acceptedAt } of events) {
      const bucket = new Date(Math.floor(acceptedAt / 9e8) * 9e5).toISOString();
      await client.query('BEGIN');
      await client.query('INSERT INTO naive_processed VALUES ($1) ON CONFLICT DO NOTHING', [
        eventId,
      ]);
      const key = [accountId, operatorId, bucket];
      await client.query(
        `INSERT INTO naive_outcome VALUES ($1, $2, $3, 1) ON CONFLICT (account, operator, bucket)
         DO UPDATE SET messages = naive_outcome.messages + 1`,
        key,
      );
      await client.query(
        `INSERT INTO naive_money VALUES ($1, $2, $3, 0.079) ON CONFLICT (account, operator, bucket)
         DO UPDATE SET charged = naive_money.charged + 0.079`,
        key,
      );
      await client.query('COMMIT');
    }
    return (events.length / (performance.now() - startedMs)) * 1_000;
  } finally {
    client.release();
  }
}

/**
 * F0: events per second pulled and acknowledged from a durable of its own, which is removed
 * afterwards.
 */
export async function fetchRate(
  nats: NatsConnection,
  count: number,
  batch: number,
): Promise<number> {
  const manager = await nats.jetstreamManager();
  const durable = 'bench-f0';
  await manager.consumers.add('SMS_EVENTS', {
    durable_name: durable,
    ack_policy: 'explicit' as never,
    max_ack_pending: 20_000,
  });
  const source = { connection: nats, stream: 'SMS_EVENTS', durable, inboxPrefix: '_INBOX_OPS' };
  const startedMs = performance.now();
  for (let fetched = 0; fetched < count; ) {
    const envelopes = await pull(source, batch);
    acknowledge(nats, envelopes);
    fetched += envelopes.length;
  }
  await nats.flush();
  const rate = (count / (performance.now() - startedMs)) * 1_000;
  await manager.consumers.delete('SMS_EVENTS', durable);
  return rate;
}
