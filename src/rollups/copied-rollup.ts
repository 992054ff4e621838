// The four rollups that are copied to ClickHouse, column by column. Extraction, tables, loading and
// verification all read this one description, so that the two engines cannot disagree on what a row
// is. Order matters: it is the order of the columns on the wire and in the checksum.

/**
 * What a column holds: `bucket` a start of a bucket, `text` an id or a name, `bin` a latency bin,
 * `count` a whole number, `money` an exact decimal of 9 places.
 */
export type ColumnKind = 'bucket' | 'text' | 'bin' | 'count' | 'money';

/** One column of a copied rollup. Keys identify the row, measures are summed. */
export interface CopiedColumn {
  readonly name: string;
  readonly kind: ColumnKind;
}

/** A rollup as it is copied: its base grain only, since ClickHouse aggregates by itself. */
export interface CopiedRollup {
  readonly name: 'outcomes' | 'money' | 'latency' | 'throughput';
  /** The table in Postgres. */
  readonly source: string;
  /** Its name in the change log. */
  readonly change: string;
  /** The table in ClickHouse; analysts read the view called `name`. */
  readonly target: string;
  readonly grainMinutes: number;
  readonly keys: readonly CopiedColumn[];
  readonly measures: readonly CopiedColumn[];
}

const bucket: CopiedColumn = { name: 'bucket', kind: 'bucket' };
const text = (name: string): CopiedColumn => ({ name, kind: 'text' });
const count = (name: string): CopiedColumn => ({ name, kind: 'count' });
const money = (name: string): CopiedColumn => ({ name, kind: 'money' });

/** Every copied rollup, in the order in which a run copies them. */
export const COPIED_ROLLUPS: readonly CopiedRollup[] = [
  {
    name: 'outcomes',
    source: 'outcome_account',
    change: 'outcome',
    target: 'outcome_copy',
    grainMinutes: 15,
    keys: [bucket, text('account_id'), text('operator_id'), text('outcome'), text('reason')],
    measures: [count('messages'), count('segments'), count('contradicted')],
  },
  {
    name: 'money',
    source: 'money_account',
    change: 'money',
    target: 'money_copy',
    grainMinutes: 15,
    keys: [bucket, text('account_id'), text('operator_id'), text('currency')],
    measures: [count('charges'), money('charged'), count('refunds'), money('refunded')],
  },
  {
    name: 'latency',
    source: 'latency_platform',
    change: 'latency',
    target: 'latency_copy',
    grainMinutes: 15,
    keys: [bucket, text('operator_id'), { name: 'bin', kind: 'bin' }],
    measures: [count('messages')],
  },
  {
    name: 'throughput',
    source: 'throughput_platform',
    change: 'throughput',
    target: 'throughput_copy',
    grainMinutes: 1,
    keys: [bucket, text('operator_id')],
    measures: [count('accepted'), count('completed')],
  },
];

/**
 * The order of the rows within a day. Accounts and operators come before the bucket: questions are
 * asked by days, and within a day the rows of an account lie together.
 */
export function rowOrder(rollup: CopiedRollup): readonly string[] {
  const others = rollup.keys.map((key) => key.name).filter((name) => name !== 'bucket');
  const isLeading = (name: string): boolean => name === 'account_id' || name === 'operator_id';
  return [...others.filter(isLeading), 'bucket', ...others.filter((name) => !isLeading(name))];
}

/** A UTC day as `YYYY-MM-DD`: the unit of verification and of re-sending. */
export type UtcDay = string;

/**
 * What both engines say of one day of one rollup; equal fingerprints mean equal rows. All are exact
 * decimal strings without trailing zeros. `sums`: each measure, then the versions. `checksum`: the
 * sum over the rows of the CRC-32 of the row's key times the row's weight: a value that is missing,
 * changed or under another key changes it, unless 32 bits agree by chance.
 */
export interface DayFingerprint {
  readonly day: UtcDay;
  readonly rows: string;
  readonly sums: readonly string[];
  readonly checksum: string;
}

/**
 * What a row weighs, in SQL that both engines read alike: its counts and its version, each times a
 * factor and cut to 31 bits (so that a CRC-32 times it stays within 64), and its money.
 */
export function weightOf(rollup: CopiedRollup): { counts: string; money: readonly string[] } {
  const counts = rollup.measures.filter(({ kind }) => kind === 'count').map(({ name }) => name);
  const money = rollup.measures.filter(({ kind }) => kind === 'money').map(({ name }) => name);
  return {
    counts: [...counts, 'version'].map((name, at) => `${name} * ${31 ** at}`).join(' + '),
    money: money.map((name, at) => `${name} * ${31 ** at}`),
  };
}

/** 2^31 - 1. */
export const WEIGHT_MASK = 0x7fffffff;

/** True when both sides hold the same rows; an absent side holds none. */
export function sameDay(
  left: DayFingerprint | undefined,
  right: DayFingerprint | undefined,
): boolean {
  return fingerprintText(left) === fingerprintText(right);
}

function fingerprintText(fingerprint: DayFingerprint | undefined): string {
  if (fingerprint === undefined || fingerprint.rows === '0') return 'none';
  return [fingerprint.rows, ...fingerprint.sums, fingerprint.checksum].join(' ');
}

/**
 * What of a day differs, for people: `rows 10 ≠ 9, messages 100 ≠ 90, checksum`. Empty when nothing
 * does.
 */
export function differences(
  rollup: CopiedRollup,
  postgres: DayFingerprint | undefined,
  clickhouse: DayFingerprint | undefined,
): string {
  const names = ['rows', ...rollup.measures.map((measure) => measure.name), 'version'];
  const left = [postgres?.rows ?? '0', ...(postgres?.sums ?? [])];
  const right = [clickhouse?.rows ?? '0', ...(clickhouse?.sums ?? [])];
  const found = names.flatMap((name, at) => {
    const [here, there] = [left[at] ?? '0', right[at] ?? '0'];
    return here === there ? [] : [`${name} ${here} ≠ ${there}`];
  });
  if (found.length === 0 && !sameDay(postgres, clickhouse)) found.push('checksum');
  return found.join(', ');
}
