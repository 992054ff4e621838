// Reads one HTTP request the way ClickHouse's HTTP interface does: the statement in `query` or in
// the body, settings and `param_*` in the address, credentials and the format in headers. What
// comes out is all that the engine needs; nothing of HTTP goes further.
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

/** A bound parameter: text for every scalar type, arrays as such. */
export type ParameterValue = string | number | bigint | null | readonly ParameterValue[];

/** One statement, ready for the engine. */
export interface Statement {
  readonly sql: string;
  /** The rows of an INSERT; absent when the body was the statement itself. */
  readonly body: Buffer | undefined;
  readonly database: string | undefined;
  readonly format: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, ParameterValue>>;
  readonly queryId: string | undefined;
  readonly gzipAnswer: boolean;
  readonly user: string;
  readonly password: string;
}

/** A request that ClickHouse would refuse, with ClickHouse's own code for it. */
export class RefusedRequest extends Error {
  constructor(
    readonly code: number,
    readonly type: string,
    message: string,
  ) {
    super(message);
    this.name = 'RefusedRequest';
  }
}

const maxBodyBytes = 512 * 1024 * 1024;

/** Parameters of the HTTP interface itself: they never become settings of a query. */
const interfaceParameters = new Set([
  'query',
  'database',
  'default_format',
  'query_id',
  'user',
  'password',
  'role',
  'compress',
  'decompress',
  'quota_key',
  'session_id',
  'session_timeout',
  'session_check',
  'wait_end_of_query',
  'buffer_size',
  'enable_http_compression',
  'send_progress_in_http_headers',
]);

/**
 * The statement of a request. The body is read whole (at most 512 MiB uncompressed).
 * @throws RefusedRequest for an encoding or a size that the front does not take.
 */
export async function readStatement(request: IncomingMessage): Promise<Statement> {
  const url = new URL(request.url ?? '/', 'http://front');
  const query = url.searchParams.get('query') ?? '';
  const body = await readBody(request);
  const settings: Record<string, string> = {};
  const params: Record<string, ParameterValue> = {};
  for (const [name, value] of url.searchParams) {
    if (name.startsWith('param_')) continue;
    if (!interfaceParameters.has(name) && !name.startsWith('http_')) settings[name] = value;
  }
  if (request.method === 'GET') settings.readonly ??= '2'; // ClickHouse: GET never writes
  const bodyIsRows = query !== '' && body.length > 0;
  const sql = bodyIsRows || body.length === 0 ? query : body.toString('utf8');
  for (const [name, value] of url.searchParams) {
    if (!name.startsWith('param_')) continue;
    const parameter = name.slice('param_'.length);
    const isArray = /^\w+$/.test(parameter) && new RegExp(`\\{${parameter}:\\s*Array\\(`).test(sql);
    params[parameter] = isArray ? readArray(value) : unescapeTsv(value);
  }
  return {
    sql,
    body: bodyIsRows ? body : undefined,
    database: url.searchParams.get('database') ?? headerOf(request, 'x-clickhouse-database'),
    format:
      url.searchParams.get('default_format') ??
      headerOf(request, 'x-clickhouse-format') ??
      'TabSeparated',
    settings,
    params,
    queryId: url.searchParams.get('query_id') ?? undefined,
    gzipAnswer:
      url.searchParams.get('enable_http_compression') === '1' &&
      /\bgzip\b/.test(headerOf(request, 'accept-encoding') ?? ''),
    ...credentials(request, url),
  };
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function credentials(request: IncomingMessage, url: URL): { user: string; password: string } {
  const basic = /^Basic (.+)$/i.exec(headerOf(request, 'authorization') ?? '')?.[1];
  if (basic !== undefined) {
    const pair = Buffer.from(basic, 'base64').toString('utf8');
    const colon = pair.indexOf(':');
    return colon < 0
      ? { user: pair, password: '' }
      : { user: pair.slice(0, colon), password: pair.slice(colon + 1) };
  }
  return {
    user: headerOf(request, 'x-clickhouse-user') ?? url.searchParams.get('user') ?? 'default',
    password: headerOf(request, 'x-clickhouse-key') ?? url.searchParams.get('password') ?? '',
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of decoded(request)) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBodyBytes) {
      throw new RefusedRequest(241, 'MEMORY_LIMIT_EXCEEDED', 'The request body is over 512 MiB');
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function decoded(request: IncomingMessage): Readable {
  const encoding = headerOf(request, 'content-encoding') ?? 'identity';
  const decoder = { gzip: createGunzip, deflate: createInflate, br: createBrotliDecompress };
  if (encoding === 'identity') return request;
  if (!Object.hasOwn(decoder, encoding)) {
    throw new RefusedRequest(
      89,
      'UNKNOWN_COMPRESSION_METHOD',
      `Unknown content encoding ${encoding}`,
    );
  }
  const stream = decoder[encoding as keyof typeof decoder]();
  request.on('error', (error) => stream.destroy(error));
  return request.pipe(stream);
}

const tsvEscapes: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  r: '\r',
  n: '\n',
  t: '\t',
  '0': '\0',
};

/**
 * A parameter travels TSV-escaped; the engine's binding escapes by itself, so undo it here. `\N` is
 * NULL.
 */
export function unescapeTsv(value: string): string | null {
  if (value === '\\N') return null;
  return value.replace(/\\(.)/gs, (_, char: string) => tsvEscapes[char] ?? char);
}

/**
 * The text of an array as clients write it: strings in quotes with backslash escapes, nested
 * arrays, NULL.
 */
export function readArray(text: string): readonly ParameterValue[] {
  const open: ParameterValue[][] = [[]];
  for (const [token] of text.matchAll(/'(?:[^'\\]|\\.)*'|[[\]]|[^[\],\s]+/gs)) {
    if (token === '[') open.push([]);
    else if (token === ']') {
      const closed = open.pop() ?? [];
      open.at(-1)?.push(closed);
    } else open.at(-1)?.push(readElement(token));
  }
  const [whole] = open[0] ?? [];
  if (open.length !== 1 || !Array.isArray(whole)) {
    throw new RefusedRequest(130, 'CANNOT_READ_ARRAY_FROM_TEXT', 'A parameter is not an array');
  }
  return whole;
}

function readElement(token: string): ParameterValue {
  if (token.startsWith("'")) return unescapeTsv(token.slice(1, -1)) ?? '';
  if (/^-?\d+$/.test(token)) return BigInt(token);
  return token === 'NULL' ? null : Number(token);
}
