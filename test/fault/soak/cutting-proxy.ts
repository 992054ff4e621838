// Stands between ingest and Postgres and cuts connections in the middle of what they are doing: a
// statement that is on its way is still carried out and committed by the server, and the client
// never learns whether it was.

import { createServer, connect as dial, type Socket } from 'node:net';

export interface CuttingProxy {
  readonly port: number;
  /** The same URL, but through here. */
  through(url: string | undefined): string;
  /** Cuts every connection; returns how many. */
  cut(): number;
  /**
   * From now on nothing that the server answers on the present connections arrives; what clients
   * send still does.
   */
  mute(): void;
  /**
   * The server is gone without a word: as `mute`, but it closes nothing either, and new connections
   * are no better. Returns what lets those through that are made from then on.
   */
  vanish(): () => void;
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1 and forwards to `targetPort`. */
export async function startCuttingProxy(targetPort: number): Promise<CuttingProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let gone = false;
  const lost = new WeakSet<Socket>();
  const lose = (client: Socket, target: Socket) => {
    lost.add(client);
    target.unpipe(client).resume();
  };
  const server = createServer((client) => {
    const target = dial(targetPort, '127.0.0.1');
    const pair = [client, target] as const;
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      target.destroy();
    };
    client.on('error', end).on('close', end);
    target.on('error', end).on('close', () => {
      if (!lost.has(client)) end();
    });
    client.pipe(target);
    if (gone) lose(client, target);
    else target.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const cut = (): number => {
    const count = pairs.size;
    for (const [client, target] of [...pairs]) {
      client.destroy();
      target.destroy();
    }
    return count;
  };
  const mute = () => {
    for (const [client, target] of pairs) target.unpipe(client).resume();
  };
  return {
    port,
    through: (url = '') => Object.assign(new URL(url), { port: String(port) }).href,
    cut,
    mute,
    vanish: () => {
      gone = true;
      for (const [client, target] of pairs) lose(client, target);
      return () => {
        gone = false;
      };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}
