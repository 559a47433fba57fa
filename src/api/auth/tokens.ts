import { timingSafeEqual } from 'node:crypto';

import type { Principal, Role } from '../../domain/authority.ts';
import { sha256Hex } from '../../lib/canonical.ts';

/** One bearer token, by its SHA-256: the token itself is not kept. */
export interface TokenGrant {
  readonly sha256: string;
  readonly principal: Principal;
  readonly role: Role;
}

/** Finds whose grant this Authorization header presents. All grants are compared, in constant time each. */
export function authenticate(header: string | undefined, grants: readonly TokenGrant[]): TokenGrant | undefined {
  const match = /^Bearer ([\x21-\x7e]{1,4096})$/.exec(header ?? '');
  if (!match?.[1]) return undefined;
  const presented = Buffer.from(sha256Hex(match[1]), 'hex');
  let found: TokenGrant | undefined;
  for (const grant of grants) if (timingSafeEqual(presented, Buffer.from(grant.sha256, 'hex'))) found ??= grant;
  return found;
}

/** Makes the grant for a token. */
export function grantFor(token: string, principal: Principal, role: Role): TokenGrant {
  return { sha256: sha256Hex(token), principal, role };
}
