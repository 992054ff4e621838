// The fault suite's lots of traffic are drawn around the present: they must come out whole whenever a test runs.
import { expect, it } from 'vitest';
import { lotsOf } from '../../fault/guarded-ingest.js';

const HOUR = 3_600_000_000;
/** The last Monday of a leap February. */
const MONDAY = Date.UTC(2028, 1, 28) * 1_000;

it('lots are whole at every hour of a week that crosses the end of a month', () => {
  for (let hour = 0; hour < 7 * 24; hour++) {
    const now = MONDAY + hour * HOUR + 35 * 60_000_000;
    const lots = lotsOf(2, 20, 31, now);
    expect(lots.map(({ length }) => length)).toEqual([20, 20]);
  }
}, 120_000);
