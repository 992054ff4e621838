// Authorises every call on the port, before its message is read, decompressed or decoded: identify
// the caller, then look the method up in the policy. Denied by default. The answer to a denial is
// constant; the reason goes to the audit.
import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { type CallRecord, callRecord } from '../calls/call-record.js';
import type { ServerMetrics } from '../calls/metrics.js';
import { type Refusal, refusals, statusOf } from '../calls/statuses.js';
import type { Identity, IdentityReader } from '../identity/identity.js';
import { UNKNOWN_METHOD } from '../server/methods.js';
import { isWholeAccountHeader } from './account-scope.js';
import type { DenialReason } from './denial-reasons.js';
import type { DenialAudit } from './denials.js';
import type { Caller, Policy } from './policy.js';

export interface AuthoriseOptions {
  readonly identify: IdentityReader;
  readonly policy: Policy;
  readonly audit: DenialAudit;
  readonly metrics: ServerMetrics;
}

/** A denial as the audit sees it. */
interface Denial {
  readonly refusal: Refusal;
  readonly who: string;
  readonly reason: DenialReason;
}

/** Makes the interceptor; it must come right after the access log. */
export function authorise(options: AuthoriseOptions): ServerInterceptor {
  const { identify, policy } = options;
  return (_definition, call) =>
    new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            const record = callRecord(metadata);
            const identity = identify(call, metadata, record.connection);
            if (record.method === UNKNOWN_METHOD && identity.kind !== 'none') {
              record.caller = policy.callerOf(identity);
              call.sendStatus(statusOf(refusals.unimplemented, record.correlationId));
              return;
            }
            const judged =
              identity.kind === 'none'
                ? {
                    refusal: refusals.unauthenticated,
                    who: 'unidentified',
                    reason: identity.reason,
                  }
                : judge(policy, identity, record.method, metadata);
            if ('refusal' in judged) {
              noteDenial(options, record, judged);
              call.sendStatus(statusOf(judged.refusal, record.correlationId));
              return;
            }
            record.caller = judged;
            pass(metadata);
          },
        }),
    });
}

/** The caller if the policy lets it call the method, else why not. */
function judge(
  policy: Policy,
  identity: Identity,
  method: string,
  metadata: Metadata,
): Caller | Denial {
  const caller = policy.callerOf(identity);
  const deny = (reason: DenialReason): Denial => ({
    refusal: refusals.denied,
    who: caller?.name ?? identity.id,
    reason,
  });
  if (caller === undefined) return deny('CALLER_NOT_LISTED');
  if (!caller.methods.has(method)) return deny('METHOD_NOT_ALLOWED');
  if (caller.accounts === 'header' && !isWholeAccountHeader(metadata)) {
    return deny('ACCOUNT_HEADER_INVALID');
  }
  return caller;
}

/** Counts a denial, and gives it to the audit and to the call's access line. */
export function noteDenial(
  options: Pick<AuthoriseOptions, 'audit' | 'metrics'>,
  record: CallRecord,
  denial: NonNullable<CallRecord['denial']>,
): void {
  record.denial = denial;
  options.metrics.denied(record.method, denial.reason);
  options.audit.note(denial.who, record.method, denial.reason, record.correlationId);
}
