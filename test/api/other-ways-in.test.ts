import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Agent } from '../../src/agent/index.ts';
import { tokenReviewer } from '../../src/agent/token-reviewer.ts';
import { createApp, grantFor, type AuthOptions } from '../../src/api/index.ts';
import { addresses } from '../../src/api/auth/proxy.ts';
import { createSecrets, createScrubber, nodeHttp, readFiles, systemClock, systemRandom } from '../../src/io/index.ts';
import { limits } from '../../src/lib/limits.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const io = { http: nodeHttp(systemClock), random: systemRandom };

function daemon(auth: Partial<AuthOptions>) {
  const clock = virtualClock(Date.now());
  const agent = { refused: () => Promise.resolve(), pause: () => Promise.resolve() } as unknown as Agent;
  const log = recordingLog();
  const grants = [grantFor('a-right-token', { id: 'token:ana', groups: [] }, 'viewer')];
  const app = createApp({ agent, grants, hosts: [], log, clock, auth: { ...io, ...auth } });
  const whoami = async (
    headers: Record<string, string>,
    peer = '10.0.0.7',
    init: RequestInit = {},
    where = 'whoami',
  ) => {
    const env = { incoming: { socket: { remoteAddress: peer } } };
    const response = await app.request(`/api/v1/${where}`, { ...init, headers }, env);
    const body = (await response.json()) as Readonly<Record<string, unknown>>;
    return { status: response.status, body, headers: response.headers };
  };
  return { app, clock, log, whoami };
}

describe('a proxy that vouches for people', () => {
  const proxy = {
    from: ['10.0.0.7', '192.168.0.0/16', 'fd00::/8'],
    userHeader: 'x-forwarded-user',
    groupsHeader: 'x-forwarded-groups',
    roles: [{ group: 'sre', role: 'admin' as const }],
  };
  const ana = { 'x-forwarded-user': 'ana', 'x-forwarded-groups': 'sre, dev' };

  it.each(['10.0.0.7', '::ffff:10.0.0.7', '192.168.3.4', 'fd12::1'])('is believed at %s', async (peer) => {
    const { body } = await daemon({ proxy, publicUrl: 'https://w.example' }).whoami(ana, peer);
    expect(body).toMatchObject({ id: 'proxy:ana', groups: ['sre', 'dev'], role: 'admin', via: 'proxy' });
  });

  it.each(['10.0.0.8', '127.0.0.1', '::1', '192.169.0.1', '::ffff:10.0.0.8', ''])(
    'is not believed at %j, with whatever else may come',
    async (peer) => {
      const { whoami } = daemon({ proxy });
      expect((await whoami(ana, peer)).status).toBe(403);
      expect((await whoami({ 'x-forwarded-groups': 'sre' }, peer)).status).toBe(403);
      expect((await whoami({ ...ana, authorization: 'Bearer a-right-token' }, peer)).status).toBe(403);
    },
  );

  it.each([
    ['two names', { ...ana, 'x-forwarded-user': 'ana, root' }, 401],
    ['no name', { 'x-forwarded-groups': 'sre' }, 401],
    ['an empty name', { ...ana, 'x-forwarded-user': '' }, 401],
    ['an overlong name', { ...ana, 'x-forwarded-user': 'a'.repeat(300) }, 401],
    ['no group that has a role', { ...ana, 'x-forwarded-groups': 'dev,srex' }, 403],
  ])('is refused when it gives %s', async (_, headers, status) => {
    expect((await daemon({ proxy }).whoami(headers)).status).toBe(status);
  });

  it('is no way for another site to act', async () => {
    const { whoami } = daemon({ proxy, publicUrl: 'https://w.example' });
    const act = async (headers: Record<string, string>) =>
      (
        await whoami(
          { ...ana, 'content-type': 'application/json', ...headers },
          '10.0.0.7',
          {
            ...{ method: 'POST', body: '{"reason":"r"}' },
          },
          'pause',
        )
      ).status;
    expect(await act({ origin: 'https://evil.example' })).toBe(403);
    expect(await act({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await act({ 'sec-fetch-site': 'same-site' })).toBe(403);
    expect(await act({ origin: 'https://w.example', 'sec-fetch-site': 'same-origin' })).toBe(200);
  });

  it('is known by whole addresses, not by the beginning of one', () => {
    const is = addresses(['10.0.0.0/30']);
    expect(['10.0.0.3', '10.0.0.4', '10.0.0.', 'abc', undefined].map(is)).toEqual([true, false, false, false, false]);
  });
});

describe("a cluster's token", () => {
  let server: Server;
  let asked: { readonly path: string; readonly authorization: string; readonly body: { readonly spec: object } }[] = [];
  let answer: (token: string) => { readonly status: number; readonly body: object };
  const folder = mkdtempSync(path.join(tmpdir(), 'watchkeeper-review-'));
  const kubeconfig = path.join(folder, 'kubeconfig');

  beforeAll(async () => {
    server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        const body = JSON.parse(text) as { readonly spec: { readonly token: string } };
        asked.push({ path: request.url ?? '', authorization: request.headers.authorization ?? '', body });
        const { status, body: said } = answer(body.spec.token);
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ ...body, ...said }));
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'c' },
        clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
        users: [{ name: 'u', user: { token: 'our-own' } }],
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      }),
    );
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const username = 'system:serviceaccount:ci:deployer';
  const known = (more: object = {}) => ({
    status: 201,
    body: { status: { authenticated: true, user: { username, groups: ['system:serviceaccounts:ci'] }, ...more } },
  });
  function reviewed(audiences: readonly string[] = []) {
    asked = [];
    const secrets = createSecrets(readFiles, {}, createScrubber());
    const reviewer = tokenReviewer({ kubeconfig }, { clock: systemClock, secrets });
    const roles = [{ group: 'system:serviceaccounts:ci', role: 'reporter' as const }];
    return daemon({ kubernetes: { audiences, roles, reviewer } });
  }
  const bearer = { authorization: 'Bearer a.service.account' };

  it('names a service account and gives the role of its groups; it is asked about once a minute', async () => {
    answer = () => known();
    const { whoami, clock } = reviewed();
    expect((await whoami(bearer)).body).toMatchObject({
      id: `kubernetes:${username}`,
      role: 'reporter',
      via: 'kubernetes',
    });
    await whoami(bearer);
    expect(asked).toEqual([
      {
        path: expect.stringMatching(/^\/apis\/authentication\.k8s\.io\/v1\/tokenreviews\b/) as string,
        authorization: 'Bearer our-own',
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: 'a.service.account' } },
      },
    ]);
    answer = () => ({ status: 201, body: { status: { authenticated: false } } });
    await clock.advance(limits.reviewKeptMs + 1);
    expect((await whoami(bearer)).status).toBe(401);
  });

  it('must be for our audience', async () => {
    answer = () => known({ audiences: ['another'] });
    expect((await reviewed(['watchkeeper']).whoami(bearer)).status).toBe(401);
    answer = () => known();
    expect((await reviewed(['watchkeeper']).whoami(bearer)).status).toBe(401);
    answer = () => known({ audiences: ['watchkeeper'] });
    expect((await reviewed(['watchkeeper']).whoami(bearer)).status).toBe(200);
  });

  it.each([
    ['does not know it', { status: 201, body: { status: { authenticated: false, error: 'no' } } }, 401],
    ['says nothing', { status: 201, body: {} }, 401],
    ['names nobody', { status: 201, body: { status: { authenticated: true, user: {} } } }, 401],
    ['does not let us ask', { status: 403, body: { kind: 'Status', message: 'no' } }, 502],
    ['is unwell', { status: 500, body: { kind: 'Status', message: 'no' } }, 502],
  ])('lets nobody in where the cluster %s', async (_, said, status) => {
    answer = () => said;
    expect((await reviewed().whoami(bearer)).status).toBe(status);
  });

  it('is not asked about for a peer that failed too often, while a right token of ours still is taken from there', async () => {
    answer = () => ({ status: 201, body: { status: { authenticated: false } } });
    const { whoami, clock, log } = reviewed();
    for (let n = 0; n < limits.failuresBurst; n += 1)
      expect((await whoami({ authorization: `Bearer guess-${n}` })).status).toBe(401);
    const before = asked.length;
    const slowed = await whoami({ authorization: 'Bearer guess-again' });
    expect([slowed.status, Number(slowed.headers.get('retry-after'))]).toEqual([429, 3]);
    expect(asked).toHaveLength(before);
    expect((await whoami({ authorization: 'Bearer a-right-token' })).status).toBe(200);
    expect((await whoami({ authorization: 'Bearer other' }, '10.9.9.9')).status).toBe(401);
    await clock.advance(60_000);
    expect((await whoami({ authorization: 'Bearer guess-again' })).status).toBe(401);
    expect(JSON.stringify(log.lines)).not.toContain('guess');
  });
});

describe('how often one may ask', () => {
  it('is bounded for one identity, whatever its addresses, and says when to come back', async () => {
    const { whoami, clock } = daemon({});
    const ask = (n: number) => whoami({ authorization: 'Bearer a-right-token' }, `10.0.${n % 250}.1`);
    for (let n = 0; n < limits.apiBurst; n += 1) expect((await ask(n)).status).toBe(200);
    const { status, body, headers } = await ask(0);
    expect([status, body['code'], headers.get('retry-after')]).toEqual([429, 'rate-limited', '1']);
    await clock.advance(1_000);
    expect((await ask(0)).status).toBe(200);
  });

  it('is bounded for one address, before anything is looked at', async () => {
    const { app, clock } = daemon({});
    const env = { incoming: { socket: { remoteAddress: '10.0.0.1' } } };
    const ask = async () => (await app.request('/healthz', {}, env)).status;
    for (let n = 0; n < limits.addressBurst; n += 1) expect(await ask()).toBe(200);
    expect(await ask()).toBe(429);
    await clock.advance(1_000);
    expect(await ask()).toBe(200);
  });
});
