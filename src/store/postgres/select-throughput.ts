/** Messages per minute, slot by slot: how many, and which minute was the busiest. */
import { type EpochMicros, formatInstant, MICROS_PER_MINUTE } from '../../domain/instant.js';
import type { Row, Snapshot } from './pool.js';

// Minutes are summed over the operators before the busiest is sought. Arrays compare element by
// element, so that the greatest [messages, -minute] is the first of the busiest minutes.
const BY_SLOT = `
  WITH minute AS (
    SELECT cell.bucket, sum(cell.accepted)::bigint AS accepted, sum(cell.completed)::bigint AS completed
      FROM throughput_platform AS cell
     WHERE cell.generation = $1
       AND cell.grain_minutes = 1
       AND cell.bucket >= ($2::timestamptz[])[1]
       AND cell.bucket < ($2::timestamptz[])[cardinality($2::timestamptz[])]
       AND ($3::text[] IS NULL OR cell.operator_id = ANY ($3::text[]))
     GROUP BY cell.bucket
  ), numbered AS (
    SELECT width_bucket(bucket, $2::timestamptz[]) AS slot, accepted, completed,
           (extract(epoch FROM bucket) / 60)::bigint AS number
      FROM minute
  )
  SELECT slot, sum(accepted)::bigint, sum(completed)::bigint,
         max(ARRAY[accepted, -number]), max(ARRAY[completed, -number])
    FROM numbered
   GROUP BY slot`;

/** One flow in one slot. */
export interface FlowSums {
  readonly messages: bigint;
  /** Messages of the busiest minute. */
  readonly busiest: bigint;
  /** Start of that minute, the first of equals. */
  readonly busiestAt: EpochMicros;
}

/** Both flows in one slot. */
export interface ThroughputSums {
  readonly accepted: FlowSums;
  readonly completed: FlowSums;
}

/** By slot (from 0); slots without messages may be missing. `edges` are whole minutes. */
export async function selectThroughput(
  snapshot: Snapshot,
  generation: number,
  edges: readonly EpochMicros[],
  operatorIds: readonly string[] | undefined,
): Promise<Map<number, ThroughputSums>> {
  const values = [generation, edges.map(formatInstant), operatorIds ?? null];
  const rows = await snapshot.rows('throughput', BY_SLOT, values);
  return new Map(rows.map((row) => [Number(row[0]) - 1, sumsOf(row)]));
}

function sumsOf([, accepted, completed, acceptedPeak, completedPeak]: Row): ThroughputSums {
  return {
    accepted: flowOf(accepted as string, acceptedPeak as string),
    completed: flowOf(completed as string, completedPeak as string),
  };
}

function flowOf(messages: string, peak: string): FlowSums {
  const [busiest = '0', number = '0'] = peak.slice(1, -1).split(',');
  return {
    messages: BigInt(messages),
    busiest: BigInt(busiest),
    busiestAt: -Number(number) * MICROS_PER_MINUTE,
  };
}
