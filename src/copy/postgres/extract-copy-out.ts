// COPY … TO STDOUT as a stream of chunks of whole lines. Postgres renders the rows as tab-separated
// text, which is what ClickHouse reads: no value is parsed, rounded or rebuilt on the way. At most
// two chunks wait: when the consumer is slower, the socket is paused, and Postgres with it.
import type { ClientBase, Connection, Submittable } from 'pg';

/** Tab-separated text, whole lines only. */
export interface CopiedLines {
  readonly bytes: Buffer;
  readonly rowCount: number;
}

/** What the driver calls on the running statement; its types know only `submit`. */
interface RunningStatement extends Submittable {
  handleCopyData(message: { chunk: Buffer }): void;
  handleCommandComplete(): void;
  handleReadyForQuery(): void;
  handleError(error: Error): void;
}

const waitingChunkCount = 2;
const firstRoomBytes = 64 * 1024;

/**
 * Runs a COPY statement without parameters (it cannot have any: settings carry them) and yields its
 * lines in chunks of about `chunkBytes`. Ending the iteration early destroys the connection, since
 * COPY cannot be left half read.
 */
export async function* copyOut(
  client: ClientBase,
  sql: string,
  chunkBytes: number,
): AsyncGenerator<CopiedLines> {
  const copy = new CopyOut(sql, chunkBytes);
  client.query(copy);
  try {
    for (let chunk = await copy.next(); chunk !== undefined; chunk = await copy.next()) yield chunk;
  } finally {
    copy.abandon();
  }
}

class CopyOut implements RunningStatement {
  #connection: Connection | undefined;
  #held = Buffer.allocUnsafe(firstRoomBytes); // most days of an incremental run have few rows
  #bytes = 0;
  #rowCount = 0;
  readonly #waiting: CopiedLines[] = [];
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(
    readonly sql: string,
    readonly chunkBytes: number,
  ) {}

  submit(connection: Connection): void {
    this.#connection = connection;
    connection.query(this.sql);
  }

  /** The driver's parser reuses its memory: the line is copied before this returns. */
  handleCopyData({ chunk }: { chunk: Buffer }): void {
    if (this.#bytes + chunk.length > this.#held.length) this.#grow(chunk.length);
    this.#bytes += chunk.copy(this.#held, this.#bytes);
    this.#rowCount++;
    if (this.#bytes < this.chunkBytes) return;
    this.#finishChunk();
    this.#held = Buffer.allocUnsafe(this.chunkBytes + firstRoomBytes);
    if (this.#waiting.length >= waitingChunkCount) this.#connection?.stream.pause();
  }

  handleCommandComplete(): void {
    if (this.#rowCount > 0) this.#finishChunk();
  }

  handleReadyForQuery(): void {
    this.#end();
  }

  handleError(error: Error): void {
    this.#failure = error;
    this.#end();
  }

  /** The next chunk, or undefined after the last. Rejects with the error of Postgres. */
  async next(): Promise<CopiedLines | undefined> {
    while (this.#waiting.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
    const chunk = this.#waiting.shift();
    if (this.#waiting.length < waitingChunkCount) this.#connection?.stream.resume();
    return chunk;
  }

  abandon(): void {
    if (!this.#ended) this.#connection?.stream.destroy();
  }

  #grow(byBytes: number): void {
    const larger = Buffer.allocUnsafe(this.#held.length * 2 + byBytes);
    this.#held.copy(larger, 0, 0, this.#bytes);
    this.#held = larger;
  }

  #finishChunk(): void {
    this.#waiting.push({ bytes: this.#held.subarray(0, this.#bytes), rowCount: this.#rowCount });
    this.#bytes = 0;
    this.#rowCount = 0;
    this.#wake?.();
  }

  #end(): void {
    this.#ended = true;
    this.#wake?.();
  }
}
