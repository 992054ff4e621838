// gRPC reflection, where it is switched on: answers from the descriptors as buf wrote them (a
// loader's version of them confuses clients). Who may ask is the policy's business, as with every
// method.

import { createRequire } from 'node:module';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import type {
  handleBidiStreamingCall,
  MethodDefinition,
  Server,
  ServiceDefinition,
} from '@grpc/grpc-js';
import { DESCRIPTORS } from '../../generated/descriptors.js';

/** The services that reflection speaks of. */
const SERVICES = ['sms.analytics.v1.AnalyticsService', 'grpc.health.v1.Health'];

/** Both versions of the method. */
const PATHS = ['v1', 'v1alpha'].map(
  (version) => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
);

interface Method {
  readonly definition: MethodDefinition<unknown, unknown>;
  readonly handle: handleBidiStreamingCall<unknown, unknown>;
}

/**
 * Adds both versions of the reflection service to a server. The library behind it, a sixth of what
 * the process loads, is loaded when somebody first asks.
 */
export function addReflection(server: Server): void {
  let methods: Map<string, Method> | undefined;
  for (const path of PATHS) {
    const method = () => {
      methods ??= methodsOf();
      return methods.get(path) as Method;
    };
    const ask: MethodDefinition<unknown, unknown> = {
      path,
      requestStream: true,
      responseStream: true,
      requestSerialize: (message) => method().definition.requestSerialize(message),
      requestDeserialize: (bytes) => method().definition.requestDeserialize(bytes),
      responseSerialize: (message) => method().definition.responseSerialize(message),
      responseDeserialize: (bytes) => method().definition.responseDeserialize(bytes),
    };
    const handle: Method['handle'] = (call) => method().handle(call);
    server.addService({ ask }, { ask: handle });
  }
}

/** What the library would add to a server, by path. */
function methodsOf(): Map<string, Method> {
  const require = createRequire(import.meta.url);
  const { ReflectionService } = require('@grpc/reflection') as typeof import('@grpc/reflection');
  const fileDescriptorProtos = filesOf(Buffer.from(DESCRIPTORS, 'base64'));
  const files = { files: { format: 'raw', type: {}, fileDescriptorProtos } };
  const methods = new Map<string, Method>();
  const addService = (
    definitions: ServiceDefinition,
    handlers: Readonly<Record<string, Method['handle']>>,
  ) => {
    for (const [name, definition] of Object.entries(definitions)) {
      methods.set(definition.path, { definition, handle: handlers[name] as Method['handle'] });
    }
  };
  new ReflectionService(files as never, { services: SERVICES }).addToServer({
    addService,
  } as never);
  return methods;
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
