// The packages that are handed to others, one for each audience. Only what `entry` and `examples`
// import comes along; a test installs each into an empty folder and holds its limits.

/**
 * `bundled` travels inside the tarball, with what `without` names left out of its manifest. grpc-js
 * needs proto-loader to load .proto files at run time, which no client of ours does, and
 * proto-loader needs yargs for a command line of its own: 17 packages that never run.
 */
export const PACKAGES = [
  {
    name: '@sms-analytics/client',
    description: 'Typed gRPC client of sms-analytics, for admin-dashboard and customer-portal',
    entry: 'src/client/index.ts',
    readme: 'src/client/README.md',
    examples: ['src/client/examples/admin-dashboard.ts', 'src/client/examples/customer-portal.ts'],
    protos: ['proto/sms/analytics/v1'],
    bundled: [
      { name: '@grpc/grpc-js', without: [] },
      { name: '@grpc/proto-loader', without: ['yargs'] },
    ],
    /** The declarations name types of Node. */
    types: ['@types/node'],
    limits: { packages: 25, megabytes: 15 },
  },
];
