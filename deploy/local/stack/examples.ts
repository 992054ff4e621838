// The command lines that a started stack prints to be pasted: every rpc as admin-dashboard, an
// account's usage as its own portal, and the refusals that matter. `buf curl` is a real gRPC client
// and reads the schema from proto/.

import { isAbsolute, relative } from 'node:path';
import type { Identity } from '../secrets/certificates.js';
import { projectRoot } from '../toolchain/project.js';
import type { Site } from './services.js';

const DAY_MS = 86_400_000;
const OWN_ACCOUNT = 'acme-travel';
const FOREIGN_ACCOUNT = 'globex-bank';

interface Example {
  readonly title: string;
  readonly line: string;
}

/**
 * Lines for a shell in the project's root; `nowMs` decides the range asked for (the last four UTC
 * days).
 */
export function exampleLines(site: Site, nowMs: number): Example[] {
  const day = (offset: number) => new Date(nowMs + offset * DAY_MS).toISOString().slice(0, 10);
  const range = { start: day(-3), end: day(1) };
  const today = { start: day(0), end: day(1) };
  const call = (
    title: string,
    identity: Identity,
    method: string,
    request: object,
    account?: string,
  ): Example => ({ title, line: buf(site, identity, method, request, account) });
  return [
    call('The last days at a glance', 'admin-dashboard', 'GetSummary', {
      range,
      granularity: 'GRANULARITY_DAY',
    }),
    call('Operators, ranked', 'admin-dashboard', 'GetOperatorPerformance', { range, pageSize: 5 }),
    call('Messages per second today', 'admin-dashboard', 'GetThroughput', {
      range: today,
      granularity: 'GRANULARITY_HOUR',
    }),
    call('Why messages fail', 'admin-dashboard', 'GetDeliveryBreakdown', {
      range,
      groupBy: ['DIMENSION_OUTCOME', 'DIMENSION_REASON'],
      pageSize: 10,
    }),
    call('An account, asked by the dashboard', 'admin-dashboard', 'GetAccountUsage', {
      accountId: OWN_ACCOUNT,
      range,
    }),
    call(
      'The same account, asked by its own portal',
      'customer-portal',
      'GetAccountUsage',
      { accountId: OWN_ACCOUNT, range },
      OWN_ACCOUNT,
    ),
    call(
      'A foreign account: PERMISSION_DENIED',
      'customer-portal',
      'GetAccountUsage',
      { accountId: FOREIGN_ACCOUNT, range },
      OWN_ACCOUNT,
    ),
    call('A stranger: PERMISSION_DENIED', 'stranger', 'GetSummary', { range }),
    {
      // Before the first copy there is no database of ours, and no row.
      title: 'What is in ClickHouse',
      line:
        `curl -sS 'http://127.0.0.1:${site.ports.clickhouse}/' --data "SELECT name, total_rows ` +
        `FROM system.tables WHERE database = 'sms_analytics'"`,
    },
  ];
}

function buf(
  site: Site,
  identity: Identity,
  method: string,
  request: object,
  account: string | undefined,
): string {
  const { cert, key } = site.tls.identities[identity];
  const words = [
    'node_modules/.bin/buf curl --schema proto --protocol grpc',
    `--cacert ${shellWord(site.tls.ca)} --cert ${shellWord(cert)} --key ${shellWord(key)}`,
    ...(account ? [`-H 'x-account-id: ${account}'`] : []),
    `-d '${JSON.stringify(request)}'`,
    `https://localhost:${site.ports.grpc}/sms.analytics.v1.AnalyticsService/${method}`,
  ];
  return words.join(' ');
}

/** The file as a shell word, relative to the project's root where it lies below it. */
function shellWord(file: string): string {
  const near = relative(projectRoot, file);
  const short = near.startsWith('..') || isAbsolute(near) ? file : near;
  return /^[\w./@:+-]+$/.test(short) ? short : `'${short.replaceAll("'", "'\\''")}'`;
}
