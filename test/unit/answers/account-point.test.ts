// A point of one account is written by hand, field by field: whatever it is made of, it reads as
// the generated code reads an AccountPoint, also once its bucket and its rates are kept.
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { writeAccountPoint } from '../../../src/answers/account-usage/account-point.js';
import { bucketOf, moneyList } from '../../../src/answers/wire/answer-parts.js';
import { CountTable } from '../../../src/domain/measures/count-table.js';
import { COUNT_FIELDS, type Counts } from '../../../src/domain/measures/counts.js';
import { ratesOf } from '../../../src/domain/measures/rates.js';
import { MICROS_PER_MINUTE } from '../../../src/domain/time/instant.js';
import { AccountPoint } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { BucketState } from '../../../src/generated/proto/sms/analytics/v1/common.js';

const few = fc.bigInt({ min: 0n, max: 9n });
const many = fc.bigInt({ min: 0n, max: 2n ** 40n });
const countsOf = (number: fc.Arbitrary<bigint>) =>
  fc
    .record({
      pending: number,
      delivered: number,
      undeliverable: number,
      expired: number,
      rejected: number,
      deleted: number,
      unknown: number,
    })
    .map((outcomes): Counts => {
      const accepted = Object.values(outcomes).reduce((sum, one) => sum + one, 0n);
      return { ...outcomes, accepted, contradicted: outcomes.deleted, segments: 2n * accepted };
    });
const minutes = (min: number, max: number) =>
  fc.integer({ min, max }).map((count) => count * MICROS_PER_MINUTE);
const ranges = fc
  .tuple(minutes(0, 2 ** 25), minutes(1, 400 * 24 * 60))
  .map(([start, length]) => ({ start, end: start + length }));
const figures = fc.record({
  range: ranges,
  state: fc.constantFrom(BucketState.BUCKET_STATE_OPEN, BucketState.BUCKET_STATE_SETTLED),
  counts: fc.oneof(countsOf(few), countsOf(many)),
  money: fc.uniqueArray(
    fc.record({
      currency: fc.constantFrom('EUR', 'USD'),
      charges: few,
      refunds: few,
      charged: fc.oneof(few, many, fc.bigInt({ min: 0n, max: 10n ** 38n })),
      refunded: fc.oneof(few, many),
    }),
    { maxLength: 2, selector: (sums) => sums.currency },
  ),
});

it('is an AccountPoint', () => {
  const table = new CountTable();
  fc.assert(
    fc.property(figures, fc.nat({ max: 2 }), (made, row) => {
      table.clear(3);
      COUNT_FIELDS.forEach((name, column) => {
        table.add(row, column, Number(made.counts[name]));
      });
      const writer = new BinaryWriter();
      writeAccountPoint(writer, made.range, made.state, table, row, made.money);
      const bytes = writer.finish();
      const point = AccountPoint.fromPartial({
        bucket: bucketOf(made.range, made.state),
        counts: made.counts,
        rates: ratesOf(made.counts),
        money: moneyList(made.money, made.counts.delivered),
      });
      expect(AccountPoint.decode(bytes)).toEqual(point);
      expect(Buffer.from(bytes)).toEqual(Buffer.from(AccountPoint.encode(point).finish()));
    }),
    { seed: 6, numRuns: 2_000 },
  );
});
