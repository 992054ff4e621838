// `npm run generate`: writes src/generated from the contract (buf, ts-proto) and from Prisma's
// schema. With `--check` it writes beside the project and says which committed file differs;
// nothing is changed then.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const check = process.argv.includes('--check');
const prismaSchema = 'src/postgres/schema.prisma';

function run(command, args, cwd, env = {}) {
  const bin = join(root, 'node_modules/.bin', command);
  const done = spawnSync(bin, args, { cwd, env: { ...process.env, ...env }, encoding: 'utf8' });
  if (done.status === 0) return;
  process.stderr.write(
    `${command} ${args.join(' ')} failed:\n${done.error ?? ''}${done.stdout}${done.stderr}\n`,
  );
  process.exit(1);
}

/** Generates everything of the project that lies at `base`. */
function generate(base) {
  run('buf', ['generate', '--template', 'proto/buf.gen.yaml'], base);
  writeDescriptors(base);
  if (!existsSync(join(base, prismaSchema))) return;
  // Any existing file will do: it keeps Prisma from downloading an engine that generating does not
  // use.
  const env = { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1' };
  run('prisma', ['generate', '--schema', prismaSchema], base, env);
}

/**
 * The contract as raw descriptors, for gRPC reflection: what a proto loader makes of them is not
 * what was written.
 */
function writeDescriptors(base) {
  const image = join(base, 'descriptors.binpb');
  run('buf', ['build', '--as-file-descriptor-set', '--exclude-source-info', '-o', image], base);
  const text = readFileSync(image).toString('base64').replace(/.{96}/g, "$&' +\n  '");
  rmSync(image);
  writeFileSync(
    join(base, 'src/generated/descriptors.ts'),
    `// Generated from proto/ by \`npm run generate\`. DO NOT EDIT.\n\n` +
      `/** A google.protobuf.FileDescriptorSet, base64. */\n` +
      `export const DESCRIPTORS =\n  '${text}';\n`,
  );
}

function filesBelow(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
}

function differences(fresh, committed) {
  const names = new Set([...filesBelow(fresh), ...filesBelow(committed)]);
  return [...names].sort().filter((name) => {
    const [a, b] = [join(fresh, name), join(committed, name)];
    return !existsSync(a) || !existsSync(b) || !readFileSync(a).equals(readFileSync(b));
  });
}

if (!check) generate(root);
else {
  const copy = mkdtempSync(join(tmpdir(), 'sms-analytics-generate-'));
  process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
  for (const name of ['proto', 'buf.yaml', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  if (existsSync(join(root, prismaSchema)))
    cpSync(join(root, prismaSchema), join(copy, prismaSchema));
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  generate(copy);
  const drifted = differences(join(copy, 'src/generated'), join(root, 'src/generated'));
  if (drifted.length > 0) {
    const list = drifted.map((name) => `  src/generated/${name}`).join('\n');
    process.stderr.write(
      `Generated code differs from its sources; run \`npm run generate\`:\n${list}\n`,
    );
    process.exit(1);
  }
}
