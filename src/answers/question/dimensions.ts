// The dimensions of a breakdown, between their protobuf numbers and the names that the rollups use.
import { OUTCOMES, type Outcome } from '../../domain/message/outcome.js';
import type { ErrorClass } from '../../domain/message/reasons.js';
import { Dimension as ProtoDimension } from '../../generated/proto/sms/analytics/v1/analytics_service.js';
import {
  ErrorClass as ProtoErrorClass,
  Outcome as ProtoOutcome,
} from '../../generated/proto/sms/analytics/v1/common.js';

/** Named as in order_by. */
export type Dimension = 'outcome' | 'reason' | 'error_class' | 'operator_id' | 'account_id';

const DIMENSIONS: Partial<Record<ProtoDimension, Dimension>> = {
  [ProtoDimension.DIMENSION_OUTCOME]: 'outcome',
  [ProtoDimension.DIMENSION_REASON]: 'reason',
  [ProtoDimension.DIMENSION_ERROR_CLASS]: 'error_class',
  [ProtoDimension.DIMENSION_OPERATOR]: 'operator_id',
  [ProtoDimension.DIMENSION_ACCOUNT]: 'account_id',
};

const ERROR_CLASSES: Record<ErrorClass, ProtoErrorClass> = {
  '': ProtoErrorClass.ERROR_CLASS_NONE,
  PERMANENT: ProtoErrorClass.ERROR_CLASS_PERMANENT,
  TEMPORARY: ProtoErrorClass.ERROR_CLASS_TEMPORARY,
  UNKNOWN: ProtoErrorClass.ERROR_CLASS_UNKNOWN,
};

/** Undefined for a number that is not a dimension. */
export function dimensionOf(dimension: ProtoDimension): Dimension | undefined {
  return DIMENSIONS[dimension];
}

/**
 * Undefined for a number that is not an outcome. The numbers follow the order of OUTCOMES, from 1.
 */
export function outcomeOfProto(outcome: ProtoOutcome): Outcome | undefined {
  return OUTCOMES[outcome - ProtoOutcome.OUTCOME_PENDING];
}

export function protoOutcomeOf(outcome: Outcome): ProtoOutcome {
  return OUTCOMES.indexOf(outcome) + ProtoOutcome.OUTCOME_PENDING;
}

/** Undefined for a number that is not a class. */
export function errorClassOfProto(errorClass: ProtoErrorClass): ErrorClass | undefined {
  const found = Object.entries(ERROR_CLASSES).find(([, number]) => number === errorClass);
  return found?.[0] as ErrorClass | undefined;
}

export function protoErrorClassOf(errorClass: ErrorClass): ProtoErrorClass {
  return ERROR_CLASSES[errorClass];
}
