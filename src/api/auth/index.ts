import { getCookie } from 'hono/cookie';
import type { Context } from 'hono';

import { WatchkeeperError } from '../../lib/errors.ts';
import type { Env } from '../request.ts';
import type { Identity, Presented } from './identity.ts';
import type { OidcProvider } from './oidc.ts';
import type { Sessions } from './sessions.ts';
import { authenticate, type TokenGrant } from './tokens.ts';

export { grantFor, type TokenGrant } from './tokens.ts';

/** The ways in that are open. */
export interface Ways {
  readonly grants: readonly TokenGrant[];
  readonly oidc?: OidcProvider;
  readonly kubernetes?: (token: string, signal: AbortSignal) => Promise<Identity>;
  readonly proxy?: (presented: Presented) => Identity | undefined;
  readonly sessions?: Sessions;
  readonly cookie: string;
}

const fix = 'Send "Authorization: Bearer TOKEN"; the local token is in the data folder, in api-token.';

/**
 * Who is asking. One way decides: a header that is wrong is never made good by a cookie.
 *
 * @param mayAsk whether a provider or a cluster may be asked about it: false for a peer that failed too often.
 * @throws `unauthorized`; `forbidden` for somebody who is known and has no role; `unreachable`.
 */
export async function identify(
  c: Context<Env>,
  ways: Ways,
  presented: Presented,
  mayAsk: () => void,
): Promise<Identity> {
  const vouched = ways.proxy?.(presented);
  if (vouched) return vouched;
  const authorization = presented.header('authorization');
  if (authorization === undefined) {
    const cookie = ways.sessions === undefined ? undefined : getCookie(c, ways.cookie);
    const session = cookie === undefined ? undefined : ways.sessions?.find(cookie);
    if (session) return session;
    throw new WatchkeeperError('unauthorized', 'nobody is signed in', { fix });
  }
  const grant = authenticate(authorization, ways.grants);
  if (grant) return { principal: grant.principal, role: grant.role, via: 'token' };
  const token = /^Bearer ([\w~+/.=-]{1,16384})$/.exec(authorization)?.[1];
  if (token !== undefined && ways.oidc?.claims(token) === true) {
    mayAsk();
    return ways.oidc.bearer(token, presented.signal);
  }
  if (token !== undefined && ways.kubernetes) {
    mayAsk();
    return ways.kubernetes(token, presented.signal);
  }
  throw new WatchkeeperError('unauthorized', 'no or wrong bearer token', { fix });
}
