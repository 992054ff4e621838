/**
 * One-dimensional Postgres arrays in the binary wire format, the form in which a batch travels to
 * the ledger statement. Binary keeps microseconds and infinity exact and needs no quoting, so no
 * identifier can break out of its array. Format: array_recv in PostgreSQL's
 * src/backend/utils/adt/arrayfuncs.c; pg sends a Buffer parameter as binary.
 */
import { type EpochDay, type EpochMicros, MICROS_PER_SECOND } from '../../domain/instant.js';

/** Type oids: src/include/catalog/pg_type.dat. */
const OID = { bool: 16, int8: 20, int2: 21, text: 25, date: 1082, timestamptz: 1184, uuid: 2950 };

/** Postgres counts time from 2000-01-01T00:00:00Z. */
const POSTGRES_EPOCH_DAYS = 10_957;
const POSTGRES_EPOCH_MICROS = POSTGRES_EPOCH_DAYS * 86_400 * MICROS_PER_SECOND;
const TWO_TO_32 = 4_294_967_296;

/** dimensions, has-null flag, element oid, length, lower bound: five int32. */
const HEADER_BYTES = 20;

function arrayOf(oid: number, length: number, elementBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + elementBytes);
  bytes.writeInt32BE(1, 0);
  bytes.writeInt32BE(1, 4);
  bytes.writeInt32BE(oid, 8);
  bytes.writeInt32BE(length, 12);
  bytes.writeInt32BE(1, 16);
  return bytes;
}

type Write<T> = (bytes: Buffer, value: T, at: number) => void;

/** An array whose elements all have `width` bytes; undefined is NULL. */
function fixedWidth<T>(
  oid: number,
  width: number,
  write: Write<T>,
  values: readonly (T | undefined)[],
) {
  const nulls = values.reduce((count: number, value) => count + (value === undefined ? 1 : 0), 0);
  const bytes = arrayOf(oid, values.length, values.length * (4 + width) - nulls * width);
  let at = HEADER_BYTES;
  for (const value of values) {
    at = bytes.writeInt32BE(value === undefined ? -1 : width, at);
    if (value === undefined) continue;
    write(bytes, value, at);
    at += width;
  }
  return bytes;
}

/** A safe integer as int8; twice as fast as a bigint. */
function writeSafeInteger(bytes: Buffer, value: number, at: number): void {
  const high = Math.floor(value / TWO_TO_32);
  bytes.writeInt32BE(high, at);
  bytes.writeUInt32BE(value - high * TWO_TO_32, at + 4);
}

function writeInstant(bytes: Buffer, value: EpochMicros, at: number): void {
  if (Number.isFinite(value)) writeSafeInteger(bytes, value - POSTGRES_EPOCH_MICROS, at);
  else bytes.writeBigInt64BE(value > 0 ? 0x7fff_ffff_ffff_ffffn : -0x8000_0000_0000_0000n, at);
}

function writeUuid(bytes: Buffer, value: string, at: number): void {
  bytes.write(value.replaceAll('-', ''), at, 16, 'hex');
}

/** `boolean[]`. */
export function booleans(values: readonly boolean[]): Buffer {
  return fixedWidth(OID.bool, 1, (bytes, value, at) => bytes.writeUInt8(value ? 1 : 0, at), values);
}

/** `smallint[]`; undefined is NULL. */
export function smallints(values: readonly (number | undefined)[]): Buffer {
  return fixedWidth(
    OID.int2,
    2,
    (bytes, value: number, at) => bytes.writeInt16BE(value, at),
    values,
  );
}

/** `bigint[]` of safe integers. */
export function integers(values: readonly number[]): Buffer {
  return fixedWidth(OID.int8, 8, writeSafeInteger, values);
}

/** `bigint[]`. */
export function bigints(values: readonly bigint[]): Buffer {
  return fixedWidth(OID.int8, 8, (bytes, value, at) => bytes.writeBigInt64BE(value, at), values);
}

/** `date[]`. */
export function days(values: readonly EpochDay[]): Buffer {
  return fixedWidth(
    OID.date,
    4,
    (bytes, value, at) => bytes.writeInt32BE(value - POSTGRES_EPOCH_DAYS, at),
    values,
  );
}

/** `timestamptz[]`; Infinity and -Infinity are Postgres's; undefined is NULL. */
export function instants(values: readonly (EpochMicros | undefined)[]): Buffer {
  return fixedWidth(OID.timestamptz, 8, writeInstant, values);
}

/** `uuid[]` of canonical texts; undefined is NULL. */
export function uuids(values: readonly (string | undefined)[]): Buffer {
  return fixedWidth(OID.uuid, 16, writeUuid, values);
}

/** `text[]`; undefined is NULL. A NUL in a text is refused by Postgres (22021). */
export function texts(values: readonly (string | undefined)[]): Buffer {
  const lengths = values.map((value) => (value === undefined ? 0 : Buffer.byteLength(value)));
  const total = lengths.reduce((sum, length) => sum + length + 4, 0);
  const bytes = arrayOf(OID.text, values.length, total);
  let at = HEADER_BYTES;
  for (const [index, value] of values.entries()) {
    const length = lengths[index] as number;
    at = bytes.writeInt32BE(value === undefined ? -1 : length, at);
    if (value !== undefined) at += bytes.write(value, at, length, 'utf8');
  }
  return bytes;
}
