// One segment of the spool: a file that is only ever appended to, and what is known of its events.

import { type FileHandle, open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isHoldFile } from './hold.js';
import { kindOfFile, segmentHeader } from './records.js';
import { faultOf, SpoolFault } from './spool-fault.js';

const NAME = /^([0-9]{12})\.events$/;
/** A file system of its own has this folder at its root. */
const OF_THE_FILE_SYSTEM = 'lost+found';

/** A segment and its account; one writer, the spool. */
export interface Segment {
  readonly number: number;
  readonly file: string;
  /** All that is written and synced. */
  bytes: number;
  /** Events that are not counted, refused or released. */
  outstandingCount: number;
  /** How many of those JetStream has acknowledged. */
  storedCount: number;
  /** Highest sequence of the acknowledgements; 0 where there is none. */
  storedThrough: number;
  /** It holds events to be published that are not in memory. */
  needsReading: boolean;
  /** Seconds since it was begun, or since the spool was opened. */
  ageSeconds: number;
  /** Seconds for which all that is stored was judged, and some of it not announced. */
  judgedSeconds: number;
}

/** The account of a segment of which nothing is known yet. */
export function segmentOf(directory: string, number: number): Segment {
  return {
    number,
    file: join(directory, `${String(number).padStart(12, '0')}.events`),
    bytes: 0,
    outstandingCount: 0,
    storedCount: 0,
    storedThrough: 0,
    needsReading: false,
    ageSeconds: 0,
    judgedSeconds: 0,
  };
}

/** The numbers of the segments in a directory, ascending. Rejects where a file is not ours. */
export async function segmentNumbers(directory: string): Promise<number[]> {
  const numbers: number[] = [];
  for (const name of await readdir(directory)) {
    const number = NAME.exec(name)?.[1];
    if (number !== undefined) numbers.push(Number(number));
    else if (!isHoldFile(name) && name !== OF_THE_FILE_SYSTEM) {
      throw notOurs(join(directory, name));
    }
  }
  return numbers.sort((one, other) => one - other);
}

function notOurs(file: string): SpoolFault {
  return new SpoolFault(
    'not_ours',
    file,
    `${file} is no file of a spool: give the spool a directory of its own`,
  );
}

/** The bytes of a segment. Throws a SpoolFault where it is of another version or not ours. */
export async function readSegment(file: string): Promise<Buffer> {
  const bytes = await readFile(file).catch((error) => {
    throw faultOf(error, file);
  });
  const kind = kindOfFile(bytes);
  if (kind === 'not_ours') throw notOurs(file);
  if (kind === 'other_version') {
    throw new SpoolFault(
      'other_version',
      file,
      `${file} was written by another version: publish it with that one, or move it away`,
    );
  }
  return kind === 'torn' ? bytes.subarray(0, 0) : bytes;
}

/** Makes the file of a segment, durably, with its header. */
export async function createSegment(directory: string, segment: Segment): Promise<FileHandle> {
  const handle = await open(segment.file, 'wx', 0o600);
  try {
    const header = segmentHeader();
    await handle.writev([header]);
    segment.bytes = header.length;
    await syncDirectory(directory);
    return handle;
  } catch (error) {
    await handle.close().catch(() => undefined);
    await unlink(segment.file).catch(() => undefined);
    throw error;
  }
}

/** A file's name is durable only when its directory is synced. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
