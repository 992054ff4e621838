// What can be wrong with a spool's directory. Each fault names the file, so that an operator knows
// where to look.

import type { Damage } from './records.js';

/**
 * `not_writable`: rights or a read-only file system. `held`: another publisher has it. `full`: no
 * room on the disk. `other_version`, `not_ours`: a file that this version must not touch.
 */
export type SpoolFaultKind =
  | 'not_writable'
  | 'held'
  | 'full'
  | 'other_version'
  | 'not_ours'
  | 'failed';

/**
 * What an operator should look at: writing or reading failed, so that `lostCount` events that were
 * taken are lost; or a stretch of a segment was skipped.
 */
export type SpoolTrouble =
  | { readonly kind: 'fault'; readonly fault: SpoolFault; readonly lostCount: number }
  | { readonly kind: 'damage'; readonly file: string; readonly damage: Damage };

/** A spool cannot be opened, written or read. */
export class SpoolFault extends Error {
  override readonly name = 'SpoolFault';

  constructor(
    readonly kind: SpoolFaultKind,
    /** The file or directory that it is about. */
    readonly file: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

const KIND_OF_CODE: ReadonlyMap<string, SpoolFaultKind> = new Map([
  ['EACCES', 'not_writable'],
  ['EPERM', 'not_writable'],
  ['EROFS', 'not_writable'],
  ['ENOSPC', 'full'],
  ['EDQUOT', 'full'],
]);

const MEANING: Readonly<Record<'not_writable' | 'full' | 'failed', string>> = {
  not_writable: 'cannot be written by this process: give it the rights, or another directory',
  full: 'has no room: the disk or the quota is full',
  failed: 'cannot be used',
};

/** The fault that an error of the file system stands for. */
export function faultOf(error: unknown, file: string): SpoolFault {
  if (error instanceof SpoolFault) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? 'unknown error';
  const kind = (KIND_OF_CODE.get(code) ?? 'failed') as keyof typeof MEANING;
  return new SpoolFault(kind, file, `The spool ${file} ${MEANING[kind]} (${code})`, {
    cause: error,
  });
}
