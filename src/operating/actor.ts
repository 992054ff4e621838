// Who does what `ops` records. The name is claimed, not proven: who may start `ops` with its
// credential may claim any. What the operating system calls the user is recorded beside the claim.
import { userInfo } from 'node:os';
import { ACTOR_NAME } from '../platform/settings/settings-ops.js';

let claimed: string | undefined;

/** What `--as` says for this command line; undefined takes it back. */
export function actAs(name: string | undefined): void {
  claimed = name;
}

/**
 * `ops:anna`, or `ops:anna/root` where anna is claimed and the system says root; `--as` before
 * `OPS_ACTOR`. Undefined where there is no name at all, as in the image, whose user is a number.
 */
export function currentActor(
  configured: string | undefined,
  systemName: () => string = () => userInfo().username,
): string | undefined {
  const known = nameOf(systemName);
  const said = claimed ?? configured ?? known;
  if (said === undefined) return undefined;
  return known === undefined || known === said ? `ops:${said}` : `ops:${said}/${known}`;
}

function nameOf(systemName: () => string): string | undefined {
  try {
    const name = systemName();
    return ACTOR_NAME.test(name) ? name : undefined;
  } catch {
    return undefined;
  }
}
