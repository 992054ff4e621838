// The binary form of an event: the outline is checked first, then the generated codec reads the
// values. Text that is not UTF-8 is malformed; an empty text or a zero is a missing field, as
// proto3 has it.
import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { EventFields, EventKind } from '../../domain/message/admission.js';
import {
  emptyFields,
  MALFORMED,
  networkOfEnum,
  type Reading,
  stateOfEnum,
} from '../../domain/message/event-reading.js';
import { type EpochMicros, instantOfTimestamp } from '../../domain/time/instant.js';
import type { Timestamp } from '../../generated/proto/google/protobuf/timestamp.js';
import {
  DeliveryReported,
  MessageCharged,
  MessageRefunded,
} from '../../generated/proto/sms/events/v1/events.js';
import { countUnknownFields, WIRE_SHAPES } from './decode-wire.js';

// A byte order mark is kept, so that it is refused and not dropped in silence.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const strictUtf8 = (bytes: Uint8Array): string => utf8.decode(bytes);

/** What the protobuf message in `payload` says of an event of `kind`. Never throws. */
export function readProtobuf(kind: EventKind, payload: Uint8Array): Reading {
  const unknownFields = countUnknownFields(payload, WIRE_SHAPES[kind]);
  if (unknownFields < 0) return MALFORMED;
  try {
    const fields = readFields(kind, new BinaryReader(payload, strictUtf8));
    return { fault: undefined, fields, unknownFields };
  } catch {
    return MALFORMED;
  }
}

function readFields(kind: EventKind, reader: BinaryReader): EventFields {
  switch (kind) {
    case 'charged': {
      const event = MessageCharged.decode(reader);
      const { segments, amount, currency } = event;
      return { ...headOf(event, event.chargedAt), segments, amount, currency };
    }
    case 'refunded': {
      const event = MessageRefunded.decode(reader);
      const { amount, currency } = event;
      return { ...headOf(event, event.refundedAt), amount, currency };
    }
    case 'reported': {
      const event = DeliveryReported.decode(reader);
      const head = headOf(event, event.reportedAt);
      const state = stateOfEnum(event.state);
      if (event.error === undefined) return { ...head, state };
      const network = networkOfEnum(event.error.network);
      return { ...head, state, error: 'present', network, code: event.error.code };
    }
  }
}

type Head = Pick<MessageCharged, 'eventId' | 'messageId' | 'accountId' | 'operatorId'> & {
  readonly acceptedAt: Timestamp | undefined;
};

function headOf(event: Head, occurredAt: Timestamp | undefined): EventFields {
  return {
    ...emptyFields(),
    eventId: event.eventId,
    messageId: event.messageId,
    accountId: event.accountId,
    operatorId: event.operatorId,
    acceptedAt: instantOf(event.acceptedAt),
    occurredAt: instantOf(occurredAt),
  };
}

function instantOf(timestamp: Timestamp | undefined): EpochMicros | undefined {
  if (timestamp === undefined) return undefined;
  return instantOfTimestamp(timestamp.seconds, timestamp.nanos);
}
