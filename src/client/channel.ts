// The connection of a client: its limits, its retries, and certificates that may rotate while it
// lives. When the files change, new calls go over a new channel; the old one is closed once its
// running calls have ended. Files that do not work leave the channel in use as it is.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { type ChannelCredentials, type ClientOptions, credentials } from '@grpc/grpc-js';
import { AnalyticsServiceClient } from '../generated/proto/sms/analytics/v1/analytics_service.js';
import { readEveryCertificate } from '../platform/pem.js';
import { notSent } from './analytics-error.js';

/** Certificate files (PEM); read again when they change. */
export interface ClientTlsFiles {
  /** The authority of the service's certificate. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface ChannelOptions {
  readonly target: string;
  /** `mesh`: plaintext to the local sidecar, which does mutual TLS. */
  readonly tls: ClientTlsFiles | 'mesh';
  /** The name in the service's certificate, where it is not the target's host. */
  readonly serverName?: string | undefined;
  /** How often the files are looked at; a look reads three small files. */
  readonly rotationIntervalMs?: number | undefined;
}

const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const ROTATION_INTERVAL_MS = 10_000;

/**
 * Calls are spread over all addresses of the name; retries of UNAVAILABLE only, within the call's
 * deadline. https://github.com/grpc/proposal/blob/master/A6-client-retries.md
 */
const SERVICE_CONFIG = JSON.stringify({
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [
    {
      name: [{ service: 'sms.analytics.v1.AnalyticsService' }],
      retryPolicy: {
        maxAttempts: 4,
        initialBackoff: '0.1s',
        maxBackoff: '2s',
        backoffMultiplier: 3,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
  retryThrottling: { maxTokens: 20, tokenRatio: 0.5 },
});

interface Line {
  readonly stub: AnalyticsServiceClient;
  calls: number;
  retired: boolean;
}

/** Hands out the stub for each call, always over the newest certificates. */
export class Channel {
  #line: Line;
  #fingerprint: string;
  readonly #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Throws where the certificate files do not work. */
  constructor(private readonly options: ChannelOptions) {
    const { tls } = options;
    const loaded = tls === 'mesh' ? insecure() : load(tls);
    this.#fingerprint = loaded.fingerprint;
    this.#line = this.#open(loaded.credentials);
    if (tls !== 'mesh') {
      const everyMs = options.rotationIntervalMs ?? ROTATION_INTERVAL_MS;
      this.#timer = setInterval(() => this.#rotate(tls), everyMs);
      this.#timer.unref();
    }
  }

  /**
   * Runs one call on the newest stub; rejects with an AnalyticsError where the channel is closed.
   */
  async use<T>(call: (stub: AnalyticsServiceClient) => Promise<T>): Promise<T> {
    if (this.#closed) throw notSent('FAILED_PRECONDITION', 'the client is closed');
    const line = this.#line;
    line.calls += 1;
    try {
      return await call(line.stub);
    } finally {
      line.calls -= 1;
      if (line.retired && line.calls === 0) line.stub.close();
    }
  }

  /** No new calls; the connection closes when the running ones have ended. Repeatable. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    retire(this.#line);
  }

  #rotate(files: ClientTlsFiles): void {
    let loaded: ReturnType<typeof load>;
    try {
      loaded = load(files);
    } catch {
      return;
    }
    if (loaded.fingerprint === this.#fingerprint) return;
    this.#fingerprint = loaded.fingerprint;
    const old = this.#line;
    this.#line = this.#open(loaded.credentials);
    retire(old);
  }

  #open(channelCredentials: ChannelCredentials): Line {
    const { target, serverName } = this.options;
    const options: ClientOptions = {
      'grpc.service_config': SERVICE_CONFIG,
      'grpc.service_config_disable_resolution': 1,
      'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
      'grpc.keepalive_time_ms': 60_000,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.enable_http_proxy': 0,
      ...(serverName === undefined ? {} : { 'grpc.ssl_target_name_override': serverName }),
    };
    const stub = new AnalyticsServiceClient(target, channelCredentials, options);
    return { stub, calls: 0, retired: false };
  }
}

function retire(line: Line): void {
  line.retired = true;
  if (line.calls === 0) line.stub.close();
}

function insecure() {
  return { credentials: credentials.createInsecure(), fingerprint: '' };
}

/**
 * Credentials of the files. Throws where they do not work together, as half-way through a rotation;
 * the error names the option and its file.
 */
function load(files: ClientTlsFiles) {
  const [ca, cert, key] = [read(files, 'ca'), read(files, 'cert'), read(files, 'key')];
  naming(files, 'ca', 'holds no usable certificate', () => readEveryCertificate(ca));
  naming(files, 'cert', 'holds no usable certificate', () => readEveryCertificate(cert));
  const unfit = 'holds no key, or not that of tls.cert';
  const context = naming(files, 'key', unfit, () =>
    createSecureContext({ ca, cert, key, minVersion: 'TLSv1.3' }),
  );
  const fingerprint = createHash('sha256').update(ca).update(cert).update(key).digest('hex');
  return { credentials: credentials.createFromSecureContext(context), fingerprint };
}

function read(files: ClientTlsFiles, option: keyof ClientTlsFiles): Buffer {
  return naming(files, option, 'cannot be read', () => readFileSync(files[option]));
}

/** What `work` returns; a fault is of this option, and its cause says more. */
function naming<T>(
  files: ClientTlsFiles,
  option: keyof ClientTlsFiles,
  fault: string,
  work: () => T,
): T {
  try {
    return work();
  } catch (cause) {
    throw new Error(`tls.${option}: the file ${files[option]} ${fault}`, { cause });
  }
}
