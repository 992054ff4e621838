// The demo traffic must be the same for the same seed, whatever the windows it is asked for in: a
// restart continues where the last run stopped, and gives out no id twice.

import { describe, expect, it } from 'vitest';
import {
  EVENTS_PER_MESSAGE,
  type Plan,
  type Publication,
  publications,
} from '../../../deploy/local/traffic/schedule.js';

const SECOND = 1_000_000;
const HOUR = 3600 * SECOND;
const START = Date.UTC(2026, 10, 19) * 1000;

const steady = (eventsPerSecond: number, seed = 7): Plan => ({
  seed,
  paces: [{ from: START, eventsPerSecond, rhythm: false }],
});

const between = (plan: Plan, from: number, to: number): Publication[] => [
  ...publications(plan, from, to),
];

const shown = (publication: Publication): string =>
  `${publication.at} ${publication.subject} ${Buffer.from(publication.payload).toString('base64')}`;

describe('the schedule of the demo traffic', () => {
  it('is the same in one window as in three', () => {
    const plan = steady(1);
    const whole = between(plan, START, START + 6 * HOUR).map(shown);
    const cuts = [START, START + HOUR + 1, START + 5 * HOUR + 12_345_678, START + 6 * HOUR];
    const pieces = cuts.slice(1).flatMap((to, index) => between(plan, cuts[index] ?? to, to));
    expect(pieces.map(shown)).toEqual(whole);
    expect(whole.length).toBeGreaterThan(10_000);
  });

  it('publishes in order of time, only within the window', () => {
    const all = between(steady(2), START + HOUR, START + 2 * HOUR).map(({ at }) => at);
    expect(all).toEqual([...all].sort((one, other) => one - other));
    expect(all.at(0)).toBeGreaterThanOrEqual(START + HOUR);
    expect(all.at(-1)).toBeLessThan(START + 2 * HOUR);
  });

  it('differs by seed', () => {
    const one = new Set(between(steady(1, 1), START, START + HOUR).map(shown));
    const two = between(steady(1, 2), START, START + HOUR).map(shown);
    expect(two.filter((line) => one.has(line))).toEqual([]);
  });

  it('reaches the pace asked for within a tenth, once messages have had time for their reports', () => {
    const plan = steady(5);
    const all = between(plan, START + 3 * HOUR, START + 6 * HOUR);
    const perSecond = all.length / (3 * 3600);
    expect(perSecond).toBeGreaterThan(4.5);
    expect(perSecond).toBeLessThan(5.5);
    expect(EVENTS_PER_MESSAGE).toBeGreaterThan(1);
  });

  it('holds every trait of a real gateway', () => {
    const all = between(steady(2), START, START + 8 * HOUR);
    const subjects = new Set(all.map(({ subject }) => subject));
    expect(subjects).toContain('sms.billing.v1.charged');
    expect(subjects).toContain('sms.billing.v1.refunded');
    expect(subjects).toContain('sms.dlr.v1.reported');
    expect(subjects).toContain('sms.billing.v2.charged');
    expect(all.some(({ copy }) => copy)).toBe(true);
    expect(all.some(({ invalid }) => invalid)).toBe(true);
    expect(new Set(all.map(({ headers }) => headers['content-type'])).size).toBe(2);
  });

  it('gives an ordinary publication the message id that the contract names', () => {
    const [first] = between(steady(20), START, START + 60 * SECOND).filter(
      ({ copy, invalid, headers }) =>
        !copy && !invalid && headers['content-type'] === 'application/json',
    );
    const { eventId } = JSON.parse(Buffer.from(first?.payload ?? []).toString());
    expect(first?.headers['Nats-Msg-Id']).toBe(`${first?.subject}:${eventId}`);
  });
});
