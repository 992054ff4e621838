// Ingestion for the query benchmark, a process of its own: full batches of new events, applied one
// after the other for some seconds. Arguments: the ingest role's database, seconds. Prints events
// per second.
import pg from 'pg';
import { applyBatch, encodeBatch } from '../../src/counting/ledger/apply-batch.js';
import { foldBatch } from '../../src/domain/message/ledger-fold.js';
import { chargeBatches } from './ingest-events.js';

const [url = '', seconds = '10'] = process.argv.slice(2);
/** BATCH_SIZE, as deploy/CONFIGURATION.md has it. */
const BATCH = 6_000;
const pool = new pg.Pool({
  connectionString: url,
  max: 1,
  options: '-c jit=off -c plan_cache_mode=force_generic_plan',
});
const { rows } = await pool.query<{ stream_id: number }>('SELECT stream_id FROM event_stream');
const context = { generation: 1, streamId: rows[0]?.stream_id ?? 0, worker: 'ingestion' };
const startedMs = performance.now();
let events = 0;
let applying: Promise<unknown> = Promise.resolve();
while (performance.now() - startedMs < Number(seconds) * 1000) {
  const folded = foldBatch(chargeBatches(1, BATCH)[0] ?? []);
  const encoded = encodeBatch({ folded, deadLetters: [], highestSequence: events });
  await applying;
  applying = applyBatch(pool, context, encoded);
  events += BATCH;
}
await applying;
process.stdout.write(`${((events / (performance.now() - startedMs)) * 1000).toFixed(0)}\n`);
await pool.end();
