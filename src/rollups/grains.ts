// The bucket sizes at which rollups stand, their measures, and how SQL finds the bucket of a cell.
// The fragments read `cell` (a row of signed cells that begins at `cell.at`), `grain` (a size in
// minutes) and `r` (the stored row): counting/ledger/rollup-statement.ts says what each name is.
import { OUTCOMES } from '../domain/message/outcome.js';

/** Base grain of outcomes, money and latency: every civil offset is a multiple of it. */
export const BASE_GRAIN_MINUTES = 15;
/** Base grain of throughput. */
export const THROUGHPUT_GRAIN_MINUTES = 1;
export const HOUR_MINUTES = 60;
export const DAY_MINUTES = 1440;
/** Bucket sizes in minutes, the base grain first, each a multiple of the one before. */
export const ACCOUNT_GRAINS_MINUTES = [BASE_GRAIN_MINUTES, HOUR_MINUTES] as const;
export const PLATFORM_GRAINS_MINUTES = [BASE_GRAIN_MINUTES, HOUR_MINUTES, DAY_MINUTES] as const;
export const THROUGHPUT_GRAINS_MINUTES = [
  THROUGHPUT_GRAIN_MINUTES,
  HOUR_MINUTES,
  DAY_MINUTES,
] as const;

/** Every bucket of every grain starts a multiple of its size after this instant. */
const ORIGIN = `timestamptz '2000-01-01T00:00:00Z'`;

export const quarterHour = (at: string) => `date_bin('15 min', ${at}, ${ORIGIN})`;
export const utcDay = (at: string) => `date_bin('1 day', ${at}, ${ORIGIN})`;
export const minute = (at: string) => `date_bin('1 min', ${at}, ${ORIGIN})`;

/** A FROM item: one row for each size, as `grain`. */
export const grains = (minutes: readonly number[]) =>
  `unnest('{${minutes.join(',')}}'::smallint[]) AS grain`;

/** The bucket of `cell.at` at the size `grain`. */
export const BUCKET = `date_bin(grain * interval '1 min', cell.at, ${ORIGIN})`;

/** Of an update: adds what is inserted to what is stored (`r`). */
export const add = (measures: readonly string[]) =>
  [
    ...measures.map((name) => `${name} = r.${name} + excluded.${name}`),
    'version = r.version + 1',
  ].join(',\n    ');

/** Of a grouped select over `cell`: each measure's sum under its own name. */
export const sums = (measures: readonly string[]) =>
  measures.map((name) => `sum(cell.${name}) AS ${name}`).join(',\n    ');

/** Of one outcome: rows of the rollups outcome_account and outcome_platform. */
export const MESSAGE_MEASURES = ['messages', 'segments', 'contradicted'] as const;
/** Of all outcomes side by side: rows of the sums; messages by outcome, then what lies across. */
export const OUTCOME_SUM_MEASURES = [
  ...OUTCOMES.map((outcome) => outcome.toLowerCase()),
  'segments',
  'contradicted',
];
export const MONEY_MEASURES = ['charges', 'charged', 'refunds', 'refunded'] as const;
