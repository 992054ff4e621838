// grpc-js writes to standard error by itself, with header values that callers sent. Its texts are
// replaced by a counted remark in our own log: what matters of them is in the access log and the
// metrics.
import { setLogger } from '@grpc/grpc-js';
import type { Log } from '../../platform/log.js';

/** Takes the library's own log away from standard error, for the whole process. */
export function silenceLibraryLog(log: Log): void {
  const remark = () => log.debug('the gRPC library remarked on a call; its text may hold input');
  setLogger({ error: remark, info: remark, debug: remark });
}
