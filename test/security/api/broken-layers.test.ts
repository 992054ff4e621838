// What customer-portal sees when layers between accounts are broken, one by one and together: the
// compiled program with lines replaced, on a Postgres with two messages of `acme` and one of
// `umbrella`. The portal's header names acme; it asks for acme, then for umbrella. Each broken
// program is asked for a total and for quarters of an hour, which are two statements.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { status as GrpcCode } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import type { GetAccountUsageResponse } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { Granularity } from '../../../src/generated/proto/sms/analytics/v1/common.js';
import { type ApiProcess, RANGE, startApiProcess } from '../../support/api-process.js';
import { call, clientFor } from '../../support/api-server.js';
import { type Break, startBrokenApi } from '../../support/broken-api.js';
import { type Issued, issueCaller, PORTAL } from '../../support/pki.js';

/** How a layer is broken in the program; `policy` is broken in Postgres. */
const BREAKS = {
  // The comparison of header and question.
  scopeComparison: [
    {
      file: 'api/authorisation/account-scope',
      line: 'if (asked !== own)',
      instead: 'if (false)',
    },
  ],
  // The scope function itself: the account that the question names, instead of the header's.
  scope: [
    {
      file: 'api/authorisation/account-scope',
      line: "if (caller.accounts === 'any') {",
      instead: 'if (true) {',
    },
  ],
  // The comparison of question, scope and second reading.
  useCase: [
    {
      file: 'answers/account-usage/account-usage',
      line: 'if (accountId === undefined || accountId !== request.accountId)',
      instead: 'if (false)',
    },
    {
      file: 'answers/account-usage/account-usage',
      line: 'if (rowAccountId !== request.accountId)',
      instead: 'if (false)',
    },
  ],
  predicate: [
    {
      file: 'answers/account-usage/select-account-usage',
      line: "'cell.account_id = :account'",
      instead: "':account::text IS NOT NULL'",
    },
  ],
  // The second reading takes the question's account, whoever calls.
  secondReading: [
    {
      file: 'api/authorisation/row-account',
      line: "accounts === 'any' ? [named] : metadata.get('x-account-id')",
      instead: '[named]',
    },
  ],
  // No transaction sets whose rows it sees.
  setting: [
    {
      file: 'postgres/pool',
      line: 'accountId === undefined ? []',
      instead: 'true ? []',
    },
  ],
  policy: [],
} satisfies Record<string, Break[]>;
type Layer = keyof typeof BREAKS;

const POLICED = ['outcome_account', 'money_account', 'account_outcome_sum'].concat(
  ...['account_money_sum', 'account_usage_day'],
);

let api: ApiProcess;
let issued: Issued;
beforeAll(async () => {
  api = await startApiProcess();
  issued = await issueCaller(api.authority, PORTAL);
});
afterEach(() => setPolicies("account_id = current_setting('analytics.account_id', true)"));
afterAll(() => api?.close());

async function setPolicies(condition: string): Promise<void> {
  for (const table of POLICED) {
    await api.site.database.query(`ALTER POLICY one_account ON ${table} USING (${condition})`);
  }
}

/** Messages and charges of an answer, the same in its total and in its series; or how it ended. */
async function seen(target: string, accountId: string): Promise<string> {
  const portal = clientFor({ target, authority: api.authority }, issued);
  const ends = [];
  try {
    for (const granularity of [
      Granularity.GRANULARITY_TOTAL,
      Granularity.GRANULARITY_DAY,
      Granularity.GRANULARITY_QUARTER_HOUR,
    ]) {
      const request = { accountId, range: RANGE, granularity };
      const end = await call(portal, 'getAccountUsage', request, { 'x-account-id': 'acme' });
      const { counts, money = [] } = (end.response ?? {}) as Partial<GetAccountUsageResponse>;
      ends.push(
        end.code === GrpcCode.OK
          ? `${counts?.accepted} messages, ${money[0]?.charged ?? 0} EUR`
          : (GrpcCode[end.code] as string),
      );
    }
  } finally {
    portal.close();
  }
  return [...new Set(ends)].join(' or ');
}

const DENIED = 'PERMISSION_DENIED';
const NOTHING = '0 messages, 0 EUR';
const ACME = '2 messages, 0.1 EUR';
const UMBRELLA = '1 messages, 0.05 EUR';
const EVERYTHING = '3 messages, 0.15 EUR';

async function portalSees(layers: readonly Layer[]): Promise<{ acme: string; umbrella: string }> {
  const breaks = layers.flatMap((layer): Break[] => BREAKS[layer]);
  const { target, child } = await startBrokenApi(api, breaks);
  try {
    if (layers.includes('policy')) await setPolicies('true');
    return { acme: await seen(target, 'acme'), umbrella: await seen(target, 'umbrella') };
  } finally {
    await child.stop();
  }
}

test('with every layer whole the portal sees its account and is denied the other', async () => {
  expect(await portalSees([])).toEqual({ acme: ACME, umbrella: DENIED });
});

describe('one broken layer, whichever, shows no row of another account', () => {
  const rows: [Layer, string][] = [
    ['scopeComparison', ACME],
    ['scope', ACME],
    ['useCase', ACME],
    ['predicate', ACME],
    ['policy', ACME],
    // The last two are the setting of row-level security: without it Postgres shows nothing.
    ['secondReading', ACME],
    ['setting', NOTHING],
  ];
  test.each(rows)('%s', async (layer, acme) => {
    expect(await portalSees([layer])).toEqual({ acme, umbrella: DENIED });
  });
});

describe('a scope that names the asked account shows no row of it', () => {
  const rows: [Layer[], string, string][] = [
    [['scope', 'useCase'], ACME, NOTHING],
    [['scope', 'predicate'], ACME, DENIED],
    [['scope', 'policy'], ACME, DENIED],
    [['scope', 'setting'], NOTHING, DENIED],
    // Postgres still shows the header's rows, whatever the answer calls them.
    [['scope', 'useCase', 'predicate'], ACME, ACME],
  ];
  test.each(rows)('with %j broken', async (layers, acme, umbrella) => {
    expect(await portalSees(layers)).toEqual({ acme, umbrella });
  });
});

describe('row-level security or the predicate alone keeps to the account of the header', () => {
  const rows: [string, Layer[], string][] = [
    ['row-level security', ['scopeComparison', 'useCase', 'predicate'], ACME],
    ['the predicate', ['scopeComparison', 'useCase', 'policy'], ACME],
    ['an unset setting', ['scopeComparison', 'useCase', 'setting'], NOTHING],
  ];
  test.each(rows)('%s', async (_name, layers, both) => {
    expect(await portalSees(layers)).toEqual({ acme: both, umbrella: both });
  });
});

describe('what SECURITY.md does not claim', () => {
  test('the comparisons filter no row: alone they show everything to who asks for its own account', async () => {
    expect(await portalSees(['predicate', 'policy'])).toEqual({
      acme: EVERYTHING,
      umbrella: DENIED,
    });
  });

  test('both readings wrong in the same way show the other account', async () => {
    expect(await portalSees(['scope', 'secondReading'])).toEqual({
      acme: ACME,
      umbrella: UMBRELLA,
    });
  });
});

test('the two readings of a call share no code of their own', () => {
  const importsOf = (file: string) =>
    [
      ...readFileSync(join(projectRoot, `src/api/authorisation/${file}.ts`), 'utf8').matchAll(
        /from '(.*)'/g,
      ),
    ]
      .map(([, path]) => path)
      .filter((path) => path?.startsWith('.'))
      .sort();
  // Types are no code.
  expect(importsOf('row-account')).toEqual(['../../domain/message/identifiers.js', './policy.js']);
  expect(importsOf('account-scope')).toEqual(['./denial-reasons.js', './policy.js']);
});
