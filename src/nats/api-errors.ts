// The refusals of JetStream's API that callers tell apart, by their codes: server/errors.json of
// nats-server. Text of a refusal may change between servers, its code does not.

export const CONSUMER_NOT_FOUND = 10_014;
export const NO_MESSAGE_FOUND = 10_037;
export const STREAM_NOT_FOUND = 10_059;

/** The JetStream API error code of an error, where it has one. */
export function jetStreamErrorCode(error: unknown): number | undefined {
  const api = (error as { api_error?: { err_code?: number } } | undefined)?.api_error;
  return api?.err_code;
}

/** The promise's value, or undefined where JetStream answers with this error code. */
export async function unless<T>(promise: Promise<T>, errorCode: number): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (jetStreamErrorCode(error) === errorCode) return undefined;
    throw error;
  }
}

/** Whether the server has no such stream or durable, which no waiting cures. */
export function isMissing(error: unknown): boolean {
  const code = jetStreamErrorCode(error);
  return code === CONSUMER_NOT_FOUND || code === STREAM_NOT_FOUND;
}
