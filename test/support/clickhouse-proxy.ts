// Stands between the job and ClickHouse and lets things go wrong at a chosen request: the answer is
// lost, the answer breaks off, or ClickHouse refuses with a code of its own. What is passed on is
// passed on unchanged.

import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * `lose`: done, but never answered. `cut`: done, and the answer ends in its middle. A number: not
 * done, that code.
 */
export type Verdict = 'pass' | 'lose' | 'cut' | number;

export interface ClickHouseProxy extends AsyncDisposable {
  readonly url: string;
  /** Asked for each request with its statement as far as it stands in the address, else `''`. */
  judge: (statement: string) => Verdict;
}

export async function proxyClickHouse(target: string): Promise<ClickHouseProxy> {
  const server = createServer((incoming, answer) => {
    const { url = '/', method, headers } = incoming;
    const verdict = self.judge(new URL(url, target).searchParams.get('query') ?? '');
    if (typeof verdict === 'number') {
      incoming.resume();
      answer.writeHead(500, { 'X-ClickHouse-Exception-Code': String(verdict) });
      return void answer.end(`Code: ${verdict}. DB::Exception: As the test wants it. (TESTED)\n`);
    }
    const onward = request(new URL(url, target), { method, headers }, (theirs) => {
      if (verdict === 'lose') return void theirs.resume();
      answer.writeHead(theirs.statusCode ?? 500, theirs.headers);
      if (verdict === 'cut') {
        theirs.resume();
        answer.write('1');
        return void setTimeout(() => answer.destroy(), 20);
      }
      theirs.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const self: ClickHouseProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    judge: () => 'pass',
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
  return self;
}
