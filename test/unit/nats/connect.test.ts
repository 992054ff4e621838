// What no server could cure is said before one is asked.
import { expect, test } from 'vitest';
import { connectNats } from '../../../src/nats/connect.js';

test('a password without a user is refused, and not ignored', async () => {
  const connecting = connectNats({
    url: () => 'nats://127.0.0.1:1',
    user: undefined,
    password: () => 'hunter2',
    name: 'test',
    inboxPrefix: '_INBOX',
  });
  await expect(connecting).rejects.toThrow(/^NATS_PASSWORD is set but no user is: set NATS_USER/);
});
