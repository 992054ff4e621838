// The texts of the statements that a pool's connections run, for tests that pin them: each is run
// on a real engine and compared as text.
import type pg from 'pg';

const TRANSACTION = /^(BEGIN|COMMIT|ROLLBACK|SET|LOCK)/;

/**
 * Records what `pool` runs from here on, without transaction control. Returns what `work` ran, each
 * text once, in the order of the first runs.
 */
export function recordStatements(
  pool: pg.Pool,
): (work: () => Promise<unknown>) => Promise<readonly string[]> {
  let texts = new Set<string>();
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      const [first] = args as [string | { text?: string; sql?: string }];
      const text = typeof first === 'string' ? first : (first.text ?? first.sql ?? '');
      if (!TRANSACTION.test(text)) texts.add(text.trim());
      return query(...args);
    }) as typeof client.query;
  });
  return async (work) => {
    texts = new Set();
    await work();
    return [...texts];
  };
}

/** The texts as one file of SQL, by the names of what ran them. */
export function sqlFile(byName: Readonly<Record<string, readonly string[]>>): string {
  const parts = Object.entries(byName).flatMap(([name, texts]) => [
    `-- ${name}`,
    ...texts.map((text) => `${text};`),
  ]);
  return `${parts.join('\n\n')}\n`;
}
