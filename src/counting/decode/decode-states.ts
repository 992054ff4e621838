// Enum values of the event protocol in the domain's numbers. The protobuf enum has SCHEDULED at 10,
// because proto3 reserves the zero; the domain orders by SMPP's numbers, where it is 0.
import {
  NETWORK_NAMES,
  type NetworkNumber,
  STATE_NAMES,
  type StateNumber,
} from '../../domain/message/outcome.js';
import { MessageState } from '../../generated/proto/sms/events/v1/events.js';

const stateByName = new Map(STATE_NAMES.map((name, number) => [name as string, number]));
const networkByName = new Map(NETWORK_NAMES.map((name, number) => [name as string, number]));

/** The state of a name such as `DELIVERED`, or undefined. */
export function stateOfName(name: string): StateNumber | undefined {
  return stateByName.get(name) as StateNumber | undefined;
}

/** The state of a number of the protobuf enum, or undefined for 0 and unknown numbers. */
export function stateOfEnum(value: number): StateNumber | undefined {
  if (value === MessageState.SCHEDULED) return 0;
  return Number.isInteger(value) && value >= 1 && value <= 9 ? (value as StateNumber) : undefined;
}

/** The network of a name such as `GSM_MAP`, or undefined. */
export function networkOfName(name: string): NetworkNumber | undefined {
  return name === '' ? undefined : (networkByName.get(name) as NetworkNumber | undefined);
}

/** The network of a number of the protobuf enum, or undefined for 0 and unknown numbers. */
export function networkOfEnum(value: number): NetworkNumber | undefined {
  return Number.isInteger(value) && value >= 1 && value <= 3 ? (value as NetworkNumber) : undefined;
}
