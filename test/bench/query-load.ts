// Callers of the query benchmark: a number of them at once, each asking its next question when the
// last is answered, over one channel with a client certificate. Answers are taken as bytes:
// decoding them is the caller's own cost.
import { readFileSync } from 'node:fs';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { TlsFiles } from '../../deploy/local/secrets/certificates.js';

/** One call: its path, its request as bytes. */
export interface Question {
  readonly path: string;
  readonly request: Buffer;
}

export interface LoadFigures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly callsPerSecond: number;
}

export function openCaller(port: number, tls: TlsFiles): Client {
  const own = tls.identities['admin-dashboard'];
  return new Client(
    `localhost:${port}`,
    credentials.createSsl(readFileSync(tls.ca), readFileSync(own.key), readFileSync(own.cert)),
    { 'grpc.use_local_subchannel_pool': 1 },
  );
}

const asIs = (bytes: Buffer) => bytes;

/** The answer as bytes. `answer` names the file that the bare server returns. */
export function ask(client: Client, question: Question, answer?: string): Promise<Buffer> {
  const metadata = new Metadata();
  if (answer !== undefined) metadata.set('x-answer', answer);
  return new Promise((resolve, reject) =>
    client.makeUnaryRequest(
      question.path,
      asIs,
      asIs,
      question.request,
      metadata,
      { deadline: Date.now() + 30_000 },
      (error, bytes) => (error ? reject(error) : resolve(bytes ?? Buffer.alloc(0))),
    ),
  );
}

/**
 * `calls` calls by `callers` at once, each on one of the clients in turn; `next` gives the question
 * of the nth.
 */
export async function load(
  clients: Client | readonly Client[],
  next: (index: number) => Question,
  {
    callers,
    calls,
    answer,
  }: { callers: number; calls: number; answer?: (index: number) => string },
): Promise<LoadFigures> {
  const all = [clients].flat() as Client[];
  const tookMs: number[] = [];
  let asked = 0;
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      const client = all[caller % all.length] as Client;
      while (asked < calls) {
        const index = asked++;
        const question = next(index);
        const atMs = performance.now();
        await ask(client, question, answer?.(index));
        tookMs.push(performance.now() - atMs);
      }
    }),
  );
  const seconds = (performance.now() - startedMs) / 1000;
  tookMs.sort((left, right) => left - right);
  const at = (part: number) => tookMs[Math.ceil(tookMs.length * part) - 1] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99), callsPerSecond: calls / seconds };
}
