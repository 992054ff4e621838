// gRPC reflection, where it is switched on: answers from the descriptors as buf wrote them (a loader's version of them
// confuses clients). Who may ask is the policy's business, as with every method.

import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { Server } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { DESCRIPTORS } from '../../generated/descriptors.js';

/** The services that reflection speaks of. */
const SERVICES = ['sms.analytics.v1.AnalyticsService', 'grpc.health.v1.Health'];

/** Adds both versions of the reflection service to a server. */
export function addReflection(server: Server): void {
  const fileDescriptorProtos = filesOf(Buffer.from(DESCRIPTORS, 'base64'));
  const definition = { files: { format: 'raw', type: {}, fileDescriptorProtos } };
  new ReflectionService(definition as never, { services: SERVICES }).addToServer(server);
}

/** `repeated FileDescriptorProto file = 1` of FileDescriptorSet, each still encoded. */
function filesOf(set: Buffer): Buffer[] {
  const reader = new BinaryReader(set);
  const files: Buffer[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) files.push(Buffer.from(reader.bytes()));
    else reader.skip(wireType, field);
  }
  return files;
}
