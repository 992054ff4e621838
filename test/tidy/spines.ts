// The roads that a reader follows through the source, file by file: what counts one event, and what
// finds the statement of a question. They are written down by hand, since calls through interfaces
// show in no import; a test holds every step of them against the source.

import type { SourceFile } from './source.js';

/** Paths below `src` without their ending, in the order in which a reader opens them. */
export type Road = readonly string[];

export interface Spines {
  /** A file that only this layout has. */
  readonly knownBy: string;
  /** From the process to the statement, and back to the acknowledgement. */
  readonly event: Road;
  readonly accountUsage: Road;
  readonly deliveryBreakdown: Road;
}

/** The layouts of the house, the newest first. */
export const LAYOUTS: readonly Spines[] = [
  {
    knownBy: 'src/counting/loop.ts',
    event: [
      ...['bin/ingest', 'counting/loop', 'nats/pull', 'nats/envelope', 'counting/loop'],
      ...['counting/commit', 'counting/count', 'counting/decode/decode'],
      ...[
        'counting/decode/decode-json',
        'domain/message/json-event',
        'domain/message/admission',
        'counting/count',
      ],
      ...['domain/message/ledger-fold', 'domain/message/ledger', 'domain/message/ledger-order'],
      ...['counting/ledger/apply-batch', 'counting/ledger/batch-columns'],
      ...['counting/ledger/binary-rows', 'counting/loop', 'counting/batch-span'],
      ...['counting/commit', 'bin/ingest', 'counting/ledger/apply-batch', 'counting/guard/watch'],
      ...['counting/guard/guard', 'counting/ledger/ledger-statement'],
      ...['counting/ledger/rollup-statement', 'counting/ledger/cell-statement', 'rollups/grains'],
      ...['counting/ledger/sum-statement', 'counting/loop', 'nats/envelope'],
    ],
    accountUsage: [
      ...['api/server/analytics-service', 'api/calls/unary', 'api/authorisation/account-scope'],
      ...['answers/queries', 'answers/memory/answer-cache'],
      ...['answers/account-usage/account-usage', 'answers/question/read-question'],
      ...['answers/freshness/fresh-read', 'answers/account-usage/select-account-usage'],
    ],
    deliveryBreakdown: [
      ...['api/server/analytics-service', 'api/calls/unary', 'answers/queries'],
      ...['answers/memory/answer-cache', 'answers/breakdown/delivery-breakdown'],
      ...['answers/question/read-question', 'answers/freshness/reading'],
      'answers/figures/select-outcome-cells',
    ],
  },
  {
    knownBy: 'src/ingest/loop.ts',
    event: [
      ...['bin/ingest', 'ingest/loop', 'bin/ingest', 'broker/nats/pull', 'broker/nats/envelope'],
      ...['ingest/loop', 'bin/ingest', 'ingest/commit', 'ingest/count'],
      ...['broker/nats/decode', 'broker/nats/decode-digest', 'broker/nats/decode-json'],
      ...['domain/admission', 'ingest/count', 'domain/ledger-fold', 'domain/ledger'],
      ...['domain/ledger-order', 'ingest/commit', 'store/postgres/apply-batch'],
      ...['store/postgres/batch-columns', 'store/postgres/binary-rows', 'ingest/loop'],
      ...['ingest/batch-span', 'bin/ingest', 'ingest/commit', 'bin/ingest'],
      ...['ingest/trusted-apply', 'ingest/watch', 'ingest/guard', 'store/postgres/apply-batch'],
      ...['store/postgres/ledger-statement', 'store/postgres/rollup-statement'],
      ...['store/postgres/rollup-grains', 'store/postgres/sum-statement', 'ingest/loop'],
      ...['bin/ingest', 'broker/nats/envelope', 'bin/ingest'],
    ],
    accountUsage: [
      ...['api/grpc/analytics-service', 'api/grpc/unary', 'api/grpc/account-scope'],
      ...['query/queries', 'query/answer-cache', 'query/account-usage', 'query/read-question'],
      ...['query/fresh-read', 'store/postgres/pool', 'store/postgres/select-account-usage'],
    ],
    deliveryBreakdown: [
      ...['api/grpc/analytics-service', 'api/grpc/unary', 'query/queries', 'query/answer-cache'],
      ...['query/delivery-breakdown', 'query/read-question', 'query/reading'],
      ...['store/postgres/pool', 'store/postgres/look', 'query/load-slots'],
      ...['store/postgres/slot-memory', 'query/read-kinds', 'store/postgres/select-outcome-cells'],
    ],
  },
];

/** The layout of these files. */
export function layoutOf(files: readonly SourceFile[]): Spines {
  const paths = new Set(files.map(({ path }) => path));
  const found = LAYOUTS.find(({ knownBy }) => paths.has(knownBy));
  if (found === undefined) throw new Error('no layout in test/tidy/spines.ts fits these files');
  return found;
}

/** How many files a road has, and how often it comes back to one that was open before. */
export function lengthOf(road: Road): { files: number; returns: number } {
  const files = new Set(road).size;
  return { files, returns: road.length - files };
}

/** How many more files a reader opens after the first. */
export const hopsOf = (road: Road) => lengthOf(road).files - 1;

/**
 * Steps that the source does not show. A step leads to a file that was open already, that an open
 * file imports, or that a process imports and hands in.
 */
export function brokenSteps(road: Road, files: readonly SourceFile[]): string[] {
  const imports = new Map(files.map((file) => [file.path, file.imports]));
  const handedIn = files.filter(({ path }) => path.startsWith('src/bin/'));
  const reached = new Set(handedIn.flatMap((file) => file.imports));
  return road.flatMap((step, index) => {
    const path = `src/${step}.ts`;
    const known = index === 0 || reached.has(path);
    reached.add(path);
    for (const target of imports.get(path) ?? []) reached.add(target);
    if (!imports.has(path)) return [`${path}: does not exist`];
    return known ? [] : [`src/${road[index - 1]}.ts: does not lead to ${path}`];
  });
}
