// What is known about one call while it runs. The outermost interceptor makes the record; the
// others and the adapter find it by the call's metadata object, so nothing that a client sends can
// pose as a part of it.
import { randomUUID } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import type { Span } from '@opentelemetry/api';
import type { DenialReason } from '../authorisation/denial-reasons.js';
import type { Caller } from '../authorisation/policy.js';

/** One call. */
export interface CallRecord {
  /** Full method name, `package.Service/Method`. */
  readonly method: string;
  /** Names this call in logs, audit records and error details. */
  readonly correlationId: string;
  readonly startedMs: number;
  /** The connection that it came over; what is known of a connection may be kept by this object. */
  readonly connection: object | undefined;
  /** Begun when the call's metadata is there. */
  span: Span | undefined;
  /**
   * Time left for the call when it began: the caller's deadline, or our cap on it. Infinite for
   * open-ended methods.
   */
  timeoutMs: number;
  /** Set once the call is authorised. */
  caller: Caller | undefined;
  /**
   * Why it was denied, and who asked: the caller's name, or the identity of somebody who is not
   * listed.
   */
  denial: { readonly who: string; readonly reason: DenialReason } | undefined;
}

const records = new WeakMap<Metadata, CallRecord>();

/** A new record without a caller. */
export function newCallRecord(
  method: string,
  startedMs: number,
  connection: object | undefined,
): CallRecord {
  return {
    method,
    correlationId: randomUUID(),
    startedMs,
    connection,
    span: undefined,
    timeoutMs: Number.POSITIVE_INFINITY,
    caller: undefined,
    denial: undefined,
  };
}

/** Ties a record to the metadata that every later stage receives. */
export function keepCallRecord(metadata: Metadata, record: CallRecord): void {
  records.set(metadata, record);
}

/**
 * The record of a call. A call without one has not passed the interceptors, which is a bug: throws.
 */
export function callRecord(metadata: Metadata): CallRecord {
  const record = records.get(metadata);
  if (record === undefined) throw new Error('a call bypassed the interceptors');
  return record;
}
