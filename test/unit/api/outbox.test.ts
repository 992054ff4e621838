// What of a connection's long answers is on its way, and when the next one may begin.
import { EventEmitter } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Outbox, outboxOf } from '../../../src/api/grpc/outbox.js';

const MEGABYTE = 1024 * 1024;
const waiting = () => new AbortController().signal;

/** Whether work has begun by now. */
async function begin(outbox: Outbox) {
  const seen = { begun: false };
  const work = async () => {
    seen.begun = true;
  };
  const over = outbox.inTurn(work, waiting());
  for (let i = 0; i < 5; i++) await setImmediate();
  return { seen, over };
}

/** A call that is over when the test says so, as grpc-js says it. */
const openCall = () => new EventEmitter();
const end = (call: EventEmitter) => void call.emit('cancelled');

describe('the outbox of a connection', () => {
  it('lets the next long answer begin when those before it have left', async () => {
    const outbox = new Outbox();
    const [first, second] = [openCall(), openCall()];
    outbox.add(MEGABYTE, first);
    outbox.add(MEGABYTE, second);
    const { seen, over } = await begin(outbox);
    expect(seen.begun).toBe(false);
    end(first);
    await over;
    expect(seen.begun).toBe(true);
  });

  it('has room where little is on its way, however many short answers are', async () => {
    const outbox = new Outbox();
    for (let i = 0; i < 100; i++) outbox.add(60_000, openCall());
    outbox.add(MEGABYTE, openCall());
    expect((await begin(outbox)).seen.begun).toBe(true);
  });

  it('does not let answers that nobody reads hold up the others for ever', async () => {
    const outbox = new Outbox();
    outbox.add(2 * MEGABYTE, openCall());
    const { over } = await begin(outbox);
    await over;
  });

  it('is one for each connection', () => {
    const [one, other] = [{}, {}];
    expect(outboxOf(one)).toBe(outboxOf(one));
    expect(outboxOf(one)).not.toBe(outboxOf(other));
  });
});
