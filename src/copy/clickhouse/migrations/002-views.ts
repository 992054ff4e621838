// The views for analysts. Each reads the copy of the newest mark only, merges versions by itself
// (no query needs FINAL), leaves out rows that fell to zero, and applies the settling rule of the
// contract, section 2.
import { LATENCY_RELATIVE_ERROR } from '../../../domain/measures/latency.js';
import { type DdlTarget, onCluster, qualified } from '../ddl.js';

/** The statements, in order; each may be run again without harm. */
export function views(target: DdlTarget): readonly string[] {
  return viewDefinitions(target).map(
    ({ name, select }) =>
      `CREATE OR REPLACE VIEW ${qualified(target, name)}${onCluster(target)} AS\n${select}`,
  );
}

/** A view and what it selects. */
export interface ViewDefinition {
  readonly name: string;
  readonly select: string;
}

/** Every view, in the order in which they need each other: what schema checks compare with. */
export function viewDefinitions(target: DdlTarget): readonly ViewDefinition[] {
  return [freshness(target), outcomes(target), money(target), latency(target), throughput(target)];
}

function freshness(target: DdlTarget): ViewDefinition {
  const settling = 'data_as_of - toIntervalSecond(settling_seconds)';
  return {
    name: 'freshness',
    select: `SELECT generation, copy, epoch, data_as_of,
  toDateTime(toStartOfInterval(${settling}, toIntervalMinute(15)), 'UTC')
    AS settled_through,
  revision, marked_at
FROM ${qualified(target, 'copy_mark')}
ORDER BY epoch DESC
LIMIT 1`,
  };
}

/**
 * A scalar: evaluated once, before the table is read, so that other copies' partitions are never
 * opened.
 */
function newestMark(target: DdlTarget): string {
  const source = qualified(target, 'freshness');
  return `WITH (SELECT (generation, copy, settled_through) FROM ${source}) AS mark`;
}

const ofNewestMark = 'generation = mark.1 AND copy = mark.2';
/**
 * A row's key contains its partition, so parts of different partitions need no merging with each
 * other.
 */
const settings = 'SETTINGS do_not_merge_across_partitions_select_final = 1';

function outcomes(target: DdlTarget): ViewDefinition {
  const over = 'ifNull(bucket + toIntervalMinute(15) <= mark.3, 0)';
  return {
    name: 'outcomes',
    select: `${newestMark(target)}, outcome = 'PENDING' AND ${over} AS settled
SELECT bucket, account_id, operator_id,
  if(settled, 'UNKNOWN', outcome) AS outcome,
  if(settled, 'NO_RECEIPT', reason) AS reason,
  messages, segments, contradicted
FROM ${qualified(target, 'outcome_copy')} FINAL
WHERE ${ofNewestMark} AND (messages != 0 OR segments != 0 OR contradicted != 0)
${settings}`,
  };
}

function money(target: DdlTarget): ViewDefinition {
  const amounts = 'charges, charged, refunds, refunded, charged - refunded AS net';
  return {
    name: 'money',
    select: `${newestMark(target)}
SELECT bucket, account_id, operator_id, currency, ${amounts}
FROM ${qualified(target, 'money_copy')} FINAL
WHERE ${ofNewestMark} AND (charges != 0 OR refunds != 0)
${settings}`,
  };
}

function latency(target: DdlTarget): ViewDefinition {
  const gamma = (1 + LATENCY_RELATIVE_ERROR) / (1 - LATENCY_RELATIVE_ERROR);
  return {
    name: 'latency',
    select: `${newestMark(target)}
SELECT bucket, operator_id, bin,
  if(bin <= 0, 0, 2 * pow(${gamma}, bin - 1) / ${gamma + 1} / 1000) AS latency_ms,
  toUInt64(greatest(copied.messages, 0)) AS messages
FROM ${qualified(target, 'latency_copy')} AS copied FINAL
WHERE ${ofNewestMark} AND copied.messages != 0
${settings}`,
  };
}

function throughput(target: DdlTarget): ViewDefinition {
  return {
    name: 'throughput',
    select: `${newestMark(target)}
SELECT bucket, operator_id, accepted, completed
FROM ${qualified(target, 'throughput_copy')} FINAL
WHERE ${ofNewestMark} AND (accepted != 0 OR completed != 0)
${settings}`,
  };
}
