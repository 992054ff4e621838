// Under which name an act of ops is recorded, and when it has none.

import { afterEach, expect, it } from 'vitest';
import { actAs, currentActor } from '../../../src/operating/actor.js';

afterEach(() => actAs(undefined));

/** What Node does for a user id without an entry in passwd, as in the image. */
const nameless = () => {
  throw Object.assign(new Error('uv_os_get_passwd returned ENOENT'), { code: 'ERR_SYSTEM_ERROR' });
};

it('is the user of the system, where nobody says otherwise', () => {
  expect(currentActor(undefined, () => 'anna')).toBe('ops:anna');
  expect(currentActor('anna', () => 'anna')).toBe('ops:anna');
});

it('is nobody where the user is a number only, or has no name for a record', () => {
  expect(currentActor(undefined, nameless)).toBeUndefined();
  expect(currentActor(undefined, () => 'DOMAIN\\anna b')).toBeUndefined();
});

it('is who is said to act, beside the user of the system', () => {
  expect(currentActor('cronjob-retain', nameless)).toBe('ops:cronjob-retain');
  expect(currentActor('anna', () => 'root')).toBe('ops:anna/root');
  actAs('berta');
  expect(currentActor('anna', nameless)).toBe('ops:berta');
});
