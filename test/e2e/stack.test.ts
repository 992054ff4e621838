// `npm start` as a person meets it: everything comes up, the printed lines work as pasted, a signal
// ends all of it, a kill leaves nothing behind, and the next start continues where the last one
// stopped.

import { exec } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../deploy/local/toolchain/project.js';
import { type LocalStack, openPorts, startLocalStack, survivors } from '../support/local-stack.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const MINUTES = 60_000;
const PULSE = /published ([\d,]+) · counted ([\d,]+) ·/g;

/** Runs lines as pasted into a bash in the project's root. */
function paste(lines: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    exec(lines, { cwd: projectRoot, shell: '/bin/bash' }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    );
  });
}

function printedLines(stack: LocalStack): { title: string; line: string }[] {
  const found = stack.said().matchAll(/^# (.+)\n(.+)$/gm);
  return [...found].map(([, title = '', line = '']) => ({ title, line }));
}

/** Published and counted, as of the last line that says so. */
function lastPulse(stack: LocalStack): { published: number; counted: number } {
  const last = [...stack.said().matchAll(PULSE)].at(-1);
  const number = (text = '') => Number(text.replaceAll(',', ''));
  return { published: number(last?.[1]), counted: number(last?.[2]) };
}

async function endWith(stack: LocalStack, signal: NodeJS.Signals): Promise<number> {
  stack.process.kill(signal);
  return stack.ended;
}

describe('npm start without traffic', () => {
  let dataDir: string;
  let stack: LocalStack;
  beforeAll(async () => {
    dataDir = await temporaryDirectory('stack');
    stack = startLocalStack(dataDir, ['--no-traffic']);
    await stack.says(/Everything runs/, 2 * MINUTES);
    await stack.says(/Ctrl-C ends everything/);
  }, 3 * MINUTES);

  test('writes the address book that the contract describes', () => {
    const book = stack.book();
    expect(book).toMatchObject({
      grpc: expect.stringMatching(/^localhost:\d+$/),
      admin: { api: expect.stringMatching(/^http:/), ingest: expect.stringMatching(/^http:/) },
      postgres: expect.stringMatching(/^postgresql:/),
      clickhouse: expect.stringMatching(/^http:/),
    });
    expect(Object.keys(book.nats).sort()).toEqual(['billing', 'dlr', 'ingest', 'ops']);
    expect(Object.keys(book.tls.identities)).toEqual(
      expect.arrayContaining(['admin-dashboard', 'customer-portal', 'ops', 'stranger']),
    );
    const files = [book.tls.ca, ...Object.values(book.tls.identities).flatMap(Object.values)];
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
    expect(survivors(book.pids).sort()).toEqual([
      ...['api', 'clickhouse', 'ingest', 'nats', 'postgres'],
    ]);
  });

  test('is ready when it says so', async () => {
    const { admin } = stack.book();
    for (const url of [admin.api, admin.ingest]) {
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
    }
  });

  test('prints lines that work as pasted, and refusals that refuse', {
    timeout: 5 * MINUTES,
  }, async () => {
    const lines = printedLines(stack);
    expect(lines).toHaveLength(9);
    for (const { title, line } of lines) {
      const { code, output } = await paste(line);
      const refused = title.includes('PERMISSION_DENIED');
      if (refused) {
        expect(output, title).toContain('permission_denied');
        expect(code, title).not.toBe(0);
      } else expect(code, `${title}: ${output}`).toBe(0);
    }
  });

  test('answers the five questions of the README as pasted', { timeout: 5 * MINUTES }, async () => {
    const page = readFileSync(join(projectRoot, 'README.md'), 'utf8');
    const [, section = ''] = /^## Five questions\n(.*?)^## /ms.exec(page) ?? [];
    const lines = [...section.matchAll(/^```sh\n(.*?)^```/gms)]
      .map(([, text = '']) => text)
      .join('');
    expect(lines).toContain('./.local/stack.json');
    const found = lines.replace('./.local/stack.json', join(dataDir, 'stack.json'));
    const { code, output } = await paste(`set -e\n${found}`);
    expect(code, output).toBe(0);
    expect(output.match(/^ {2}"meta"/gm)).toHaveLength(5);
  });

  test('refuses a second stack on the same data, and says what to do', async () => {
    const second = startLocalStack(dataDir, ['--no-traffic'], true);
    expect(await second.ended).toBe(1);
    expect(second.said()).toMatch(/already running on .*\n.*--data-dir/s);
    expect(second.said()).not.toMatch(/\n\s+at /);
  });

  test('ends on SIGTERM with code 0, and leaves no process, port or address book', async () => {
    const book = stack.book();
    expect(await endWith(stack, 'SIGTERM')).toBe(0);
    expect(survivors(book.pids)).toEqual([]);
    expect(await openPorts(book)).toEqual([]);
    expect(existsSync(join(dataDir, 'stack.json'))).toBe(false);
  });
});

describe('npm start with traffic', () => {
  const traffic = ['--rate', '100', '--backfill-days', '0'];

  test('loses nothing by a signal or a kill, and continues', {
    timeout: 15 * MINUTES,
  }, async () => {
    const dataDir = await temporaryDirectory('traffic');
    const first = startLocalStack(dataDir, traffic, true);
    await first.says(/counted [1-9][\d,]* ·/, 5 * MINUTES);
    expect(await endWith(first, 'SIGINT')).toBe(0);
    const before = lastPulse(first);

    const second = startLocalStack(dataDir, traffic, true);
    await second.says(/counted [1-9][\d,]* ·/, 5 * MINUTES);
    expect(lastPulse(second).published).toBeGreaterThanOrEqual(before.published);
    const { pids } = second.book();
    expect(await endWith(second, 'SIGKILL')).toBe(137);
    await expect.poll(() => survivors(pids), { timeout: 120_000 }).toEqual([]);

    const third = startLocalStack(dataDir, ['--no-traffic'], true);
    await third.says(/published ([\d,]+) · counted \1 ·/, 5 * MINUTES);
    expect(lastPulse(third).published).toBeGreaterThanOrEqual(lastPulse(second).published);
    expect(await endWith(third, 'SIGTERM')).toBe(0);
  });
});
