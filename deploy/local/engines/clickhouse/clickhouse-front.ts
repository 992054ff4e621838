// A small front that speaks as much of ClickHouse's HTTP interface as `@clickhouse/client` and
// `curl` use, over the embedded engine. It belongs to the local stack and the tests: the copy job
// knows only ClickHouse over HTTP(S), so its wire path, time-outs, compression and errors are the
// real ones.
//
//   node dist/deploy/local/engines/clickhouse/clickhouse-front.js --port 8123 --data-dir DIR
//     [--host 127.0.0.1] [--config-file FILE]
//
// Prints `{"ready":true,"port":P}` once it listens. Ends on SIGTERM, SIGINT, and
// (EXIT_WITH_PARENT=on) when stdin closes. CLICKHOUSE_FRONT_PASSWORD, when set, is asked of every
// user.
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { Engine, type EngineAnswer } from './clickhouse-front-engine.js';
import { RefusedRequest, readStatement, type Statement } from './clickhouse-front-request.js';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '8123' },
    host: { type: 'string', default: '127.0.0.1' },
    'data-dir': { type: 'string' },
    'config-file': { type: 'string' },
  },
});

function stop(message: string): never {
  process.stderr.write(`clickhouse-front: ${message}\n`);
  process.exit(1);
}

const dataDir = options['data-dir'] ?? stop('--data-dir is missing: say where the tables are kept');
const password = process.env.CLICKHOUSE_FRONT_PASSWORD;

function openEngine(): Engine {
  try {
    mkdirSync(dataDir, { recursive: true });
    return new Engine(dataDir, options['config-file']);
  } catch (error) {
    return stop(
      `cannot open ${dataDir}: ${errorText(error)}\n` +
        'Another process may have it open: end that one, or give another --data-dir.',
    );
  }
}

const engine = openEngine();
const version = '26.7';

/** HTTP statuses as ClickHouse chooses them for the codes that clients tell apart. */
const statusByCode: Readonly<Record<number, number>> = {
  62: 400, // SYNTAX_ERROR
  60: 404, // UNKNOWN_TABLE
  81: 404, // UNKNOWN_DATABASE
  47: 404, // UNKNOWN_IDENTIFIER
  164: 403, // READONLY
  497: 403, // ACCESS_DENIED
  516: 403, // AUTHENTICATION_FAILED
  241: 413,
};

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0];
  if (path === '/ping') return void response.end('Ok.\n');
  if (path !== '/') {
    response.statusCode = 404;
    return void response.end(`There is no handle ${path}\n`);
  }
  const statement = await readStatement(request);
  authenticate(statement);
  if (statement.queryId !== undefined)
    response.setHeader('X-ClickHouse-Query-Id', statement.queryId);
  if (statement.sql.trim() === '') return void response.end('Ok.\n');
  const result = await engine.run(statement);
  response.setHeader('X-ClickHouse-Summary', JSON.stringify(summaryOf(result)));
  response.setHeader('X-ClickHouse-Timezone', 'UTC');
  response.setHeader('Content-Type', contentType(statement.format));
  if (!statement.gzipAnswer) return void response.end(result.bytes);
  response.setHeader('Content-Encoding', 'gzip');
  response.end(gzipSync(result.bytes));
}

function contentType(format: string): string {
  if (format.startsWith('JSON')) return 'application/json; charset=UTF-8';
  return 'text/plain; charset=UTF-8';
}

function authenticate(statement: Statement): void {
  if (password === undefined || statement.password === password) return;
  throw new RefusedRequest(
    516,
    'AUTHENTICATION_FAILED',
    `${statement.user}: Authentication failed: ` +
      'password is incorrect, or there is no user with such name',
  );
}

function summaryOf(result: EngineAnswer): Record<string, string> {
  return {
    read_rows: String(result.rowsRead),
    read_bytes: String(result.bytesRead),
    written_rows: String(result.rowsWritten),
    written_bytes: String(result.bytesWritten),
    elapsed_ns: String(Math.round(result.elapsedSeconds * 1e9)),
  };
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The engine words its errors as ClickHouse does; the code also travels in a header, where clients
 * look first.
 */
function answerError(response: ServerResponse, error: unknown): void {
  const text =
    error instanceof RefusedRequest
      ? `Code: ${error.code}. DB::Exception: ${error.message}. (${error.type})`
      : errorText(error);
  const code = Number(/Code: (\d+)\./.exec(text)?.[1] ?? 1002); // 1002: UNKNOWN_EXCEPTION
  if (response.headersSent) return void response.destroy();
  response.statusCode = statusByCode[code] ?? 500;
  response.setHeader('X-ClickHouse-Exception-Code', String(code));
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
  response.end(`${text} (version ${version})\n`);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => answerError(response, error));
});
server.keepAliveTimeout = 10_000;
server.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EADDRINUSE') stop(`port ${options.port} is taken: give another --port`);
  stop(errorText(error));
});
server.listen(Number(options.port), options.host, () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ ready: true, port })}\n`);
});

let ending = false;
async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 5_000).unref();
  });
  await engine.close();
  process.exit(0);
}

process.on('SIGTERM', () => void end());
process.on('SIGINT', () => void end());
if (process.env.EXIT_WITH_PARENT === 'on') {
  process.stdin.on('end', () => void end());
  process.stdin.on('error', () => void end());
  process.stdin.resume();
}
