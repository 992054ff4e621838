// Every bound of the gRPC port in one place: grpc-js and HTTP/2 leave most of them open. A request
// is small, so what is received is bound tightly; an answer can be a long series. Times are such
// that a dead, idle or half-sent connection goes away by itself, and that no connection outlives a
// rotated certificate by more than its age.
import type { SecureServerOptions } from 'node:http2';
import type { ServerOptions } from '@grpc/grpc-js';

const MAX_REQUEST_BYTES = 128 * 1024;
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const MAX_STREAMS_PER_CONNECTION = 200;
/**
 * Names, values and 32 bytes for each field. Node only tells the peer; `request-headers.ts` holds
 * it to this.
 */
export const MAX_HEADER_LIST_BYTES = 32 * 1024;

/** Options of the grpc-js server. */
export const serverLimits: ServerOptions = {
  'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
  'grpc.max_send_message_length': MAX_ANSWER_BYTES,
  'grpc.max_concurrent_streams': MAX_STREAMS_PER_CONNECTION,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.max_connection_idle_ms': 10 * 60_000,
  'grpc.max_connection_age_ms': 30 * 60_000,
  'grpc.max_connection_age_grace_ms': 60_000,
  'grpc.enable_channelz': 0,
};

/**
 * Options of the HTTP/2 and TLS server under it. Replaces the settings that grpc-js would make, so
 * repeats its own.
 */
export const connectionLimits: SecureServerOptions = {
  allowHTTP1: false,
  handshakeTimeout: 10_000,
  unknownProtocolTimeout: 1_000,
  maxSessionInvalidFrames: 20,
  maxSessionRejectedStreams: 50,
  maxOutstandingPings: 4,
  maxSettings: 16,
  maxHeaderListPairs: 64,
  settings: {
    maxConcurrentStreams: MAX_STREAMS_PER_CONNECTION,
    maxHeaderListSize: MAX_HEADER_LIST_BYTES,
    enablePush: false,
  },
};

/** Open health watches in all; one more is refused. */
export const MAX_HEALTH_WATCHES = 200;
