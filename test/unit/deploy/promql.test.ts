// The reader of PromQL by which dashboards and alerts are checked.

import { describe, expect, test } from 'vitest';
import { groupsOf, mismatches, usesOf } from './promql.js';

describe('the reader of PromQL', () => {
  test('finds metrics and labels, and neither functions nor values', () => {
    const expr =
      'sum by (grpc_method) (rate(grpc_server_handled_total{grpc_code=~"Internal|Unknown"}[5m])) / time() > 1 and max(up) > 0';
    expect(usesOf(expr)).toEqual([
      { metric: 'grpc_server_handled_total', labels: ['grpc_code'] },
      { metric: 'up', labels: [] },
    ]);
    expect(groupsOf(expr)).toEqual(['grpc_method']);
  });

  test('sees operands that never meet, also inside of others', () => {
    const found = (expr: string) => mismatches(expr, () => ['pool']);
    expect(found('max(a) > 100 and deriv(a[15m]) > 0')).toEqual(['{} and {instance, pool}']);
    expect(found('max(a) > 100 and max(deriv(a[15m])) > 0')).toEqual([]);
    expect(found('(sum by (x) (a) / sum(a{b="c, d"}) > 0.1) or absent(a)')).toEqual(['{x} / {}']);
    expect(found('a > 0 unless a - time() < 6 * 3600')).toEqual([]);
    expect(found('histogram_quantile(0.5, sum by (le, x) (a)) + sum by (x) (a)')).toEqual([]);
    expect(() => found('a and on (pool) a')).toThrow();
    expect(() => found('a offset 5m')).toThrow('not read: offset');
  });
});
