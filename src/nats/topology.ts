// The stream and its durables, as data (contract, section 1). `ops setup` brings a server to this
// state; the services never create or change anything, their credentials forbid it.
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  nanos,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from 'nats';
import { CONSUMER_NOT_FOUND, STREAM_NOT_FOUND, unless } from './api-errors.js';

export const STREAM = 'SMS_EVENTS';

const DAY_MS = 86_400_000;
const MAX_AGE_DAYS = 14;
const ACK_WAIT_MS = 60_000;
const MAX_ACK_PENDING = 20_000;
/**
 * The shortest that the server takes: one `Nats-Msg-Id` is one for all subjects, so that within the
 * window one producer's id swallows another's event. Counting needs no dedupe by the broker.
 */
const DUPLICATE_WINDOW_MS = 100;

/** Options that differ between a laptop and a cluster. */
export interface TopologyOptions {
  /** Copies of the stream: 3 in production, 1 on a single server. */
  readonly replicas: number;
}

/** Whether what differs is changed, or only said. */
export interface Trial {
  readonly dryRun?: boolean | undefined;
}

/** Of nats-server 2.12, which the client's types do not know. */
interface NewerStreamConfig {
  readonly allow_atomic: boolean;
}

export function streamConfig({
  replicas,
}: TopologyOptions): Partial<StreamConfig> & NewerStreamConfig {
  return {
    name: STREAM,
    subjects: ['sms.billing.>', 'sms.dlr.>'],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_age: nanos(MAX_AGE_DAYS * DAY_MS),
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    num_replicas: replicas,
    // Neither can be taken back: what is published leaves by its age only.
    deny_purge: true,
    deny_delete: true,
    allow_atomic: true,
  };
}

export function durableConfig(durable: string): Partial<ConsumerConfig> {
  return {
    durable_name: durable,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    max_deliver: -1,
    ack_wait: nanos(ACK_WAIT_MS),
    max_ack_pending: MAX_ACK_PENDING,
  };
}

/** What setting up did to one object, or would do. */
export type SetupAction = 'created' | 'updated' | 'unchanged';

/** Creates or updates the stream. Repeatable; rejects with the server's error. */
export async function ensureStream(
  manager: JetStreamManager,
  options: TopologyOptions & Trial,
): Promise<SetupAction> {
  const wanted = streamConfig(options);
  const known = await unless(manager.streams.info(STREAM), STREAM_NOT_FOUND);
  if (known === undefined) {
    if (!options.dryRun) await manager.streams.add(wanted);
    return 'created';
  }
  if (sameWhereWanted(wanted, known.config)) return 'unchanged';
  if (!options.dryRun) await manager.streams.update(STREAM, { ...known.config, ...wanted });
  return 'updated';
}

/** Creates or updates a durable without moving it. Repeatable; rejects with the server's error. */
export async function ensureDurable(
  manager: JetStreamManager,
  durable: string,
  { dryRun }: Trial = {},
): Promise<SetupAction> {
  const wanted = durableConfig(durable);
  const known = await unless(manager.consumers.info(STREAM, durable), CONSUMER_NOT_FOUND);
  if (known === undefined) {
    if (!dryRun) await manager.consumers.add(STREAM, wanted);
    return 'created';
  }
  // Where a durable began cannot be changed and need not be: a seek on an old server made it begin
  // elsewhere.
  const { deliver_policy: _began, ...changeable } = wanted;
  if (sameWhereWanted(changeable, known.config)) return 'unchanged';
  if (!dryRun) {
    await manager.consumers.update(STREAM, durable, { ...known.config, ...changeable });
  }
  return 'updated';
}

function sameWhereWanted(wanted: object, actual: object): boolean {
  const values = new Map<string, unknown>(Object.entries(actual));
  return Object.entries(wanted).every(
    ([name, value]) => JSON.stringify(values.get(name)) === JSON.stringify(value),
  );
}
