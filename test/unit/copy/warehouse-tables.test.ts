import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { deduplicationToken } from '../../../src/copy/clickhouse/load.js';
import { MIGRATIONS } from '../../../src/copy/clickhouse/migrate.js';
import { tables } from '../../../src/copy/clickhouse/migrations/001-tables.js';
import { views } from '../../../src/copy/clickhouse/migrations/002-views.js';
import { COPIED_ROLLUPS, type CopiedRollup } from '../../../src/rollups/copied-rollup.js';

const single = { database: 'sms_analytics', cluster: undefined };
const cluster = { database: 'sms_analytics', cluster: 'east' };

describe('tables', () => {
  test('are settled by version, partitioned by generation, copy and month', () => {
    const [outcomes] = tables(single);
    expect(outcomes).toContain('CREATE TABLE IF NOT EXISTS `sms_analytics`.`outcome_copy` (');
    expect(outcomes).toContain('ENGINE = ReplacingMergeTree(version)');
    expect(outcomes).toContain('PARTITION BY (generation, copy, toYYYYMM(bucket))');
    expect(outcomes).toContain(
      'ORDER BY (generation, copy, toDate(bucket), account_id, operator_id, bucket, outcome, reason)',
    );
    expect(outcomes).toContain('SETTINGS non_replicated_deduplication_window = 1000');
  });

  test('are replicated, everywhere at once, where a cluster is configured', () => {
    for (const statement of tables(cluster)) {
      expect(statement).toMatch(
        /^CREATE TABLE IF NOT EXISTS `sms_analytics`\.`\w+` ON CLUSTER `east` \(/,
      );
      expect(statement).toMatch(
        /ENGINE = ReplicatedReplacingMergeTree\('\/clickhouse\/tables\/\{shard\}\/\{database\}\/\{table\}', '\{replica\}', (version|epoch)\)/,
      );
      expect(statement).not.toContain('non_replicated');
    }
    for (const statement of views(cluster)) {
      expect(statement).toMatch(
        /^CREATE OR REPLACE VIEW `sms_analytics`\.`\w+` ON CLUSTER `east` AS/,
      );
    }
  });

  test('have every key of the rollup in their sorting key, so that no two rows are taken for one', () => {
    for (const [index, rollup] of COPIED_ROLLUPS.entries()) {
      const order = /ORDER BY \(([^\n]*)\)\n/.exec(tables(single)[index] ?? '')?.[1]?.split(', ');
      expect(order).toEqual(expect.arrayContaining(rollup.keys.map((key) => key.name)));
    }
  });

  test('migrations are numbered without gaps', () => {
    expect(MIGRATIONS.map(({ number }) => number)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });
});

describe('deduplication token', () => {
  const rollup = COPIED_ROLLUPS[0] as CopiedRollup;
  const token = (text: string, scope = 'run'): string =>
    deduplicationToken(rollup, { bytes: Buffer.from(text), rowCount: 1 }, scope);

  test('is the same for the same rows, and another for other rows, another table or another sending', () => {
    expect(token('a')).toBe(token('a'));
    expect(token('b')).not.toBe(token('a'));
    expect(token('a', 'run/again')).not.toBe(token('a'));
    const other = COPIED_ROLLUPS[1] as CopiedRollup;
    expect(deduplicationToken(other, { bytes: Buffer.from('a'), rowCount: 1 }, 'run')).not.toBe(
      token('a'),
    );
  });
});

describe('grants', () => {
  const grants = readFileSync(join(projectRoot, 'deploy/clickhouse/grants.sql'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('GRANT') && line.endsWith('TO anlyt_etl;'));

  test('let the job insert into and select from its own tables, see definitions, and nothing else', () => {
    const copies = [...COPIED_ROLLUPS.map((rollup) => rollup.target), 'copy_mark'];
    expect(grants).toEqual([
      ...copies.map((table) => `GRANT INSERT, SELECT ON sms_analytics.${table} TO anlyt_etl;`),
      'GRANT SELECT ON sms_analytics.schema_migration TO anlyt_etl;',
      'GRANT SHOW TABLES ON sms_analytics.* TO anlyt_etl;',
    ]);
  });
});
