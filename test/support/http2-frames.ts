// HTTP/2 frames byte by byte (RFC 9113), for what no client library sends: broken ones, and streams
// reset as fast as a socket takes them.

/** The client's preface with empty settings. */
export const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame({ type: 4 }),
]);

export interface Frame {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
  readonly body?: Uint8Array;
}

export function frame({ type, flags = 0, stream = 0, body = Buffer.alloc(0) }: Frame): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

const END_HEADERS = 4;

/** The HEADERS of a gRPC call: all fields are literals, which no table remembers. */
export function grpcHeaders(stream: number, path: string): Buffer {
  const literal = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
  const field = (name: string, value: string) =>
    Buffer.concat([Buffer.from([0]), literal(name), literal(value)]);
  const body = Buffer.concat([
    // Of the static table: POST and https.
    Buffer.from([0x83, 0x87]),
    field(':path', path),
    field(':authority', 'localhost'),
    field('content-type', 'application/grpc'),
    field('te', 'trailers'),
  ]);
  return frame({ type: 1, flags: END_HEADERS, stream, body });
}

/** A call with an empty question that is taken back at once. */
export function resetCall(stream: number, path: string): Buffer {
  return Buffer.concat([
    grpcHeaders(stream, path),
    frame({ type: 0, stream, body: Buffer.alloc(5) }),
    frame({ type: 3, stream, body: Buffer.from([0, 0, 0, 8]) }),
  ]);
}

/** The types of the frames in `bytes`, which begin with a frame. The last may be cut off. */
export function frameTypes(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    types.push(bytes.readUInt8(at + 3));
  }
  return types;
}
