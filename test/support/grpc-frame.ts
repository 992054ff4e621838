// A message as gRPC sends it over HTTP/2
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): a flag, its length, its bytes.
// What a test does not want to be true, it says.

export function framed(
  message: Uint8Array,
  { compressed = 0, length = message.length } = {},
): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}
