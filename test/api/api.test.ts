import { describe, expect, it } from 'vitest';

import type { Agent } from '../../src/agent/index.ts';
import { createApp, grantFor } from '../../src/api/index.ts';
import type { Principal, Role } from '../../src/domain/authority.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import { limits } from '../../src/lib/limits.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { virtualClock } from '../support/virtual-clock.ts';

interface Asked {
  readonly what: string;
  readonly who?: Principal;
}

const roles: readonly Role[] = ['viewer', 'reporter', 'approver', 'operator', 'admin'];

function makeApp(more: Partial<Agent> = {}, hosts: readonly string[] = []) {
  const asked: Asked[] = [];
  const note =
    (what: string) =>
    (...args: readonly unknown[]) => {
      const who = args.find((arg): arg is Principal => typeof arg === 'object' && arg !== null && 'groups' in arg);
      asked.push({ what, ...(who ? { who } : {}) });
      return Promise.resolve(
        what === 'answer'
          ? { is: 'recorded', message: 'ok' }
          : what === 'announce' || what === 'alertmanager'
            ? { accepted: 1, problems: [] }
            : undefined,
      );
    };
  const agent = {
    status: () => ({ version: 'x' }),
    services: () => [],
    alerts: () => [],
    approvals: () => [],
    matrix: () => ({ rows: [], complete: true }),
    incidents: () => Promise.resolve({ incidents: [] }),
    incident: () => Promise.resolve(undefined),
    approval: () => Promise.resolve(undefined),
    readiness: () => ({ ready: true, reasons: [] }),
    metrics: () => Promise.resolve('metric 1\n'),
    refused: () => Promise.resolve(),
    answer: note('answer'),
    request: note('request'),
    pause: note('pause'),
    resume: note('resume'),
    announce: note('announce'),
    alertmanager: note('alertmanager'),
    ...more,
  } as unknown as Agent;
  const app = createApp({
    agent,
    grants: [
      grantFor('correct-token', { id: 'token:ana', groups: [] }, 'admin'),
      ...roles.map((role) => grantFor(`${role}-token`, { id: `token:${role}`, groups: [] }, role)),
      grantFor('other-token', { id: 'token:bo', groups: [] }, 'operator'),
    ],
    hosts,
    log: recordingLog(),
    clock: virtualClock(),
  });
  return { app, asked };
}
const bearer = { authorization: 'Bearer correct-token' };
const json = { ...bearer, 'content-type': 'application/json' };
const post = (body: unknown, headers: Record<string, string> = json): RequestInit => ({
  method: 'POST',
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

describe('roles', () => {
  // Every route there is, and the roles that may use it. A route that is not here fails the first test.
  const all: Readonly<Record<string, readonly Role[]>> = {
    'POST /api/v1/plan': ['approver', 'operator', 'admin'],
    'POST /api/v1/approvals/:id': ['approver', 'operator', 'admin'],
    'POST /api/v1/incidents/:id/snooze': ['approver', 'operator', 'admin'],
    'POST /api/v1/incidents/:id/hand-over': ['approver', 'operator', 'admin'],
    'POST /api/v1/incidents/:id/runbook': ['approver', 'operator', 'admin'],
    'POST /api/v1/pause': ['approver', 'operator', 'admin'],
    'POST /api/v1/resume': ['operator', 'admin'],
    'POST /api/v1/changes': ['reporter', 'operator', 'admin'],
    'POST /api/v1/webhooks/alertmanager': ['reporter', 'operator', 'admin'],
    'POST /api/v1/reload': ['admin'],
    'POST /api/v1/ledger/export': ['admin'],
    'POST /api/v1/logout': ['viewer', 'reporter', 'approver', 'operator', 'admin'],
    'GET /api/v1/whoami': ['viewer', 'reporter', 'approver', 'operator', 'admin'],
  };
  const everybody: readonly Role[] = ['viewer', 'approver', 'operator', 'admin'];
  const { app } = makeApp();
  const routes = [
    ...new Set(
      app.routes
        .filter(({ path, method }) => path.startsWith('/api/v1/') && method !== 'ALL')
        .map(({ path, method }) => `${method} ${path}`),
    ),
  ];

  it('are declared for every route: looking for everybody but reporters, and each act for those it is for', () => {
    const acting = (route: string): boolean => route.startsWith('POST');
    expect(routes.filter(acting).sort()).toEqual(Object.keys(all).filter(acting).sort());
    expect(routes.length).toBeGreaterThan(15);
  });

  it.each(routes)('hold at %s', async (route) => {
    const [method = '', path = ''] = route.split(' ');
    for (const role of roles) {
      const { app: fresh, asked } = makeApp();
      const headers = { ...json, authorization: `Bearer ${role}-token` };
      const response = await fresh.request(path.replace(/:seq/, '1').replace(/:\w+/, 'abc'), {
        method,
        headers,
        ...(method === 'POST' ? { body: '{}' } : {}),
      });
      const may = (all[route] ?? everybody).includes(role);
      expect([route, role, response.status !== 403]).toEqual([route, role, may]);
      if (!may) expect(asked).toEqual([]);
    }
  });

  it('say who is what, and what it would take', async () => {
    const response = await app.request(
      '/api/v1/resume',
      post({ reason: 'r' }, { ...json, authorization: 'Bearer approver-token' }),
    );
    expect(response.status).toBe(403);
    expect(JSON.stringify(await response.json())).toContain(
      'token:approver is approver, and this needs operator or admin',
    );
  });
});

describe('what is open', () => {
  it('answers probes and scrapes without a token', async () => {
    const { app } = makeApp();
    for (const path of ['/healthz', '/readyz', '/metrics']) expect((await app.request(path)).status).toBe(200);
  });
  it('says 503 with its reasons when it is not ready', async () => {
    const readiness = { ready: false, reasons: ['no source answers'], stale: ['kubernetes: pods cannot be read'] };
    const { app } = makeApp({ readiness: () => readiness });
    const response = await app.request('/readyz');
    expect([response.status, await response.json()]).toEqual([503, readiness]);
  });
});

describe('who may ask', () => {
  const paths = [
    'status',
    'services',
    'alerts',
    'approvals',
    'incidents',
    'policy/matrix',
    'ledger',
    'ledger/entries',
  ].map((path) => `/api/v1/${path}`);
  it.each(paths)('GET %s needs a token', async (path) => {
    const { app } = makeApp();
    for (const authorization of [
      undefined,
      '',
      'Bearer ',
      'Bearer wrong',
      'Basic correct-token',
      'bearer correct-token ',
      `Bearer ${'x'.repeat(5_000)}`,
    ]) {
      const response = await app.request(path, { headers: authorization === undefined ? {} : { authorization } });
      expect(response.status).toBe(401);
    }
  });
  it('names the holder of the token as the one who acts (I15)', async () => {
    const { app, asked } = makeApp();
    await app.request('/api/v1/pause', post({ reason: 'r' }, { ...json, authorization: 'Bearer other-token' }));
    expect(asked).toEqual([{ what: 'pause', who: { id: 'token:bo', groups: [] } }]);
  });
  it('is addressed only by its own names, against DNS rebinding', async () => {
    const { app } = makeApp({}, ['127.0.0.1', 'localhost']);
    expect(
      (await app.request('http://evil.example/api/v1/status', { headers: { ...bearer, host: 'evil.example' } })).status,
    ).toBe(403);
    expect(
      (await app.request('http://127.0.0.1:7777/api/v1/status', { headers: { ...bearer, host: '127.0.0.1:7777' } }))
        .status,
    ).toBe(200);
  });
});

describe('what may be said', () => {
  it('never acts on GET', async () => {
    const { app, asked } = makeApp();
    for (const path of [
      '/api/v1/approvals/abcdefgh',
      '/api/v1/pause',
      '/api/v1/resume',
      '/api/v1/changes',
      '/api/v1/approvals/abcdefgh?verdict=approve',
    ]) {
      expect((await app.request(path, { headers: bearer })).status).toBe(path.includes('?') ? 400 : 404);
    }
    expect(asked).toEqual([]);
  });
  it.each([
    ['a form', { ...bearer, 'content-type': 'application/x-www-form-urlencoded' }, 'verdict=approve'],
    ['plain text', { ...bearer, 'content-type': 'text/plain' }, '{"verdict":"approve"}'],
    ['half of a JSON text', json, '{"verdict":'],
    ['another verdict', json, '{"verdict":"maybe"}'],
    ['an unknown key', json, '{"verdict":"approve","force":true}'],
    ['no object', json, '[]'],
  ])('refuses an answer that is %s, clearly', async (_, headers, body) => {
    const { app, asked } = makeApp();
    const response = await app.request('/api/v1/approvals/abcdefgh', post(body, headers));
    expect(response.status).toBe(400);
    expect(((await response.json()) as { detail: string }).detail.length).toBeGreaterThan(5);
    expect(asked).toEqual([]);
  });
  it('refuses a body above the limit', async () => {
    const { app, asked } = makeApp();
    const body = JSON.stringify({ reason: 'x'.repeat(limits.apiBodyBytes) });
    expect(
      (await app.request('/api/v1/pause', post(body, { ...json, 'content-length': String(body.length) }))).status,
    ).toBe(413);
    expect(asked).toEqual([]);
  });
  it('says 409 when an answer was refused', async () => {
    const { app } = makeApp({ answer: () => Promise.resolve({ is: 'refused', message: 'too late' }) });
    expect((await app.request('/api/v1/approvals/abcdefgh', post({ verdict: 'approve' }))).status).toBe(409);
  });
  it('gives every error a code, and a fault of ours no inside', async () => {
    const { app } = makeApp({
      incident: () => Promise.reject(new WatchkeeperError('malformed', 'more than one incident begins with ab')),
      announce: () => Promise.reject(new Error('boom')),
    });
    const refused = await app.request('/api/v1/incidents/ab', { headers: bearer });
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(await refused.json()).toEqual({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      code: 'malformed',
      detail: 'more than one incident begins with ab',
    });
    const response = await app.request('/api/v1/changes', post({}));
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      code: 'internal',
      detail: 'a fault of ours; the log has it',
    });
  });
  it.each(['-1', '1.5', 'abc', '1e99'])('refuses limit=%s', async (limit) => {
    const { app } = makeApp();
    expect((await app.request(`/api/v1/incidents?limit=${limit}`, { headers: bearer })).status).toBe(400);
  });
});

describe('where chats call back', () => {
  const bytes = new Uint8Array([0, 255, 123, 10]);
  const inbound = (seen: unknown[]) => ({
    inbound: (channel: string, request: { readonly body: Uint8Array }) => {
      seen.push(channel, [...request.body]);
      return Promise.resolve({ status: 401, type: 'text/plain' as const, body: 'not accepted' });
    },
  });

  it('needs no token, and hands the body on as it came in, for a signature is over its bytes', async () => {
    const seen: unknown[] = [];
    const { app } = makeApp(inbound(seen));
    const response = await app.request('/hooks/slack', { method: 'POST', body: bytes });
    expect([response.status, await response.text()]).toEqual([401, 'not accepted']);
    expect(seen).toEqual(['slack', [...bytes]]);
  });

  it('does nothing on GET, and takes no more than any other body', async () => {
    const seen: unknown[] = [];
    const { app } = makeApp(inbound(seen));
    expect((await app.request('/hooks/slack?payload=approve')).status).toBe(404);
    const huge = { method: 'POST', body: new Uint8Array(limits.apiBodyBytes + 1) };
    expect((await app.request('/hooks/slack', huge)).status).toBe(413);
    expect(seen).toEqual([]);
  });

  it('is not found for anything that is no name of a channel', async () => {
    const { app } = makeApp(inbound([]));
    for (const name of ['..%2fapi', 'A', '__proto__', 'x'.repeat(80)])
      expect((await app.request(`/hooks/${name}`, { method: 'POST', body: '{}' })).status).toBe(404);
  });
});
