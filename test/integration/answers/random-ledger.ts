// Random ledgers for the property test of the answers: messages around the hours in which clocks
// change, with copies, contradictions, late receipts and refunds, shuffled and cut into batches.
// Every event is a payload, as published: the service decodes it, and so does the oracle.
import fc from 'fast-check';
import type { Stored } from '../../oracle/judge.js';

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
export const DAY = 1440 * MINUTE;

/** Instants around which a ledger's messages and questions lie. */
export interface Season {
  readonly name: string;
  readonly anchors: readonly string[];
  /** The wall clock of the service, some days after the last anchor. */
  readonly now: string;
}

/**
 * A change at its instant, by the published rules of the zones, and other places where calendars go
 * wrong.
 */
export const SEASONS: readonly Season[] = [
  {
    name: 'spring',
    // New York 02:00 EST, London 01:00 GMT, Lord Howe 02:00 at +11:00, which goes back by half an
    // hour.
    anchors: ['2026-03-08T07:00:00Z', '2026-03-29T01:00:00Z', '2026-04-04T15:00:00Z'],
    now: '2026-04-09T00:00:00Z',
  },
  {
    name: 'autumn',
    // Lord Howe 02:00 at +10:30, which skips half an hour, London 02:00 BST, New York 02:00 EDT.
    anchors: ['2026-10-03T15:30:00Z', '2026-10-25T01:00:00Z', '2026-11-01T06:00:00Z'],
    now: '2026-11-06T00:00:00Z',
  },
  {
    name: 'leap year',
    // Midnights of the new year in Kathmandu and in UTC, and of a leap day in New York.
    anchors: ['2027-12-31T18:15:00Z', '2028-01-01T00:00:00Z', '2028-02-29T05:00:00Z'],
    now: '2028-03-05T00:00:00Z',
  },
];

export const ACCOUNTS = ['acme', 'Acme', 'a-1', 'a.1', 'zeta'];
export const OPERATORS = ['22801', '22802', '41220', 'op-b', 'Op-b', 'op_b'];

/** Far enough apart for a histogram of 5 % to keep their order; -1 is clamped to acceptance. */
const LATENCIES = [-SECOND, 0, SECOND, 1.7 * SECOND, 4_000_001, 9.3 * SECOND, 61 * SECOND]
  .concat(3600 * SECOND, DAY, 6 * DAY)
  .map((micros) => ({ weight: micros > 3600 * SECOND ? 1 : 4, arbitrary: fc.constant(micros) }));
/** DELIVERED comes as often as all of these together. */
const STATES = ['SCHEDULED', 'ENROUTE', 'EXPIRED', 'DELETED', 'UNDELIVERABLE'].concat([
  'ACCEPTED',
  'UNKNOWN',
  'REJECTED',
  'SKIPPED',
]);
const ERRORS = [
  undefined,
  { network: 'GSM_MAP', code: 1 },
  { network: 'GSM_MAP', code: 27 },
  { network: 'GSM_MAP', code: 99 },
  { network: 'SMPP', code: 0 },
  { network: 'SMPP', code: 0x45 },
  { network: 'VENDOR', code: 7 },
];
/** The largest is above 2 ** 53 units of 1e-9 already. */
const AMOUNTS = ['0', '0.05', '0.05', '0.075', '1.5', '0.000000001', '123456789012.123456789'];

const party = {
  accountId: fc.constantFrom(...ACCOUNTS),
  operatorId: fc.constantFrom(...OPERATORS),
};
const money = {
  amount: fc.constantFrom(...AMOUNTS),
  currency: fc.constantFrom('EUR', 'EUR', 'USD', 'JPY'),
};
const mostly = <T>(usual: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: seldom });

/** From the anchor of a message to its acceptance: now and then exactly at the edge of a bucket. */
const distance = fc
  .tuple(
    fc.constantFrom(0, 0, 0, 0, -DAY, -2 * DAY, -7 * DAY, -365 * DAY, -366 * DAY),
    fc.oneof(fc.integer({ min: -16, max: 16 }), fc.integer({ min: -130, max: 130 })),
    fc.constantFrom(0, 1, -1, 7 * MINUTE, 7.5 * MINUTE),
  )
  .map(([days, quarters, rest]) => days + quarters * 15 * MINUTE + rest);

/**
 * Of reports only: a charge that comes later takes the message away, and often nothing is left
 * there.
 */
const rare = fc.noBias(fc.nat(15)).map((number) => `rare-${number}`);
const report = fc.record({
  state: fc.oneof(fc.constant('DELIVERED'), fc.constantFrom(...STATES)),
  error: fc.constantFrom(...ERRORS),
  delay: fc.oneof(...LATENCIES),
  another: mostly(fc.constant(undefined), fc.record({ ...party, accountId: rare })),
});

const charge = fc.record({ ...money, delay: fc.constantFrom(0, MINUTE), segments: fc.nat(3) });
/** Some by an operator that has nothing but refunds. */
const refund = fc.record({
  ...money,
  accountId: party.accountId,
  operatorId: fc.constantFrom(...OPERATORS, 'refunds'),
  delay: fc.constantFrom(0, 3600 * SECOND, 8 * DAY),
});

/** What happens to one message. */
const story = fc.record({
  distance,
  anchor: fc.nat(),
  ...party,
  // The earlier of two counts: where it comes later, nothing is left of what was counted first.
  charges: fc.oneof(
    { weight: 3, arbitrary: fc.array(charge, { minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.array(charge, { maxLength: 2 }) },
  ),
  reports: fc.array(report, { maxLength: 3 }),
  refunds: mostly(fc.array(refund, { maxLength: 0 }), fc.array(refund, { maxLength: 2 })),
  /** Another message under the same id, a day later. */
  twin: mostly(fc.constant(false), fc.constant(true)),
});
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

/** All events of a ledger, cut into batches in the order in which they arrive. */
export function ledgersOf(season: Season, messages: number, batches: number) {
  return fc
    .array(story, { minLength: messages, maxLength: messages })
    .map((stories) => stories.flatMap((one, i) => eventsOf(season, one, i)))
    .chain((events) => {
      // One event in eight comes twice; both copies are somewhere in the order.
      const copies = events.filter((_, i) => i % 8 === 0);
      const all = [...events, ...copies];
      const order = fc.shuffledSubarray([...all.keys()], { minLength: all.length });
      const cut = fc.noBias(fc.nat(all.length));
      const cuts = fc.array(cut, { minLength: batches - 1, maxLength: batches - 1 });
      return fc.tuple(order, cuts).map(([numbers, at]) => {
        const shuffled = numbers.map((number) => all[number] as Stored);
        const edges = [0, ...at.sort((left, right) => left - right), shuffled.length];
        return edges.slice(1).map((to, i) => shuffled.slice(edges[i], to));
      });
    });
}

function eventsOf({ anchors }: Season, one: Story, number: number): Stored[] {
  const anchor = Date.parse(anchors[one.anchor % anchors.length] as string) * 1000;
  const acceptedAt = anchor + one.distance;
  const events = eventsAt(one, number, acceptedAt);
  return one.twin ? [...events, ...eventsAt(one, number, acceptedAt + DAY)] : events;
}

function eventsAt(one: Story, number: number, acceptedAt: number): Stored[] {
  const { accountId, operatorId } = one;
  const head = {
    messageId: `01931f2e-0000-7000-8000-${String(number).padStart(12, '0')}`,
    acceptedAt: iso(acceptedAt),
    accountId,
    operatorId,
  };
  const stored = (subject: string, name: string, delay: number, fields: object): Stored => {
    const at = acceptedAt + delay;
    const payload = Buffer.from(JSON.stringify({ ...head, ...fields, [name]: iso(at) }));
    const storedAt = Math.max(at, acceptedAt) + SECOND;
    return { subject, contentType: 'application/json', payload, storedAt };
  };
  return [
    ...one.charges.map(({ delay, segments, amount, currency }, i) => {
      const fields = { eventId: `c-${i}`, segments: segments + 1, amount, currency };
      return stored('sms.billing.v1.charged', 'chargedAt', delay, fields);
    }),
    ...one.reports.map(({ state, error, delay, another }, i) => {
      const fields = { eventId: `d-${i}`, state, error, ...another };
      return stored('sms.dlr.v1.reported', 'reportedAt', delay, fields);
    }),
    ...one.refunds.map(({ delay, ...fields }, i) =>
      stored('sms.billing.v1.refunded', 'refundedAt', delay, { eventId: `r-${i}`, ...fields }),
    ),
  ];
}

/** RFC 3339 with microseconds. */
export function iso(micros: number): string {
  const millis = Math.floor(micros / 1000);
  const rest = String(micros - millis * 1000).padStart(3, '0');
  return new Date(millis).toISOString().replace('Z', `${rest}Z`);
}
