/** Failures and UNKNOWN of some operators by reason. */
import {
  type CellRange,
  cellValues,
  fromCells,
  outcomeBy,
  reasonBy,
  settledValue,
} from './cells.js';
import type { Snapshot } from './pool.js';

const BY_OPERATOR = `
  SELECT operator_id, reason, sum(messages)::bigint
    FROM (SELECT cell.operator_id, ${outcomeBy('$5')} AS outcome, ${reasonBy('$5')} AS reason, cell.messages
            ${fromCells('outcome_platform', 'cell.operator_id = ANY ($6::text[])')}) AS answered
   WHERE outcome NOT IN ('PENDING', 'DELIVERED')
   GROUP BY 1, 2
  HAVING sum(messages) > 0`;

/** Messages by reason. */
export interface ReasonMessages {
  readonly reason: string;
  readonly messages: bigint;
}

/** The reasons of each operator over the whole range, in no order. */
export async function selectReasons(
  snapshot: Snapshot,
  range: CellRange,
  operatorIds: readonly string[],
): Promise<Map<string, ReasonMessages[]>> {
  const values = [...cellValues('outcome_platform', range, true), settledValue(range), operatorIds];
  const rows = await snapshot.rows('reasons_by_operator', BY_OPERATOR, values);
  const byOperator = new Map<string, ReasonMessages[]>();
  for (const [operatorId, reason, messages] of rows) {
    const reasons = byOperator.get(operatorId as string) ?? [];
    reasons.push({ reason: reason as string, messages: BigInt(messages as string) });
    byOperator.set(operatorId as string, reasons);
  }
  return byOperator;
}
