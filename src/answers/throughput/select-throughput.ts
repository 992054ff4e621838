// Messages per minute, slot by slot: how many, and which minute was the busiest.
import { type EpochMicros, MICROS_PER_MINUTE } from '../../domain/time/instant.js';
import type { Row, Snapshot } from '../../postgres/pool.js';
import { type CellRange, edgesOf, edgesValue } from '../../rollups/cells.js';
import type { EncodedPoint } from '../figures/select-figures.js';

// Hours that lie in one slot know their sums and their busiest minutes; of hours that an edge cuts
// the minutes are read.
const OF_PLATFORM = `
  WITH hour AS MATERIALIZED (
    SELECT cell.*, width_bucket(cell.bucket, $2::timestamptz[]) AS slot
      FROM throughput_sum AS cell
     WHERE cell.generation = $1
       AND cell.grain_minutes = 60
       AND cell.bucket > ($2::timestamptz[])[1] - interval '1 hour'
       AND cell.bucket < ($2::timestamptz[])[cardinality($2::timestamptz[])]
  ), cut AS (
    SELECT DISTINCT date_trunc('hour', edge, 'UTC') AS bucket
      FROM unnest($2::timestamptz[]) AS edge
     WHERE edge <> date_trunc('hour', edge, 'UTC')
  ), minute AS (
    SELECT width_bucket(at, $2::timestamptz[]) AS slot, accepted, completed,
           (extract(epoch FROM at) / 60)::bigint AS number
      FROM (SELECT hour.bucket + (i - 1) * interval '1 minute' AS at, m.accepted, m.completed
              FROM hour JOIN cut USING (bucket)
             CROSS JOIN LATERAL unnest(hour.accepted, hour.completed) WITH ORDINALITY AS m (accepted, completed, i)
           ) AS minute
     WHERE at >= ($2::timestamptz[])[1] AND at < ($2::timestamptz[])[cardinality($2::timestamptz[])]
  )
  SELECT slot, sum(accepted)::bigint, sum(completed)::bigint, max(accepted_peak), max(completed_peak)
    FROM (SELECT slot, accepted_sum AS accepted, completed_sum AS completed,
                 ARRAY[accepted_peak, -(extract(epoch FROM bucket) / 60)::bigint
                       - array_position(accepted, accepted_peak) + 1] AS accepted_peak,
                 ARRAY[completed_peak, -(extract(epoch FROM bucket) / 60)::bigint
                       - array_position(completed, completed_peak) + 1] AS completed_peak
            FROM hour
           WHERE NOT EXISTS (SELECT FROM cut WHERE cut.bucket = hour.bucket)
          UNION ALL
          SELECT slot, accepted, completed, ARRAY[accepted, -number], ARRAY[completed, -number]
            FROM minute) AS part
   GROUP BY slot`;

// Minutes are summed over the operators before the busiest is sought. Arrays compare element by
// element, so that the greatest [messages, -minute] is the first of the busiest minutes.
const OF_OPERATORS = `
  WITH minute AS (
    SELECT cell.bucket, sum(cell.accepted)::bigint AS accepted, sum(cell.completed)::bigint AS completed
      FROM throughput_platform AS cell
     WHERE cell.generation = $1
       AND cell.grain_minutes = 1
       AND cell.bucket >= ($2::timestamptz[])[1]
       AND cell.bucket < ($2::timestamptz[])[cardinality($2::timestamptz[])]
       AND cell.operator_id = ANY ($3::text[])
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
  const values = [generation, edgesValue({ edges })];
  const rows =
    operatorIds === ''
      ? await snapshot.rows('throughput', OF_PLATFORM, values)
      : await snapshot.rows('throughput_of_operators', OF_OPERATORS, [
          ...values,
          operatorIds.split(','),
        ]);
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
