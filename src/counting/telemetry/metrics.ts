// What Prometheus learns of ingestion. Labels come from closed sets: no account, operator or
// message.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { DEAD_LETTER_REASONS } from '../../domain/message/dead-letter.js';
import { MICROS_PER_SECOND } from '../../domain/time/instant.js';
import type { DurableState } from '../../nats/durable-state.js';
import type { Envelope } from '../../nats/envelope.js';
import type { Committed } from '../commit.js';

const DURATION_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BATCH_BUCKETS = [1, 10, 50, 100, 250, 500, 1_000, 2_000, 6_000];

export interface IngestMetrics {
  observeBatch(envelopes: readonly Envelope[], committed: Committed, durationMs: number): void;
  observeDurable(durable: DurableState): void;
  observeForbidden(forbidden: boolean): void;
  observeDueDays(count: number): void;
  observeGaps(missingCount: number): void;
  /** Days as `YYYY-MM-DD`. */
  observeMissingDays(days: readonly string[]): void;
}

export function ingestMetrics(registry: Registry): IngestMetrics {
  return { ...batchMetrics([registry]), ...stateMetrics([registry]) };
}

function batchMetrics(registers: Registry[]) {
  const events = new Counter({
    name: 'sms_analytics_events_total',
    help: 'Events committed, by kind; copies included',
    labelNames: ['kind'],
    registers,
  });
  const deadLetters = new Counter({
    name: 'sms_analytics_dead_letters_total',
    help: 'Events dead-lettered, by reason; a conflict once, as it may be found again',
    labelNames: ['reason'],
    registers,
  });
  // A counter that is born with its first event shows no increase: the alert for phone numbers
  // would miss the first.
  for (const reason of DEAD_LETTER_REASONS) deadLetters.inc({ reason }, 0);
  const unknownFields = new Counter({
    name: 'sms_analytics_unknown_fields_total',
    help: 'Fields of events that the contract does not have; dropped',
    registers,
  });
  const redeliveries = new Counter({
    name: 'sms_analytics_redeliveries_total',
    help: 'Envelopes that the broker had delivered before',
    registers,
  });
  const batchSize = new Histogram({
    name: 'sms_analytics_batch_events',
    help: 'Envelopes per batch',
    buckets: BATCH_BUCKETS,
    registers,
  });
  const batchDuration = new Histogram({
    name: 'sms_analytics_batch_seconds',
    help: 'From the commit of a decoded batch to its acks, waiting for Postgres included',
    buckets: DURATION_BUCKETS_SECONDS,
    registers,
  });
  return {
    observeBatch(
      envelopes: readonly Envelope[],
      { decided, unstorableCount, conflictCount }: Committed,
      durationMs: number,
    ) {
      batchSize.observe(envelopes.length);
      batchDuration.observe(durationMs / 1_000);
      redeliveries.inc(envelopes.reduce((sum, one) => sum + (one.redelivered ? 1 : 0), 0));
      unknownFields.inc(decided.unknownFieldCount);
      for (const event of decided.events) events.inc({ kind: event.kind });
      for (const letter of decided.deadLetters) deadLetters.inc({ reason: letter.reason });
      if (unstorableCount > 0) deadLetters.inc({ reason: 'unstorable' }, unstorableCount);
      if (conflictCount > 0) deadLetters.inc({ reason: 'conflict' }, conflictCount);
    },
  } satisfies Partial<IngestMetrics>;
}

function stateMetrics(registers: Registry[]) {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const pending = gauge('sms_analytics_pending_events', 'Events of the stream not yet pulled');
  const unacknowledged = gauge('sms_analytics_unacknowledged_events', 'Events pulled, not acked');
  const dataAsOf = gauge(
    'sms_analytics_data_as_of_timestamp_seconds',
    'Unix time before which everything published is counted',
  );
  const stopped = gauge('sms_analytics_counting_stopped', '1 while the guard forbids counting');
  stopped.set(0);
  const dueDays = gauge(
    'sms_analytics_days_to_add_up',
    'Days that are over and not added up: accounts are read by the hour or its quarters there',
  );
  const gaps = gauge(
    'sms_analytics_gap_events',
    'Events that left the stream before they were counted, in gaps that nobody accepted',
  );
  const missingDay = new Gauge({
    name: 'sms_analytics_missing_ledger_day',
    help:
      '1 for each ledger day that is gone while its rollups count messages: ' +
      'its events are refused',
    labelNames: ['day'],
    registers,
  });
  return {
    observeDurable(durable: DurableState) {
      pending.set(durable.pendingCount);
      unacknowledged.set(durable.unacknowledgedCount);
      dataAsOf.set(durable.dataAsOf / MICROS_PER_SECOND);
    },
    observeForbidden: (forbidden: boolean) => stopped.set(forbidden ? 1 : 0),
    observeDueDays: (count: number) => dueDays.set(count),
    observeGaps: (missingCount: number) => gaps.set(missingCount),
    observeMissingDays(days: readonly string[]) {
      missingDay.reset();
      for (const day of days) missingDay.set({ day }, 1);
    },
  } satisfies Partial<IngestMetrics>;
}
