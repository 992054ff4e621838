// A producer in a process of its own that dies at a given step of its spool: `node
// dist/test/fault/publishing/producer.js <directory> <server> <from> <step> [nth]`. Writes the
// number of each event that is safe. Step `none`: it goes on until it is killed.

import { writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { openPublisher } from '../../../src/publishing/publisher/publisher.js';
import { chargeOf } from '../../integration/publishing/publishing-site.js';

const [directory = '', server = '', from = '0', step = 'none', nth = '1'] = process.argv.slice(2);

const die = () => process.kill(process.pid, 'SIGKILL');
let seen = 0;
const isTime = (name: string) => step === name && ++seen === Number(nth);

const handle = await open('/dev/null');
const prototype = Object.getPrototypeOf(handle) as FileHandle;
await handle.close();
const { appendFile, datasync, sync, writev } = prototype;
prototype.writev = function dying(this: FileHandle, ...args: never[]) {
  if (isTime('before the header')) die();
  return (writev as (...of: never[]) => never).apply(this, args);
} as never;
prototype.sync = async function dying(this: FileHandle) {
  if (isTime('before the name is durable')) die();
  await sync.call(this);
};
prototype.appendFile = async function dying(this: FileHandle, bytes: Buffer) {
  if (isTime('in the middle of a group')) {
    await appendFile.call(this, bytes.subarray(0, bytes.length / 2));
    die();
  }
  await appendFile.call(this, bytes);
  if (isTime('before the sync')) die();
} as never;
prototype.datasync = async function dying(this: FileHandle) {
  await datasync.call(this);
  if (isTime('after the sync')) die();
};

const publisher = await openPublisher({
  keepUntil: 'stored',
  servers: server,
  credential: { user: 'billing', password: () => process.env.BUS_PASSWORD ?? '' },
  source: 'billing',
  spool: { directory },
});
writeSync(1, 'open\n');
for (let index = Number(from); ; index += 10) {
  const numbers = Array.from({ length: 10 }, (_, at) => index + at);
  await Promise.all(
    numbers.map(async (number) => {
      const answer = await publisher.charged(chargeOf(number));
      if (answer.queued) writeSync(1, `${number}\n`);
    }),
  );
}
