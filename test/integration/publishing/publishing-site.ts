// A NATS server of the file's own with the project's stream, for the publisher's tests, and events
// to publish. Where a test needs announcements it makes them as ingest does, with its rights.

import { join } from 'node:path';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import type { Child } from '../../../deploy/local/engines/child.js';
import { type NatsUser, startNatsServer } from '../../../deploy/local/engines/nats-server.js';
import { freePorts } from '../../../deploy/local/engines/ports.js';
import { randomCredentials } from '../../../deploy/local/secrets/credentials.js';
import { ensureStream, STREAM, streamConfig } from '../../../src/nats/topology.js';
import type {
  DeliveryReported,
  MessageCharged,
  PublisherOptions,
} from '../../../src/publishing/publisher/publisher.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

export interface PublishingSite {
  readonly server: string;
  credential(user: NatsUser): PublisherOptions['credential'];
  connectAs(user: NatsUser): Promise<NatsConnection>;
  /** Creates the stream of the contract, or one that takes no batches or fewer subjects. */
  createStream(changes?: { allow_atomic: boolean; subjects?: string[] }): Promise<void>;
  deleteStream(): Promise<void>;
  /** Payloads in the stream, in order, and the headers of each. */
  stored(): Promise<{ payload: string; headers: string[]; subject: string; sequence: number }[]>;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function startPublishingSite(): Promise<PublishingSite> {
  const directory = await temporaryDirectory('publishing');
  const { nats: passwords } = randomCredentials();
  const [port = 0] = await freePorts(1);
  const options = { port, passwords, dataDir: join(directory, 'store') };
  const launch = async (): Promise<Child> => {
    const child = await startNatsServer({ ...options, logFile: join(directory, 'nats.log') });
    child.unref();
    return child;
  };
  let child = await launch();
  const server = `nats://127.0.0.1:${port}`;
  const connectAs = (user: NatsUser) => connect({ servers: server, user, pass: passwords[user] });
  const asOps = async <T>(act: (manager: JetStreamManager) => Promise<T>): Promise<T> => {
    const connection = await connectAs('ops');
    try {
      return await act(await connection.jetstreamManager());
    } finally {
      await connection.close();
    }
  };
  return {
    server,
    credential: (user) => ({ user, password: () => passwords[user] }),
    connectAs,
    createStream: (changes) =>
      asOps(async (manager) => {
        if (changes === undefined) await ensureStream(manager, { replicas: 1 });
        else await manager.streams.add({ ...streamConfig({ replicas: 1 }), ...changes });
      }),
    deleteStream: () =>
      asOps(async (manager) => {
        await manager.streams.delete(STREAM);
      }),
    stored: () =>
      asOps(async (manager) => {
        const { state } = await manager.streams.info(STREAM);
        const messages = [];
        for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++) {
          const { data, header, subject } = await manager.streams.getMessage(STREAM, { seq });
          const payload = Buffer.from(data).toString();
          messages.push({ payload, headers: header?.keys() ?? [], subject, sequence: seq });
        }
        return messages;
      }),
    kill: async () => {
      child.kill('SIGKILL');
      await child.exited;
    },
    start: async () => {
      if (!child.running) child = await launch();
    },
    stop: () => child.stop(),
  };
}

const ACCEPTED_AT = new Date(Date.now() - 3_600_000).toISOString();

function headOf(index: number) {
  return {
    eventId: `event-${index}.`,
    messageId: `0198a6f2-7c30-7c11-9b1e-${index.toString(16).padStart(12, '0')}`,
    accountId: 'acme',
    operatorId: '22801',
    acceptedAt: ACCEPTED_AT,
  };
}

/** Charge number `index`; the same event for the same number. */
export function chargeOf(index: number): MessageCharged {
  const price = { segments: 1, amount: '0.05', currency: 'EUR' };
  return { ...headOf(index), chargedAt: ACCEPTED_AT, ...price };
}

/** Report number `index`, likewise. */
export function reportOf(index: number): DeliveryReported {
  return { ...headOf(index), reportedAt: ACCEPTED_AT, state: 'DELIVERED' };
}

/** The numbers of stored events, each once, ascending. */
export function numbersIn(stored: readonly { readonly payload: string }[]): number[] {
  const numbers = stored.map(({ payload }) => Number(/event-(\d+)\./.exec(payload)?.[1]));
  return [...new Set(numbers)].sort((one, other) => one - other);
}

/** 0 up to `count`, without it. */
export const numbersTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
