// The text of every statement of src/answers, as Postgres gets it, with what stands for each $n.
// The tests in test/integration/answers run them. GetAccountUsage has a test of its own beside.
import { describe, expect, it } from 'vitest';
import type { BreakdownQuestion } from '../../../src/answers/breakdown/breakdown-question.js';
import { selectBreakdown } from '../../../src/answers/breakdown/select-breakdown.js';
import {
  activeAccountsKind,
  activeOperatorsKind,
  paidOperatorsKind,
} from '../../../src/answers/figures/select-active.js';
import { figuresKind, reasonsKind } from '../../../src/answers/figures/select-figures.js';
import { outcomeCellsKind } from '../../../src/answers/figures/select-outcome-cells.js';
import { selectLook } from '../../../src/answers/freshness/look.js';
import { selectAnswerState } from '../../../src/answers/freshness/select-answer-state.js';
import { Dictionary } from '../../../src/answers/memory/dictionary.js';
import type { ReadKind } from '../../../src/answers/memory/load-slots.js';
import { throughputKind } from '../../../src/answers/throughput/select-throughput.js';
import { Unavailable } from '../../../src/domain/failure.js';
import { MICROS_PER_HOUR } from '../../../src/domain/time/instant.js';
import type { Snapshot } from '../../../src/postgres/pool.js';
import type { CellRange } from '../../../src/rollups/cells.js';

/** The statements that `read` asks for, each with its name and its values; none has a row. */
async function statementsOf(read: (snapshot: Snapshot) => Promise<unknown>): Promise<string[]> {
  const asked: string[] = [];
  const rows: Snapshot['rows'] = (name, text, values) => {
    const told = values.map((value, i) => `-- $${i + 1} = ${JSON.stringify(value)}`);
    asked.push([`-- ${name ?? 'not prepared'}`, ...told, text].join('\n'));
    return Promise.resolve([]);
  };
  // Without a row there is no state to answer from; every statement was asked for by then.
  await read({ rows }).catch((error) => expect(error).toBeInstanceOf(Unavailable));
  return asked;
}

/** From 00:00 on: a quarter of an hour, and two hours; one hour has settled. */
const range: CellRange = {
  generation: 1,
  edges: [0, 0.25, 1, 2].map((hour) => hour * MICROS_PER_HOUR),
  settledThrough: MICROS_PER_HOUR,
};
const hours: CellRange = { ...range, edges: [0, MICROS_PER_HOUR, 2 * MICROS_PER_HOUR] };
const days: CellRange = { ...range, edges: [0, 24 * MICROS_PER_HOUR] };

const ofKind = <T>(kind: ReadKind<T>, of: CellRange, series: string) =>
  statementsOf((snapshot) => kind.read(snapshot, of, [series], undefined, new Dictionary()));

const breakdown = (question: Partial<BreakdownQuestion>, filter = {}) =>
  statementsOf((snapshot) =>
    selectBreakdown(snapshot, range, {
      groupBy: ['account_id'],
      order: [{ field: 'messages', descending: true }],
      limit: 100,
      offset: 0,
      ...question,
      filter: {
        ...{ accountIds: undefined, operatorIds: undefined, outcomes: undefined },
        ...{ reasons: undefined, errorClasses: undefined },
        ...filter,
      },
    }),
  );

describe('the statement', () => {
  it.each([
    ['of the look', () => statementsOf(selectLook)],
    ['of the state', () => statementsOf(selectAnswerState)],
    ['of figures', () => ofKind(figuresKind, hours, '41220')],
    ['of reasons', () => ofKind(reasonsKind, hours, '41220')],
    ['of outcome cells', () => ofKind(outcomeCellsKind, hours, '')],
    ['of active accounts by hour and quarter', () => ofKind(activeAccountsKind, range, '')],
    ['of active accounts by day', () => ofKind(activeAccountsKind, days, '')],
    ['of active operators', () => ofKind(activeOperatorsKind, hours, '')],
    ['of paid operators', () => ofKind(paidOperatorsKind, hours, '')],
    ['of throughput', () => ofKind(throughputKind, hours, '')],
    ['of throughput of operators', () => ofKind(throughputKind, hours, '41220,41221')],
    ['of a breakdown by account', () => breakdown({})],
    ['of a breakdown of some accounts', () => breakdown({}, { accountIds: ['acc-a'] })],
    [
      'of a breakdown by account and others',
      () =>
        breakdown(
          {
            groupBy: ['account_id', 'reason', 'error_class'],
            order: [{ field: 'share', descending: true }],
          },
          { accountIds: ['acc-a'], outcomes: ['EXPIRED'] },
        ),
    ],
  ])('%s', async (_, statements) => {
    expect((await statements()).join('\n\n')).toMatchSnapshot();
  });
});
