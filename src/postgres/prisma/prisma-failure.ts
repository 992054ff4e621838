// What Postgres said, out of an error of Prisma: its own message tells the call and its own code.
// Imports nothing, so that a process pays for Prisma only when it writes through it.

/** An error of Postgres, as far as Prisma's adapter keeps it. */
interface DriverFailure {
  readonly originalCode?: string;
  readonly originalMessage?: string;
}

/** A write through Prisma that failed; `code` is the SQLSTATE where Postgres gave one. */
export class RowWriteFailed extends Error {
  readonly code: string | undefined;

  constructor(error: unknown) {
    const { originalCode, originalMessage } = driverFailureOf(error);
    const text = error instanceof Error ? error.message : String(error);
    super(originalMessage ?? text.trim().split('\n').at(-1), { cause: error });
    this.name = 'RowWriteFailed';
    this.code = originalCode;
  }
}

/** What `write` resolves with. @throws RowWriteFailed */
export async function writing<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    throw new RowWriteFailed(error);
  }
}

function driverFailureOf(error: unknown): DriverFailure {
  const { meta } = error as { meta?: { driverAdapterError?: { cause?: DriverFailure } } };
  return meta?.driverAdapterError?.cause ?? {};
}
