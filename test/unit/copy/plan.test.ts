import { describe, expect, test } from 'vitest';
import { type Circumstances, planRun } from '../../../src/copy/plan.js';

const checkpoint = {
  generation: 1,
  copy: 3n,
  snapshot: '100:110:',
  systemIdentifier: '7',
  runId: 'run-8',
  epoch: 8n,
};
const mark = {
  generation: 1,
  copy: 3n,
  epoch: 8n,
  runId: 'run-8',
  snapshot: '100:110:',
  dataAsOf: null,
  settlingSeconds: 259200,
  revision: '',
};
const snapshot = {
  snapshot: '120:125:121',
  systemIdentifier: '7',
  generation: 1,
  dataAsOf: null,
  revision: '',
};
const usual: Circumstances = {
  state: { epoch: 8n, checkpoint, pending: undefined, verifiedDay: undefined },
  snapshot,
  mark,
  markIsKnown: true,
  tableIsLost: false,
  fullAskedFor: false,
  epoch: 9n,
};
const withState = (more: Partial<Circumstances['state']>): Circumstances['state'] => ({
  ...usual.state,
  ...more,
});

describe('planRun', () => {
  test('copies the changes since the checkpoint into its copy', () => {
    expect(planRun(usual)).toEqual({ kind: 'changes', copy: 3n, since: '100:110:' });
  });

  test('goes on from the checkpoint when the last run marked but did not checkpoint', () => {
    const ahead = { ...mark, epoch: 8n + 1n, runId: 'run-9' };
    expect(planRun({ ...usual, mark: ahead, epoch: 10n })).toMatchObject({ kind: 'changes' });
  });

  test.each<[string, Partial<Circumstances>, string]>([
    [
      'nothing was ever copied',
      { state: withState({ checkpoint: undefined }), mark: undefined, markIsKnown: false },
      'first copy',
    ],
    ['it is asked for', { fullAskedFor: true }, 'asked for'],
    ['another generation serves', { snapshot: { ...snapshot, generation: 2 } }, 'new generation'],
    [
      'ClickHouse has no mark any more',
      { mark: undefined, markIsKnown: false },
      'ClickHouse was emptied',
    ],
    [
      'the mark is older than the checkpoint',
      { mark: { ...mark, epoch: 7n } },
      'ClickHouse was restored',
    ],
    ['a table lost the rows of the copy', { tableIsLost: true }, 'ClickHouse lost a table'],
    [
      'another copy was marked, but never checkpointed',
      { mark: { ...mark, copy: 4n } },
      'marked, not checkpointed',
    ],
    ['Postgres does not know the run of the mark', { markIsKnown: false }, 'Postgres was restored'],
    [
      'it is another cluster',
      { snapshot: { ...snapshot, systemIdentifier: '8' } },
      'Postgres was restored',
    ],
    [
      'transaction ids went back',
      { snapshot: { ...snapshot, snapshot: '90:95:' } },
      'Postgres was restored',
    ],
  ])('copies everything into a copy of its own when %s', (_, more, cause) => {
    expect(planRun({ ...usual, ...more })).toEqual({ kind: 'full', copy: 9n, cause });
  });

  test('continues to fill a first copy that was cut off', () => {
    const state = withState({ checkpoint: undefined, pending: { generation: 1, copy: 5n } });
    expect(planRun({ ...usual, state, mark: undefined, markIsKnown: false })).toMatchObject({
      kind: 'full',
      copy: 5n,
    });
  });

  test('does not continue a copy of another generation, nor one that was to heal', () => {
    const state = withState({ pending: { generation: 1, copy: 5n } });
    const next = { ...snapshot, generation: 2 };
    expect(planRun({ ...usual, state, snapshot: next })).toMatchObject({ copy: 9n });
    expect(planRun({ ...usual, state, fullAskedFor: true })).toMatchObject({ copy: 9n });
    expect(planRun({ ...usual, state, markIsKnown: false })).toMatchObject({ copy: 9n });
  });
});
