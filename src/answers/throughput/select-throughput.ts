// Messages per minute, slot by slot: how many, and which minute was the busiest.
import { type EpochMicros, MICROS_PER_MINUTE } from '../../domain/time/instant.js';
import type { Row, Snapshot } from '../../postgres/pool.js';
import { sql } from '../../postgres/sql.js';
import { instants } from '../../rollups/array-text.js';
import { type CellRange, SLOT_OF_CELL } from '../../rollups/cells.js';
import { HOUR_MINUTES } from '../../rollups/grains.js';
import { edgesOf } from '../../rollups/runs.js';
import type { EncodedPoint } from '../wire/points.js';

// Edges are `:edges`, the first and the last of them bound what is read. Arrays compare element by
// element, so that the greatest [messages, -minute] is the first of the busiest minutes.
const FIRST_EDGE = '(:edges::timestamptz[])[1]';
const LAST_EDGE = '(:edges::timestamptz[])[cardinality(:edges::timestamptz[])]';
const IS_HOUR = `cell.grain_minutes = ${HOUR_MINUTES}`;
const minuteOf = (at: string) => `(extract(epoch FROM ${at}) / 60)::bigint`;

// Of an hour that lies in one slot: [messages, -minute] of its busiest minute. `minutes` counts
// from the beginning of the hour, `peak` is their greatest.
const peakOfHour = (minutes: string, peak: string) =>
  `ARRAY[${peak}, 1 - ${minuteOf('bucket')} - array_position(${minutes}, ${peak})]`;

interface ThroughputParameters {
  readonly generation: number;
  readonly edges: string;
}

// Hours that lie in one slot know their sums and their busiest minutes; of hours that an edge cuts
// the minutes are read.
const OF_PLATFORM = sql<ThroughputParameters>`
  WITH hour AS MATERIALIZED (
    SELECT cell.*, ${SLOT_OF_CELL} AS slot
      FROM throughput_sum AS cell
     WHERE cell.generation = :generation
       AND ${IS_HOUR}
       AND cell.bucket > ${FIRST_EDGE} - interval '1 hour'
       AND cell.bucket < ${LAST_EDGE}
  ), cut AS (
    SELECT DISTINCT date_trunc('hour', edge, 'UTC') AS bucket
      FROM unnest(:edges::timestamptz[]) AS edge
     WHERE edge <> date_trunc('hour', edge, 'UTC')
  ), minute AS (
    SELECT hour.bucket + (one.number - 1) * interval '1 minute' AS at, one.accepted, one.completed
      FROM hour
      JOIN cut USING (bucket)
     CROSS JOIN LATERAL unnest(hour.accepted, hour.completed)
           WITH ORDINALITY AS one (accepted, completed, number)
  ), part AS (
    SELECT slot,
           accepted_sum AS accepted,
           completed_sum AS completed,
           ${peakOfHour('accepted', 'accepted_peak')} AS accepted_peak,
           ${peakOfHour('completed', 'completed_peak')} AS completed_peak
      FROM hour
     WHERE NOT EXISTS (SELECT FROM cut WHERE cut.bucket = hour.bucket)
    UNION ALL
    SELECT width_bucket(at, :edges::timestamptz[]),
           accepted,
           completed,
           ARRAY[accepted, -${minuteOf('at')}],
           ARRAY[completed, -${minuteOf('at')}]
      FROM minute
     WHERE at >= ${FIRST_EDGE}
       AND at < ${LAST_EDGE}
  )
  SELECT slot,
         sum(accepted)::bigint,
         sum(completed)::bigint,
         max(accepted_peak),
         max(completed_peak)
    FROM part
   GROUP BY slot`;

// Minutes are summed over the operators before the busiest is sought.
const OF_OPERATORS = sql<ThroughputParameters & { readonly operatorIds: readonly string[] }>`
  WITH minute AS (
    SELECT cell.bucket,
           sum(cell.accepted)::bigint AS accepted,
           sum(cell.completed)::bigint AS completed
      FROM throughput_platform AS cell
     WHERE cell.generation = :generation
       AND cell.grain_minutes = 1
       AND cell.bucket >= ${FIRST_EDGE}
       AND cell.bucket < ${LAST_EDGE}
       AND cell.operator_id = ANY (:operatorIds::text[])
     GROUP BY cell.bucket
  )
  SELECT width_bucket(bucket, :edges::timestamptz[]) AS slot,
         sum(accepted)::bigint,
         sum(completed)::bigint,
         max(ARRAY[accepted, -${minuteOf('bucket')}]),
         max(ARRAY[completed, -${minuteOf('bucket')}])
    FROM minute
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

/** What is remembered of one slot. */
export interface SlotThroughput {
  readonly sums: ThroughputSums | undefined;
  /** What an answer made of it, for the next one; see src/answers/wire/points.ts. */
  point?: EncodedPoint;
}

/** About: two flows of three numbers, and the point that is likely to come. */
const SLOT_BYTES = 700;

/**
 * By operators, their ids separated by commas ('' for all), then by slot (from 0). Edges are whole
 * minutes.
 */
export const throughputKind = {
  name: 'throughput',
  bytesOf: () => SLOT_BYTES,
  none: (): SlotThroughput => ({ sums: undefined }),
  async read(
    snapshot: Snapshot,
    { generation, edges }: CellRange,
    series: readonly string[],
    slots: readonly number[] | undefined,
  ): Promise<Map<string, Map<number, SlotThroughput>>> {
    // Each part by itself: what lies between two of them may be months of minutes.
    const parts = edgesOf({ edges }, slots ?? [...edges.slice(1).keys()]).map((part) => ({
      first: edges.indexOf(part[0] as EpochMicros),
      part,
    }));
    const read = await Promise.all(
      series.map(async (one) => {
        const found = await Promise.all(
          parts.map(async ({ first, part }) => {
            const sums = await selectThroughput(snapshot, generation, part, one);
            return sums.map(([slot, own]) => [slot + first, { sums: own }] as const);
          }),
        );
        return [one, new Map(found.flat())] as const;
      }),
    );
    return new Map(read);
  },
};

async function selectThroughput(
  snapshot: Snapshot,
  generation: number,
  edges: readonly EpochMicros[],
  operatorIds: string,
): Promise<[slot: number, sums: ThroughputSums][]> {
  const asked = { generation, edges: instants(edges) };
  const isOfPlatform = operatorIds === '';
  const { text, values } = isOfPlatform
    ? OF_PLATFORM(asked)
    : OF_OPERATORS({ ...asked, operatorIds: operatorIds.split(',') });
  const name = isOfPlatform ? 'throughput' : 'throughput_of_operators';
  const rows = await snapshot.rows(name, text, values);
  return rows.map((row) => [Number(row[0]) - 1, sumsOf(row)]);
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
