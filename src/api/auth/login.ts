import { createHash } from 'node:crypto';

import type { Context, Hono } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';

import type { Clock, Http, Log, Random } from '../../domain/ports/io.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { Env } from '../request.ts';
import type { OidcProvider } from './oidc.ts';
import type { Sessions } from './sessions.ts';

/** How people sign in on the page: OpenID Connect's authorization code flow with PKCE (RFC 7636). */
export interface LoginSettings {
  readonly provider: OidcProvider;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly scopes: readonly string[];
  /** How browsers reach the daemon: `https://watch.example.com`. */
  readonly publicUrl: string;
}

interface Pending {
  readonly verifier: string;
  readonly nonce: string;
  readonly untilMs: number;
}

interface LoginIo {
  readonly clock: Clock;
  readonly random: Random;
  readonly http: Http;
  readonly log: Log;
  readonly sessions: Sessions;
}

/** What the session's cookie is called: with https the name itself keeps other hosts and paths from setting it. */
export function cookieName(publicUrl: string | undefined): string {
  return publicUrl?.startsWith('https://') === true ? '__Host-watchkeeper' : 'watchkeeper';
}

const stateCookie = 'watchkeeper-login';

/** `/auth/login` sends to the provider, which sends back to `/auth/callback`. Nothing but a session comes of either. */
export function loginRoutes(app: Hono<Env>, settings: LoginSettings, io: LoginIo): void {
  const pending = new Map<string, Pending>();
  const callback = `${settings.publicUrl}/auth/callback`;
  const secure = settings.publicUrl.startsWith('https://');
  const text = (): string => Buffer.from(io.random.bytes(32)).toString('base64url');

  app.get('/auth/login', async (c) => {
    const { authorization_endpoint: where } = await settings.provider.discover(c.req.raw.signal);
    const [state, nonce, verifier] = [text(), text(), text()];
    pending.set(state, { verifier, nonce, untilMs: io.clock.monotonicMs() + limits.loginMs });
    for (const [oldest] of pending) if (pending.size > limits.logins) pending.delete(oldest);
    // Lax, for the provider sends back from another site; it says nothing but that this browser began this login.
    const cookie = { httpOnly: true, secure, sameSite: 'Lax', path: '/auth', maxAge: limits.loginMs / 1_000 } as const;
    setCookie(c, stateCookie, state, cookie);
    const url = new URL(where);
    const asked = {
      response_type: 'code',
      client_id: settings.clientId,
      redirect_uri: callback,
      scope: settings.scopes.join(' '),
      state,
      nonce,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
    return c.redirect(url.href, 302);
  });

  app.get('/auth/callback', async (c) => {
    const { state, code, error } = c.req.query();
    const begun = pending.get(state ?? '');
    pending.delete(state ?? '');
    if (begun === undefined || begun.untilMs < io.clock.monotonicMs() || getCookie(c, stateCookie) !== state)
      throw new WatchkeeperError('unauthorized', 'this login was not begun in this browser, or too long ago', {
        fix: 'Open the page and sign in again.',
      });
    if (code === undefined || error !== undefined)
      throw new WatchkeeperError('unauthorized', 'the sign-in provider let nobody in');
    const token = await redeem(settings, io, { code, callback, verifier: begun.verifier }, c.req.raw.signal);
    const expected = { audience: settings.clientId, nonce: begun.nonce };
    const identity = await settings.provider.idToken(token, expected, c.req.raw.signal);
    io.log.info('signed in', { who: identity.principal.id, role: identity.role });
    const session = io.sessions.begin(identity);
    setCookie(c, stateCookie, '', { path: '/auth', maxAge: 0 });
    setCookie(c, cookieName(settings.publicUrl), session, { httpOnly: true, secure, sameSite: 'Strict', path: '/' });
    return arrived(c);
  });
}

// A redirect would still count as coming from the provider's site, and a Strict cookie would stay behind: the page is
// opened by a document of ours.
function arrived(c: Context<Env>): Response {
  c.header('cache-control', 'no-store');
  return c.html(
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/"><title>Signed in</title>',
  );
}

async function redeem(
  settings: LoginSettings,
  { http }: LoginIo,
  given: { readonly code: string; readonly callback: string; readonly verifier: string },
  signal: AbortSignal,
): Promise<string> {
  const { token_endpoint: url } = await settings.provider.discover(signal);
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code: given.code,
    redirect_uri: given.callback,
    code_verifier: given.verifier,
    ...(settings.clientSecret === undefined && { client_id: settings.clientId }),
  });
  const headers: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
  };
  if (settings.clientSecret !== undefined) {
    const pair = [settings.clientId, settings.clientSecret].map(encodeURIComponent).join(':');
    headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
  }
  const answer = await http.request({
    ...{ method: 'POST', url, headers, body: form.toString(), maxBytes: limits.oidcAnswerBytes, signal },
  });
  const body = answer.status === 200 ? parsed(answer.body) : {};
  if (typeof body.id_token === 'string') return body.id_token;
  throw new WatchkeeperError('unauthorized', 'the sign-in provider did not take the code');
}

function parsed(body: Uint8Array): { readonly id_token?: unknown } {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8')) as { readonly id_token?: unknown };
  } catch {
    return {};
  }
}
