import { createHmac } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Agent } from '../../src/agent/index.ts';
import { createApp, type AppOptions, type AuthOptions } from '../../src/api/index.ts';
import { nodeHttp, systemClock, systemRandom } from '../../src/io/index.ts';
import { limits } from '../../src/lib/limits.ts';
import { recordingLog } from '../support/quiet-log.ts';
import {
  audience,
  pageClient,
  pageUrl,
  signInAt,
  signInProvider,
  type SignInProvider,
} from '../support/sign-in-provider.ts';
import { virtualClock, type VirtualClock } from '../support/virtual-clock.ts';

let provider: SignInProvider;
beforeAll(async () => {
  provider = await signInProvider(['sre', 'everybody']);
});
afterAll(() => provider.down());

interface Daemon {
  readonly app: ReturnType<typeof createApp>;
  readonly clock: VirtualClock;
  readonly paused: string[];
  readonly refused: string[];
  readonly whoami: (
    token: string,
  ) => Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }>;
}

function daemon(oidc: Partial<NonNullable<AuthOptions['oidc']>> = {}, more: Partial<AuthOptions> = {}): Daemon {
  const clock = virtualClock(Date.now());
  const paused: string[] = [];
  const refused: string[] = [];
  const agent = {
    pause: (who: { readonly id: string }) => {
      paused.push(who.id);
      return Promise.resolve();
    },
    refused: (who: string, what: string) => {
      refused.push(`${who}: ${what}`);
      return Promise.resolve();
    },
  } as unknown as Agent;
  const auth: AuthOptions = {
    http: nodeHttp(systemClock),
    random: systemRandom,
    publicUrl: pageUrl,
    oidc: {
      issuer: provider.issuer,
      audience,
      usernameClaim: 'sub',
      groupsClaim: 'groups',
      roles: [{ group: 'sre', role: 'operator' }],
      ...oidc,
    },
    login: pageClient,
    ...more,
  };
  const options: AppOptions = { agent, auth, grants: [], hosts: [], log: recordingLog(), clock };
  const app = createApp(options);
  const whoami: Daemon['whoami'] = async (token) => {
    const response = await app.request('/api/v1/whoami', { headers: { authorization: `Bearer ${token}` } });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return { app, clock, paused, refused, whoami };
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;

describe('a bearer token of the provider', () => {
  it('names its holder, and gives the role of its groups', async () => {
    expect(await daemon().whoami(await provider.token())).toEqual({
      status: 200,
      body: {
        id: 'oidc:robot',
        groups: ['sre', 'everybody'],
        role: 'operator',
        permissions: ['self', 'read', 'plan', 'answer', 'pause', 'resume', 'feed'],
        via: 'oidc',
      },
    });
  });

  it('is refused, with its own words, for somebody without a role', async () => {
    const { status, body } = await daemon({ roles: [{ group: 'other', role: 'admin' }] }).whoami(
      await provider.token(),
    );
    expect([status, body['detail']]).toEqual([403, 'oidc:robot belongs to no group that has a role here']);
  });

  it('is refused once it has expired', async () => {
    const { whoami, clock } = daemon();
    const token = await provider.token();
    expect((await whoami(token)).status).toBe(200);
    clock.jumpWall(700_000);
    const { status, body } = await whoami(token);
    expect([status, body['detail']]).toEqual([401, 'the token is refused (ERR_JWT_EXPIRED)']);
  });

  it('is refused when it is for another audience', async () => {
    const { status, body } = await daemon().whoami(await provider.token({ resource: 'urn:another' }));
    expect([status, body['detail']]).toEqual([401, 'the token is refused (ERR_JWT_CLAIM_VALIDATION_FAILED)']);
  });

  it.each([
    ['has no signature (alg none)', (claims: object) => `${part({ alg: 'none' })}.${part(claims)}.`],
    [
      'is signed with the public key as a shared secret (HS256)',
      (claims: object) => {
        const text = `${part({ alg: 'HS256' })}.${part(claims)}`;
        return `${text}.${createHmac('sha256', provider.publicKeyPem()).update(text).digest('base64url')}`;
      },
    ],
    ['names a key of its own (jwk)', (claims: object) => `${part({ alg: 'RS256', jwk: {} })}.${part(claims)}.AAAA`],
    ['is no JWT', () => 'a.b.c'],
  ])('is refused when it %s', async (_, forge) => {
    const claims = { ...claimsOf(await provider.token()), groups: ['sre'] };
    expect((await daemon().whoami(forge(claims))).status).toBe(401);
  });

  it('is refused when a claim was changed', async () => {
    const token = await provider.token();
    const [head = '', , signature = ''] = token.split('.');
    const forged = `${head}.${part({ ...claimsOf(token), sub: 'somebody-else' })}.${signature}`;
    expect((await daemon().whoami(forged)).status).toBe(401);
  });

  it('is taken after the provider changed its keys, and no longer when it is signed by the old ones', async () => {
    const { whoami, clock } = daemon();
    const old = await provider.token();
    expect((await whoami(old)).status).toBe(200);
    provider.rotate();
    await clock.advance(limits.oidcAgainMs);
    expect((await whoami(await provider.token())).status).toBe(200);
    expect((await whoami(old)).status).toBe(401);
  });

  it('makes the provider be asked for keys no more often, however many are forged', async () => {
    const { whoami } = daemon();
    await whoami(await provider.token());
    const before = provider.keyRequests();
    const claims = claimsOf(await provider.token());
    for (let n = 0; n < 15; n += 1) await whoami(`${part({ alg: 'RS256', kid: `k${n}` })}.${part(claims)}.AAAA`);
    expect(provider.keyRequests() - before).toBeLessThanOrEqual(1);
  });

  it('goes on to be taken for an hour while the provider is away, by keys that are known', async () => {
    const { whoami, clock } = daemon();
    const token = await provider.token();
    expect((await whoami(token)).status).toBe(200);
    await provider.down();
    try {
      const fresh = daemon();
      const away = await fresh.whoami(token);
      expect([away.status, away.body['code']]).toEqual([502, 'unreachable']);
      await clock.advance(limits.oidcKeysMs + 1_000);
      clock.jumpWall(-limits.oidcKeysMs);
      expect((await whoami(token)).status).toBe(200);
      await clock.advance(limits.oidcKeysStaleMs);
      clock.jumpWall(-limits.oidcKeysStaleMs);
      expect((await whoami(token)).status).toBe(502);
    } finally {
      await provider.up();
    }
    await clock.advance(limits.oidcAgainMs);
    expect((await whoami(token)).status).toBe(200);
  });
});

/** Signs in on the page and gives what the browser has then. */
async function signedIn({ app }: Daemon, name = 'ana') {
  const begun = await app.request('/auth/login');
  const back = new URL(await signInAt(begun.headers.get('location') ?? '', name));
  const state = begun.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const arrived = await app.request(`${back.pathname}${back.search}`, { headers: { cookie: state } });
  const set = arrived.headers.getSetCookie().find((one) => one.startsWith('watchkeeper=')) ?? '';
  return { begun, back, arrived, state, set, cookie: set.split(';')[0] ?? '' };
}

describe('signing in on the page', () => {
  it('goes by authorization code, PKCE, state and nonce, and ends with a cookie that scripts and other sites cannot use', async () => {
    const here = daemon();
    const { begun, arrived, set, cookie } = await signedIn(here);
    const sent = new URL(begun.headers.get('location') ?? '').searchParams;
    expect([sent.get('response_type'), sent.get('code_challenge_method')]).toEqual(['code', 'S256']);
    for (const name of ['state', 'nonce', 'code_challenge']) expect(sent.get(name)?.length).toBeGreaterThan(40);
    expect(arrived.status).toBe(200);
    expect(set).toMatch(/; HttpOnly(;|$)/);
    expect(set).toMatch(/; SameSite=Strict(;|$)/);
    const response = await here.app.request('/api/v1/whoami', { headers: { cookie } });
    expect(await response.json()).toMatchObject({ id: 'oidc:ana', role: 'operator', via: 'session' });
  });

  it('is offered to whoever asks, where it is configured', async () => {
    const ways = async ({ app }: Daemon) => (await app.request('/auth/ways')).json();
    expect(await ways(daemon())).toEqual({ login: true });
    const clock = virtualClock();
    const plain = createApp({
      agent: { refused: () => Promise.resolve() } as unknown as Agent,
      grants: [],
      hosts: [],
      log: recordingLog(),
      clock,
    });
    expect(await (await plain.request('/auth/ways')).json()).toEqual({ login: false });
    expect((await plain.request('/auth/login')).status).toBe(404);
  });

  it('marks the cookie as for https alone where the page is', async () => {
    const https = daemon({}, { publicUrl: 'https://watch.example.com' });
    const set = (await https.app.request('/auth/login')).headers.getSetCookie()[0] ?? '';
    expect(set).toMatch(/; Secure(;|$)/);
  });

  it('takes a code once, in the browser that began, and not too late', async () => {
    const here = daemon();
    const first = await signedIn(here);
    const again = (cookie: string) =>
      here.app.request(`${first.back.pathname}${first.back.search}`, { headers: { cookie } });
    expect((await again(first.state)).status).toBe(401);
    const begun = await here.app.request('/auth/login');
    const back = new URL(await signInAt(begun.headers.get('location') ?? '', 'ana'));
    const path = `${back.pathname}${back.search}`;
    expect((await here.app.request(path, { headers: { cookie: 'watchkeeper-login=another' } })).status).toBe(401);
    const late = daemon();
    const slow = await late.app.request('/auth/login');
    const slowBack = new URL(await signInAt(slow.headers.get('location') ?? '', 'ana'));
    await late.clock.advance(limits.loginMs + 1);
    const state = slow.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const answer = await late.app.request(`${slowBack.pathname}${slowBack.search}`, { headers: { cookie: state } });
    expect(answer.status).toBe(401);
  });

  const act = (cookie: string, headers: Record<string, string>): RequestInit => ({
    method: 'POST',
    headers: { cookie, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ reason: 'a test' }),
  });

  it('lets a session act from our own page with its token, and from nowhere else', async () => {
    const here = daemon();
    const { cookie } = await signedIn(here);
    const who = (await (await here.app.request('/api/v1/whoami', { headers: { cookie } })).json()) as { csrf: string };
    const csrf = { 'x-csrf-token': who.csrf };
    const pause = async (headers: Record<string, string>) =>
      (await here.app.request('/api/v1/pause', act(cookie, headers))).status;
    expect(await pause(csrf)).toBe(403);
    expect(await pause({ ...csrf, origin: 'https://evil.example' })).toBe(403);
    expect(await pause({ ...csrf, origin: 'null' })).toBe(403);
    expect(await pause({ ...csrf, origin: pageUrl, 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await pause({ origin: pageUrl })).toBe(403);
    expect(await pause({ origin: pageUrl, 'x-csrf-token': 'A'.repeat(43) })).toBe(403);
    expect(here.paused).toEqual([]);
    expect(here.refused).toEqual(Array.from({ length: 6 }, () => 'oidc:ana: POST /api/v1/pause'));
    expect(await pause({ ...csrf, origin: pageUrl, 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(here.paused).toEqual(['oidc:ana']);
  });

  it('ends with signing out, and by itself', async () => {
    const here = daemon();
    const { cookie } = await signedIn(here);
    const ask = async () => (await here.app.request('/api/v1/whoami', { headers: { cookie } })).status;
    const who = (await (await here.app.request('/api/v1/whoami', { headers: { cookie } })).json()) as { csrf: string };
    const out = act(cookie, { origin: pageUrl, 'x-csrf-token': who.csrf });
    expect(await (await here.app.request('/api/v1/logout', { ...out, body: null })).json()).toEqual({ ended: true });
    expect(await ask()).toBe(401);
    const other = await signedIn(here);
    await here.clock.advance(limits.sessionMs - 1_000);
    expect((await here.app.request('/api/v1/whoami', { headers: { cookie: other.cookie } })).status).toBe(200);
    await here.clock.advance(2_000);
    expect((await here.app.request('/api/v1/whoami', { headers: { cookie: other.cookie } })).status).toBe(401);
  });

  it('does not make a wrong bearer token good', async () => {
    const here = daemon();
    const { cookie } = await signedIn(here);
    const headers = { cookie, authorization: 'Bearer wrong' };
    expect((await here.app.request('/api/v1/whoami', { headers })).status).toBe(401);
  });
});
