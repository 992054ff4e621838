// The ClickHouse side of a copied column: its type, its codec, and the text of its row's key in the
// checksum. That text must equal those of `copy/postgres/extract-fingerprints.ts`, byte for byte.
import {
  type ColumnKind,
  type CopiedColumn,
  type CopiedRollup,
  rowOrder,
} from '../../rollups/copied-rollup.js';

const typeOf: Readonly<Record<ColumnKind, string>> = {
  bucket: `DateTime('UTC')`,
  text: 'LowCardinality(String)',
  bin: 'Int16',
  count: 'Int64',
  money: 'Decimal(38, 9)',
};

const codecOf: Readonly<Record<ColumnKind, string>> = {
  bucket: 'CODEC(Delta, ZSTD(1))',
  text: 'CODEC(ZSTD(1))',
  bin: 'CODEC(T64, ZSTD(1))',
  count: 'CODEC(T64, ZSTD(1))',
  money: 'CODEC(ZSTD(1))',
};

/** Every column of the table with its type, in wire order: what schema checks compare with. */
export function tableColumns(rollup: CopiedRollup): readonly { name: string; type: string }[] {
  return [
    { name: 'generation', type: 'UInt16' },
    { name: 'copy', type: 'UInt64' },
    ...[...rollup.keys, ...rollup.measures].map((column) => ({
      name: column.name,
      type: columnType(column),
    })),
    { name: 'version', type: 'UInt64' },
  ];
}

/** Accounts can be many: a dictionary per block would not pay for them. */
function columnType(column: CopiedColumn): string {
  return column.name === 'account_id' ? 'String' : typeOf[column.kind];
}

/** The column lines of CREATE TABLE. */
export function columnDefinitions(rollup: CopiedRollup): readonly string[] {
  const copied = [...rollup.keys, ...rollup.measures].map(
    (column) => `${column.name} ${columnType(column)} ${codecOf[column.kind]}`,
  );
  return [
    'generation UInt16 CODEC(ZSTD(1))',
    'copy UInt64 CODEC(ZSTD(1))',
    ...copied,
    'version UInt64 CODEC(T64, ZSTD(1))',
  ];
}

/** The sorting key: the day first, so that a question about days opens nothing else. */
export function sortingKey(rollup: CopiedRollup): string {
  return ['generation', 'copy', 'toDate(bucket)', ...rowOrder(rollup)].join(', ');
}

/** The expression whose text stands for the column in the row's key, as both engines write it. */
export function keyText(column: CopiedColumn): string {
  if (column.kind === 'bucket') return `toString(toUnixTimestamp(${column.name}))`;
  return `toString(${column.name})`;
}
