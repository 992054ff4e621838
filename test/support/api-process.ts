// The api process for one test file: the compiled binary on a Postgres of its own, with rows that
// the ingest process counted, and certificates that the test may issue and rotate as it likes. One
// file starts one and asks it everything.

import { readFileSync } from 'node:fs';
import type { Child } from '../../deploy/local/engines/child.js';
import {
  type Authority,
  CertificateFolder,
  createAuthority,
  type Issued,
  issueService,
} from './pki.js';
import { chargeOf, publicationOf } from './publications.js';
import { createSite, type TestSite } from './site.js';

const dayOf = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

/** Yesterday to tomorrow: every row there is. */
export const RANGE = { start: dayOf(-1), end: dayOf(2) };

/**
 * One row per message: two of `acme` and one of `umbrella`, of one segment and 0.05 EUR each, an
 * hour ago.
 */
const MESSAGES = ['acme', 'acme', 'umbrella'];

/** What a denial left in the audit table. */
export interface RecordedDenial {
  readonly actor: string;
  readonly action: string;
  readonly reason: string;
  /** The minute's start, ISO 8601. */
  readonly minute: string;
  readonly occurrences: number;
  readonly target: string;
}

/** The running process and what a test wants to know about it. */
export interface ApiProcess {
  readonly port: number;
  readonly target: string;
  /** Signs callers; a test that rotates it says so here. */
  authority: Authority;
  /** The service's own files. */
  readonly folder: CertificateFolder;
  readonly site: TestSite;
  readonly child: Child;
  /** Everything that it has logged, line by line. */
  logLines(): string[];
  /** Its metrics as the admin port gives them. */
  metrics(): Promise<string>;
  /** The sum of a metric over all labels that match. */
  metric(name: string, labels?: RegExp): Promise<number>;
  /** Ends the process, which writes the denials it has noted so far, and reads them. */
  endedWithDenials(): Promise<RecordedDenial[]>;
  close(): Promise<void>;
}

/** Starts it, ready and with its rows; `env` is added to what the local stack would give it. */
export async function startApiProcess(env: Record<string, string> = {}): Promise<ApiProcess> {
  const authority = await createAuthority('test authority', 2);
  const folder = new CertificateFolder();
  folder.write({ ...(await issueService(authority)), ca: authority.pem });
  const site = await createSite();
  const [ingest, child] = await Promise.all([
    site.start('ingest'),
    site.start('api', {
      TLS_CERT_FILE: folder.certFile,
      TLS_KEY_FILE: folder.keyFile,
      TLS_CA_FILE: folder.caFile,
      ...env,
    }),
  ]);
  await site.publish(
    MESSAGES.map((accountId, index) =>
      publicationOf('sms.billing.v1.charged', chargeOf(index, { accountId })),
    ),
  );
  await site.drained();
  await ingest.stop();
  const { grpc: port, apiAdmin } = site.site.ports;
  const metrics = async () => (await fetch(`http://127.0.0.1:${apiAdmin}/metrics`)).text();
  return {
    port,
    target: `localhost:${port}`,
    authority,
    folder,
    site,
    child,
    logLines: () => readFileSync(child.logFile, 'utf8').split('\n').slice(0, -1),
    metrics,
    metric: async (name, labels = /.*/) => sumOf(await metrics(), name, labels),
    endedWithDenials: async () => {
      // Longer than the process itself gives to running calls, so that it always comes to write
      // them.
      await child.stop(30_000);
      const { rows } = await site.database.query<RecordedDenial>(
        `SELECT actor, action, reason, target, occurrences::int,
                to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS minute
           FROM audit_record WHERE outcome = 'denied' ORDER BY audit_id`,
      );
      return rows;
    },
    close: async () => {
      await site.close();
      folder.remove();
    },
  };
}

function sumOf(text: string, name: string, labels: RegExp): number {
  const samples = text.split('\n').flatMap((line) => {
    const [, sample, inside = '', value] = /^(\w+)(\{.*\})? (\S+)$/.exec(line) ?? [];
    return sample === name && labels.test(inside) ? [Number(value)] : [];
  });
  return samples.reduce((sum, value) => sum + value, 0);
}

/** Options of a TLS connection to the process, as Node's own `tls` and `http2` take them. */
export function tlsOptionsFor(api: ApiProcess, issued: Issued) {
  const { port, authority } = api;
  return { port, host: '127.0.0.1', servername: 'localhost', ca: authority.pem, ...issued };
}
