// The limit of the query benchmark, a process of its own: a bare grpc-js server over the same mTLS
// that returns bytes made beforehand. Arguments: a port, the files of key, certificate and
// authority, and a directory with one file of bytes for each method, read anew when it changes its
// name in the request.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server } from '@grpc/grpc-js';
import { MutualTlsCredentials } from '../../src/api/tls/tls-credentials.js';
import { loadTlsMaterial } from '../../src/api/tls/tls-material.js';
import { AnalyticsServiceService } from '../../src/generated/proto/sms/analytics/v1/analytics_service.js';

const [port = '0', key = '', cert = '', ca = '', directory = ''] = process.argv.slice(2);
const server = new Server();
const asIs = (bytes: Buffer) => bytes;
const answers = new Map<string, Buffer>();

const definition = Object.fromEntries(
  Object.entries(AnalyticsServiceService).map(([name, method]) => [
    name,
    { ...method, requestDeserialize: asIs, responseSerialize: asIs },
  ]),
);
const handlers = Object.fromEntries(
  Object.keys(AnalyticsServiceService).map((name) => [
    name,
    (
      call: { metadata: { get(key: string): (string | Buffer)[] } },
      callback: (error: null, bytes: Buffer) => void,
    ) => {
      const file = String(call.metadata.get('x-answer')[0]);
      let bytes = answers.get(file);
      if (bytes === undefined) {
        bytes = readFileSync(join(directory, file));
        answers.set(file, bytes);
      }
      callback(null, bytes);
    },
  ]),
);
server.addService(definition as never, handlers as never);
const files = { certFile: cert, keyFile: key, caFile: ca };
const credentials = new MutualTlsCredentials(await loadTlsMaterial(files, Date.now()));
server.bindAsync(`127.0.0.1:${port}`, credentials, (error) => {
  if (error) throw error;
});
process.once('SIGTERM', () => process.exit(0));
