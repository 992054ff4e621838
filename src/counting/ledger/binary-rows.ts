// Rows of a composite type as one Postgres array in the binary wire format, the form in which a
// batch travels to the ledger statement. Binary keeps microseconds and infinity exact and needs no
// quoting, so no identifier can break out of its place. Formats: array_recv in PostgreSQL's
// src/backend/utils/adt/arrayfuncs.c, record_recv in rowtypes.c, numeric_recv in numeric.c.
import type { Nanos } from '../../domain/measures/decimal.js';
import { type EpochDay, type EpochMicros, MICROS_PER_SECOND } from '../../domain/time/instant.js';

/**
 * A type of Postgres: its name, its oid (src/include/catalog/pg_type.dat), and how a value is
 * written.
 */
export interface BinaryType<T> {
  readonly sql: string;
  readonly oid: number;
  readonly write: (out: Output, value: T) => void;
}

/**
 * Where bytes go; grows. Numbers are written by the view, which is several times as fast as
 * Buffer's methods.
 */
class Output {
  bytes: Buffer;
  view: DataView;
  length = 0;

  constructor(expectedLength: number) {
    this.bytes = Buffer.allocUnsafeSlow(expectedLength);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Takes the next `count` bytes; returns where they begin. */
  take(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.length, 2 * this.bytes.length));
      this.bytes.copy(larger, 0, 0, at);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  int32(value: number): void {
    const at = this.take(4);
    this.view.setInt32(at, value);
  }
}

/** Postgres counts time from 2000-01-01T00:00:00Z. */
const POSTGRES_EPOCH_DAYS = 10_957;
const POSTGRES_EPOCH_MICROS = POSTGRES_EPOCH_DAYS * 86_400 * MICROS_PER_SECOND;
const TWO_TO_32 = 4_294_967_296;

/** A value of `width` bytes behind its length. */
function fixed<T>(
  sql: string,
  oid: number,
  width: number,
  write: (view: DataView, value: T, at: number) => void,
): BinaryType<T> {
  return {
    sql,
    oid,
    write: (out, value) => {
      const at = out.take(4 + width);
      out.view.setInt32(at, width);
      write(out.view, value, at + 4);
    },
  };
}

/** The same type with undefined for NULL. */
export function nullable<T>({ sql, oid, write }: BinaryType<T>): BinaryType<T | undefined> {
  return {
    sql,
    oid,
    write: (out, value) => (value === undefined ? out.int32(-1) : write(out, value)),
  };
}

/** A safe integer as int8; twice as fast as a bigint. */
function writeSafeInteger(view: DataView, value: number, at: number): void {
  const high = Math.floor(value / TWO_TO_32);
  view.setInt32(at, high);
  view.setUint32(at + 4, value - high * TWO_TO_32);
}

function writeInstant(view: DataView, value: EpochMicros, at: number): void {
  if (Number.isFinite(value)) writeSafeInteger(view, value - POSTGRES_EPOCH_MICROS, at);
  else view.setBigInt64(at, value > 0 ? 0x7fff_ffff_ffff_ffffn : -0x8000_0000_0000_0000n);
}

export const boolean = fixed('boolean', 16, 1, (view, value: boolean, at) =>
  view.setUint8(at, value ? 1 : 0),
);
export const smallint = fixed('smallint', 21, 2, (view, value: number, at) =>
  view.setInt16(at, value),
);
/** bigint, of safe integers. */
export const integer = fixed<number>('bigint', 20, 8, writeSafeInteger);
export const bigint = fixed('bigint', 20, 8, (view, value: bigint, at) =>
  view.setBigInt64(at, value),
);
export const date = fixed('date', 1082, 4, (view, value: EpochDay, at) =>
  view.setInt32(at, value - POSTGRES_EPOCH_DAYS),
);
/** Infinity and -Infinity are Postgres's. */
export const timestamptz = fixed<EpochMicros>('timestamptz', 1184, 8, writeInstant);

const UUID_BYTES = 16;

/** A canonical text. */
export const uuid: BinaryType<string> = {
  sql: 'uuid',
  oid: 2950,
  write: (out, value) => {
    const at = out.take(4 + UUID_BYTES);
    out.view.setInt32(at, UUID_BYTES);
    out.bytes.write(value.replaceAll('-', ''), at + 4, UUID_BYTES, 'hex');
  },
};

/** A NUL in a text is refused by Postgres (22021). */
export const text: BinaryType<string> = {
  sql: 'text',
  oid: 25,
  write: (out, value) => {
    const length = Buffer.byteLength(value);
    const at = out.take(4 + length);
    out.view.setInt32(at, length);
    if (length > 0) out.bytes.write(value, at + 4, length);
  },
};

/** numeric's digits are of base 10,000; nine decimals take three of them. */
const NUMERIC_BASE = 10_000n;
const FRACTION_DIGITS = 3;
const NANOS_TO_FRACTION = 1_000n;
const NEGATIVE = 0x4000;
const DECIMALS = 9;

export const numeric: BinaryType<Nanos> = {
  sql: 'numeric',
  oid: 1700,
  write: (out, nanos) => {
    const digits: number[] = [];
    let rest = (nanos < 0n ? -nanos : nanos) * NANOS_TO_FRACTION;
    for (; rest > 0n; rest /= NUMERIC_BASE) digits.unshift(Number(rest % NUMERIC_BASE));
    const at = out.take(4 + 8 + 2 * digits.length);
    out.view.setInt32(at, 8 + 2 * digits.length);
    out.view.setInt16(at + 4, digits.length);
    out.view.setInt16(at + 6, digits.length - FRACTION_DIGITS - 1);
    out.view.setInt16(at + 8, nanos < 0n ? NEGATIVE : 0);
    out.view.setInt16(at + 10, DECIMALS);
    for (const [index, digit] of digits.entries()) {
      out.view.setInt16(at + 12 + 2 * index, digit);
    }
  },
};

/** A column of a composite type, and its value in a row. */
export interface BinaryColumn<Row> {
  readonly name: string;
  readonly sql: string;
  readonly oid: number;
  readonly write: (out: Output, row: Row) => void;
}

export function column<Row, T>(
  name: string,
  type: BinaryType<T>,
  value: (row: Row) => T,
): BinaryColumn<Row> {
  const { sql, oid, write } = type;
  return { name, sql, oid, write: (out, row) => write(out, value(row)) };
}

/** dimensions, has-null flag, element oid, length, lower bound: five int32. */
const ELEMENT_OID_AT = 8;
const HEADER_BYTES = 20;
/** Somewhat more than a usual row takes, so that the output seldom grows. */
const USUAL_ROW_BYTES = 512;

/** An array of rows, whose element type is still to be named: `nameElementType`. */
export function encodeRows<Row>(
  columns: readonly BinaryColumn<Row>[],
  rows: readonly Row[],
): Buffer {
  const out = new Output(HEADER_BYTES + rows.length * USUAL_ROW_BYTES);
  for (const value of [1, 0, 0, rows.length, 1]) out.int32(value);
  for (const row of rows) {
    const at = out.take(4);
    out.int32(columns.length);
    for (const { oid, write } of columns) {
      out.int32(oid);
      write(out, row);
    }
    out.view.setInt32(at, out.length - at - 4);
  }
  return out.bytes.subarray(0, out.length);
}

/**
 * Writes the oid of the composite type, which each database gave it anew, into an array of its
 * rows.
 */
export function nameElementType(array: Buffer, oid: number): void {
  array.writeUInt32BE(oid, ELEMENT_OID_AT);
}
