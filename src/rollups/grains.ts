// The bucket sizes at which rollups stand, and how SQL finds the bucket of a cell.

export const HOUR_MINUTES = 60;
/** Bucket sizes in minutes, the base grain first, each a multiple of the one before. */
export const ACCOUNT_GRAINS_MINUTES = [15, HOUR_MINUTES] as const;
export const PLATFORM_GRAINS_MINUTES = [15, 60, 1440] as const;
export const THROUGHPUT_GRAINS_MINUTES = [1, 60, 1440] as const;

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

/** Adds what is inserted to what is stored (`r`). */
export const add = (measures: readonly string[]) =>
  `${measures.map((name) => `${name} = r.${name} + excluded.${name}`).join(', ')}, version = r.version + 1`;

export const sums = (measures: readonly string[]) =>
  measures.map((name) => `sum(cell.${name}) AS ${name}`).join(', ');

export const MONEY_MEASURES = ['charges', 'charged', 'refunds', 'refunded'] as const;
