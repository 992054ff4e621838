// The loop over one batch: its span, linked to the publishers' traces, from the commit to the
// acks, as an SDK would see it; and what is acknowledged.

import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { beforeEach, expect, it } from 'vitest';
import { CommitAbandoned } from '../../../src/counting/commit-abandoned.js';
import { type LoopOptions, runLoop } from '../../../src/counting/loop.js';
import { DEFAULT_ADMISSION_RULES } from '../../../src/domain/message/admission.js';
import type { Envelope } from '../../../src/nats/envelope.js';
import { recordSpans } from '../../support/recorded-spans.js';
import { silentLog } from '../../support/silent-log.js';

const spans = recordSpans();
beforeEach(() => {
  spans.length = 0;
});

const TRACE = '0af7651916cd43dd8448eb211c80319c';
/** Its span is `number` in hexadecimal. */
const from = (number: number) => `00-${TRACE}-${number.toString(16).padStart(16, '0')}-01`;
const envelopes = (traceparents: readonly (string | undefined)[]) =>
  traceparents.map(
    (traceparent, at): Envelope => ({
      subject: 'sms.other',
      contentType: undefined,
      payload: new Uint8Array(),
      sequence: at + 1,
      timestamp: 1,
      replySubject: `ack.${at + 1}`,
      redelivered: false,
      traceparent,
    }),
  );

const APPLIED = { conflictCount: 0, duplicateCount: 0, lost: [], serving: true };

/** Runs the loop over one batch. */
async function run(batch: readonly Envelope[], changes: Partial<LoopOptions> = {}): Promise<void> {
  const stopping = new AbortController();
  await runLoop({
    pull: async () => {
      stopping.abort();
      return [...batch];
    },
    apply: async () => APPLIED,
    announce: () => {},
    guard: {
      streamId: 1,
      ledgerFloor: -Infinity,
      missingDays: new Set(),
      lookAtDays: async () => 0,
      mayContinue: async () => true,
    },
    connection: { publish: () => {} },
    rules: DEFAULT_ADMISSION_RULES,
    observe: () => {},
    monotonicMs: () => 0,
    stopping: stopping.signal,
    log: silentLog,
    ...changes,
  });
}

it('links the batch to the spans of its publishers', async () => {
  await run(envelopes([from(1), undefined, 'malformed', from(2)]));
  expect(spans).toHaveLength(1);
  const [span] = spans;
  expect(span).toMatchObject({ name: 'process SMS_EVENTS', ends: 1, status: undefined });
  expect(span?.options.kind).toBe(SpanKind.CONSUMER);
  expect(span?.parent).toBeUndefined();
  expect(span?.attributes).toEqual({
    'messaging.system': 'nats',
    'messaging.operation.type': 'process',
    'messaging.destination.name': 'SMS_EVENTS',
    'messaging.batch.message_count': 4,
  });
  expect(span?.options.links).toEqual(
    ['0000000000000001', '0000000000000002'].map((spanId) => ({
      context: { traceId: TRACE, spanId, traceFlags: 1, isRemote: true },
    })),
  );
});

it('links a large batch to the first 64 of them', async () => {
  // The first hundred events have no trace; the 64 after them have numbers 1 to 64.
  const none = Array.from({ length: 100 }, () => undefined);
  await run(envelopes([...none, ...Array.from({ length: 100 }, (_, at) => from(at + 1))]));
  const links = spans[0]?.options.links ?? [];
  expect(links).toHaveLength(64);
  expect(links.at(-1)?.context.spanId).toBe('0000000000000040');
});

it('commits and acknowledges under the span', async () => {
  const under: unknown[] = [];
  const note = () => under.push([trace.getActiveSpan()?.spanContext().spanId, spans[0]?.ends]);
  await run(envelopes([from(1)]), {
    apply: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      note();
      return APPLIED;
    },
    connection: { publish: note },
    observe: () => under.push(spans[0]?.ends),
  });
  const { spanId } = spans[0]?.own ?? {};
  expect(under).toEqual([[spanId, 0], [spanId, 0], 1]);
});

it('ends the span of a batch that is given up as an error', async () => {
  await run(envelopes([from(1)]), {
    apply: async () => {
      throw new CommitAbandoned('stopped');
    },
  });
  expect(spans).toMatchObject([{ ends: 1, status: { code: SpanStatusCode.ERROR } }]);
});

it('acknowledges each event of a batch, once it is applied', async () => {
  const acknowledged: string[] = [];
  const connection = { publish: (subject: string) => acknowledged.push(subject) as never };
  await run(envelopes([undefined, undefined]), { connection });
  expect(acknowledged).toEqual(['ack.1', 'ack.2']);
});

it('acknowledges nothing of a stream that was replaced while its batch was applied', async () => {
  const acknowledged: string[] = [];
  const guard = {
    streamId: 1,
    ledgerFloor: -Infinity,
    missingDays: new Set<number>(),
    lookAtDays: async () => 0,
    mayContinue: async () => true,
  };
  await run(envelopes([undefined]), {
    guard,
    apply: async () => {
      guard.streamId = 2;
      return APPLIED;
    },
    connection: { publish: (subject: string) => acknowledged.push(subject) as never },
  });
  expect(acknowledged).toEqual([]);
});
