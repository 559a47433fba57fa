import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { setStage, type Outcome, type Sent, type Stage } from './stage.ts';

let stage: Stage;
// What was refused is written down within bounds a minute: each table has a world of its own, and stays below them.
function staged(): void {
  beforeAll(async () => {
    stage = await setStage();
  });
  afterAll(() => stage.close());
  beforeEach(() => stage.clock.advance(60_000));
}

/** One attempt: what is sent, and what must come of it. Nothing may be done by any. */
interface Attack {
  readonly name: string;
  readonly path?: string;
  readonly sent?: Sent;
  /** The body of an answer to the waiting plan, as somebody who may give it. */
  readonly answer?: unknown;
  readonly status: number;
  readonly code?: string;
}

const json = { 'content-type': 'application/json' };
const approve = JSON.stringify({ verdict: 'approve' });
const post = (
  as: string | undefined,
  body: string = approve,
  headers: Readonly<Record<string, string>> = json,
): Sent => ({
  method: 'POST',
  headers,
  body,
  ...(as === undefined ? {} : { as }),
});
const bearing = (authorization: string): Sent => post(undefined, approve, { ...json, authorization });
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const none = `${part({ alg: 'none' })}.${part({ iss: 'https://id.example', sub: 'ana' })}.`;
const PLAN = '/api/v1/approvals/PLAN';
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

const forged: readonly Attack[] = [
  ['nothing', post(undefined)],
  ['another token', bearing('Bearer wrong')],
  ['an empty token', bearing('Bearer ')],
  ['the beginning of a token', bearing('Bearer ana-toke')],
  ['a token and something after it', bearing('Bearer ana-token x')],
  ['two tokens', bearing('Bearer wrong, Bearer ana-token')],
  ['a token as a password', bearing(`Basic ${Buffer.from('ana:ana-token').toString('base64')}`)],
  ['a token under another scheme', bearing('Token ana-token')],
  ['a JWT without a signature', bearing(`Bearer ${none}`)],
  ['an overlong token', bearing(`Bearer ${'a'.repeat(8_000)}`)],
  ['a made-up session', post(undefined, approve, { ...json, cookie: 'watchkeeper=AAAA; __Host-watchkeeper=AAAA' })],
  [
    'the headers of a proxy',
    post(undefined, approve, { ...json, 'x-forwarded-user': 'ana', 'x-remote-user': 'cli:ana' }),
  ],
  [
    'a client certificate by name',
    post(undefined, approve, { ...json, 'x-client-cert': 'CN=ana', 'x-ssl-verified': 'SUCCESS' }),
  ],
].map(([name, sent]) => ({
  name: `forged: ${name as string}`,
  path: PLAN,
  sent: sent as Sent,
  status: 401,
  code: 'unauthorized',
}));

const roles: readonly Attack[] = (
  [
    ['viewer', PLAN, approve],
    ['reporter', PLAN, approve],
    ['viewer', '/api/v1/pause', '{"reason":"r"}'],
    ['reporter', '/api/v1/pause', '{"reason":"r"}'],
    ['approver', '/api/v1/resume', '{"reason":"r"}'],
    ['viewer', '/api/v1/plan', '{"runbook":"r","service":"checkout"}'],
    ['operator', '/api/v1/reload', '{}'],
    ['operator', '/api/v1/ledger/export', '{"folder":"/tmp/x"}'],
    ['approver', '/api/v1/changes', '{"service":"checkout","version":"v9"}'],
    ['viewer', '/api/v1/incidents/INCIDENT/runbook', '{"runbook":"restart"}'],
    ['viewer', '/api/v1/incidents/INCIDENT/snooze', '{"for":"1h"}'],
  ] as const
).map(([as, path, body]) => ({
  name: `wrong role: ${as} at ${path}`,
  ...{ path, sent: post(as, body), status: 403, code: 'forbidden' },
}));

const gets: readonly Attack[] = [
  ['pause', '/api/v1/pause', 404],
  ['pause with its reason in the address', '/api/v1/pause?reason=r', 404],
  ['resume', '/api/v1/resume', 404],
  ['reload', '/api/v1/reload', 404],
  ['export', '/api/v1/ledger/export?folder=/tmp/x', 404],
  ['an answer', `${PLAN}?verdict=approve`, 400],
  ['an answer by its own path', `${PLAN}/approve`, 404],
  ['a snooze', '/api/v1/incidents/INCIDENT/snooze?for=1h', 404],
  ['signing out', '/api/v1/logout', 404],
].map(([name, path, status]) => ({
  name: `by GET: ${String(name)}`,
  ...{ path: String(path), sent: { as: 'ana' }, status: Number(status) },
}));

const overrides: readonly Attack[] = [
  {
    name: 'override: GET that would be POST',
    path: '/api/v1/pause',
    sent: { as: 'ana', headers: { 'x-http-method-override': 'POST', 'x-method-override': 'POST' } },
    status: 404,
  },
  { name: 'override: _method in the address', path: '/api/v1/pause?_method=POST', sent: { as: 'ana' }, status: 404 },
  ...['PUT', 'PATCH', 'DELETE'].map((method) => ({
    name: `override: ${method}`,
    path: PLAN,
    sent: { ...post('ana'), method },
    status: 404,
  })),
  { name: 'override: HEAD', path: '/api/v1/pause', sent: { as: 'ana', method: 'HEAD' }, status: 404 },
  { name: 'token in the address', path: '/api/v1/status?token=ana-token&access_token=ana-token', status: 401 },
  {
    name: 'token in the address of an act',
    path: `${PLAN}?access_token=ana-token`,
    sent: post(undefined),
    status: 401,
  },
  {
    name: 'token in the address beside a right one',
    path: '/api/v1/status?access_token=x',
    sent: { as: 'ana' },
    status: 400,
  },
  { name: 'the same parameter twice', path: '/api/v1/incidents?limit=1&limit=1000', sent: { as: 'ana' }, status: 400 },
];

const bodies: readonly Attack[] = (
  [
    ['a form', 'verdict=approve', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['JSON as plain text', approve, { 'content-type': 'text/plain' }],
    ['JSON as plain text that mentions JSON', approve, { 'content-type': 'text/plain; application/json' }],
    ['a multipart form', '--x\r\n\r\n--x--', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['no type', approve, {}],
    ['something that begins like JSON', approve, { 'content-type': 'application/jsonp' }],
    ['__proto__', '{"__proto__":{"verdict":"approve"}}', json],
    ['__proto__ beside the verdict', '{"verdict":"approve","__proto__":{"admin":true}}', json],
    ['an escaped __proto__', '{"verdict":"approve","\\u005f_proto__":{}}', json],
    ['constructor.prototype', '{"verdict":"approve","constructor":{"prototype":{"admin":true}}}', json],
    ['one key twice', '{"verdict":"deny","verdict":"approve"}', json],
    ['one key twice, once escaped', '{"verdict":"deny","verd\\u0069ct":"approve"}', json],
    ['a verdict in capitals', '{"verdict":"APPROVE"}', json],
    ['a list of verdicts', '{"verdict":["approve"]}', json],
    ['a name of its own', '{"verdict":"approve","who":{"id":"cli:ben","groups":[]}}', json],
    ['an epoch of its own', '{"verdict":"approve","epoch":99}', json],
    ['an edited plan', '{"verdict":"approve","plan":{"steps":[]}}', json],
    ['a state hash of its own', '{"verdict":"approve","stateHash":"x"}', json],
    ['an overlong comment', JSON.stringify({ verdict: 'approve', comment: 'x'.repeat(501) }), json],
    ['a comment that is an object', '{"verdict":"approve","comment":{"$ne":null}}', json],
    ['a list', `[${approve}]`, json],
    ['null', 'null', json],
    ['half of it', '{"verdict":"appro', json],
    ['something after it', `${approve}${approve}`, json],
    ['nesting without end', nested(100_000), json],
    ['nothing', '', json],
  ] as const
).map(([name, body, headers]) => ({
  name: `body: ${name}`,
  path: PLAN,
  sent: post('ana', body, headers),
  status: 400,
  code: 'malformed',
}));

const paths: readonly Attack[] = [
  {
    name: 'path: dots that lead to another act',
    path: '/api/v1/approvals/../pause',
    sent: post('viewer', '{"reason":"r"}'),
    status: 403,
  },
  {
    name: 'path: encoded dots',
    path: '/api/v1/approvals/%2e%2e/pause',
    sent: post('viewer', '{"reason":"r"}'),
    status: 403,
  },
  {
    name: 'path: an encoded slash',
    path: '/api/v1/approvals/x%2f..%2f..%2fpause',
    sent: post('ana'),
    status: 400,
  },
  { name: 'path: a NUL', path: '/api/v1/approvals/abcdefgh%00', sent: post('ana'), status: 400 },
  {
    name: 'path: broken encoding',
    path: '/api/v1/approvals/%ff%fe%zz',
    sent: post('ana'),
    status: 404,
  },
  { name: 'path: past the guard by an open one', path: '/healthz/../api/v1/status', status: 401 },
  { name: 'path: past the guard by two slashes', path: '//api/v1/status', status: 404 },
  { name: 'path: past the guard in capitals', path: '/API/v1/status', status: 404 },
  { name: 'path: past the guard by a parameter', path: '/api;x/v1/status', status: 404 },
  { name: 'path: out of the page', path: '/assets/..%2f..%2f..%2fetc%2fpasswd', status: 404 },
  {
    name: 'path: an id that names nothing',
    path: '/api/v1/approvals/ffffffffffff',
    sent: post('ana'),
    status: 404,
  },
  {
    name: 'path: an overlong id',
    path: `/api/v1/approvals/${'a'.repeat(300)}`,
    sent: post('ana'),
    status: 400,
  },
  {
    name: 'oversized: a body',
    path: '/api/v1/changes',
    sent: post('admin', JSON.stringify({ x: 'a'.repeat(1_100_000) })),
    status: 413,
    code: 'too-large',
  },
  {
    name: 'oversized: a body in pieces',
    path: '/api/v1/changes',
    sent: post('admin', JSON.stringify({ x: 'a'.repeat(1_100_000) }), { ...json, 'transfer-encoding': 'chunked' }),
    status: 413,
    code: 'too-large',
  },
  {
    name: 'oversized: a header',
    path: '/api/v1/status',
    sent: { as: 'ana', headers: { 'x-much': 'a'.repeat(40_000) } },
    status: 431,
  },
  {
    name: 'host: another name (DNS rebinding)',
    path: PLAN,
    sent: post('ana', approve, { ...json, host: 'evil.example' }),
    status: 403,
  },
  {
    name: 'host: our name within another',
    path: PLAN,
    sent: post('ana', approve, { ...json, host: '127.0.0.1.evil.example' }),
    status: 403,
  },
  {
    name: 'host: our name as a user',
    path: PLAN,
    sent: post('ana', approve, { ...json, host: '127.0.0.1@evil.example' }),
    status: 400,
  },
];

function placed(path: string): string {
  return path.replace('PLAN', stage.waiting.planId).replace('INCIDENT', stage.waiting.incidentId);
}

function refusals(): { readonly log: number; readonly ledger: number } {
  const log = stage.log.lines.filter(({ message }) => message === 'a request was refused').length;
  const ledger = stage.ledger().filter(({ type }) => type === 'request-refused' || type === 'approval-refused').length;
  return { log, ledger };
}

describe.each([
  ['forged', forged],
  ['of the wrong role', roles],
  ['by GET', gets],
  ['by another method or in the address', overrides],
  ['in the body', bodies],
  ['by path, size or host', paths],
])('an attempt %s is refused, does nothing, and is written down', (_, table) => {
  staged();

  it.each(table.map((attack) => [attack.name, attack] as const))('%s', async (_, attack) => {
    await stage.here.world.clock.advance(0);
    const before = await stage.done();
    const written = refusals();
    const { status, body, headers }: Outcome = await stage.send(placed(attack.path ?? PLAN), attack.sent ?? {});
    expect([status, body]).toEqual([attack.status, body]);
    if (attack.code !== undefined) expect(JSON.parse(body)).toMatchObject({ code: attack.code, status });
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(await stage.done()).toEqual(before);
    await stage.here.world.clock.advance(0);
    await vi.waitFor(() => expect(refusals()).toEqual({ log: written.log + 1, ledger: written.ledger + 1 }));
    const line = stage.log.lines.at(-1);
    expect(JSON.stringify(line)).not.toContain('ana-token');
  });

  it('pollutes no prototype', () => {
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    expect(Object.prototype).not.toHaveProperty('verdict');
  });
});

describe('bytes that two servers would read differently', () => {
  staged();
  const head = (more: readonly string[], line = 'POST /api/v1/pause HTTP/1.1'): string =>
    [line, 'Host: 127.0.0.1', 'Authorization: Bearer operator-token', 'Content-Type: application/json', ...more].join(
      '\r\n',
    );
  const body = '{"reason":"smuggled"}';
  const length = `Content-Length: ${body.length}`;

  it.each([
    ['a length and pieces', `${head([length, 'Transfer-Encoding: chunked'])}\r\n\r\n0\r\n\r\n${body}`],
    ['two lengths', `${head([length, 'Content-Length: 3'])}\r\n\r\n${body}`],
    ['an odd encoding', `${head(['Transfer-Encoding: xchunked'])}\r\n\r\n${body}`],
    ['a length with a sign', `${head([`Content-Length: +${body.length}`])}\r\n\r\n${body}`],
    ['a space before the colon', `${head([`Content-Length : ${body.length}`])}\r\n\r\n${body}`],
    ['a folded header', `${head([`X-A: b\r\n ${length}`])}\r\n\r\n${body}`],
    ['two hosts', `${head(['Host: evil.example', length])}\r\n\r\n${body}`],
    ['no host', `POST /api/v1/pause HTTP/1.1\r\nAuthorization: Bearer operator-token\r\n${length}\r\n\r\n${body}`],
    ['a length that is too short, and an act behind it', `${head(['Content-Length: 2'])}\r\n\r\n{}${body}`],
    [
      'another host in the request line',
      `${head([length], 'POST http://evil.example/api/v1/pause HTTP/1.1')}\r\n\r\n${body}`,
    ],
    ['HTTP/0.9', 'POST /api/v1/pause\r\n\r\n'],
    ['binary', '\u0016\u0003\u0001\u0000\u0000'],
  ])('%s', async (_, text) => {
    const before = await stage.done();
    const written = refusals();
    const said = await stage.raw(text);
    expect(said).toMatch(/^HTTP\/1\.1 4/);
    expect(await stage.done()).toEqual(before);
    await vi.waitFor(async () => {
      await stage.here.world.clock.advance(0);
      expect(refusals().log).toBeGreaterThan(written.log);
      expect(refusals().ledger).toBeGreaterThan(written.ledger);
    });
  });
});

describe('hostile text', () => {
  staged();
  const hostile = '<script>alert(1)</script><img src=x onerror=alert(1)>';

  it('stays data: it comes back as JSON that no browser takes for a document', async () => {
    const accepted = await stage.json(
      '/api/v1/changes',
      { service: 'checkout', version: hostile, id: 'hostile' },
      'operator',
    );
    expect(accepted.status).toBe(202);
    await stage.here.world.clock.advance(30_000);
    // It was taken as what it is, a word about a deploy, and stands in the ledger under the name of whoever brought it.
    const entry = stage.ledger().findLast(({ type }) => type === 'change-observed');
    expect(JSON.stringify(entry)).not.toContain('<script>');
    expect(entry).toMatchObject({ subject: { service: 'checkout' } });
    const { body, headers } = await stage.send('/api/v1/services', { as: 'viewer' });
    expect(body).toContain('onerror=alert(1)');
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    expect(headers['content-security-policy']).toContain("default-src 'none'");
  });

  it.each([`/api/v1/incidents/${encodeURIComponent('<img src=x>')}`, `/${encodeURIComponent(hostile.slice(0, 25))}`])(
    'is no document where an error repeats it: %s',
    async (path) => {
      const written = refusals();
      const { status, headers } = await stage.send(path, { as: 'viewer' });
      await stage.here.world.clock.advance(0);
      // That there is no such incident is an answer and no refusal: a look at what is not there is nobody's attempt.
      if (!path.startsWith('/api/')) await vi.waitFor(() => expect(refusals().ledger).toBe(written.ledger + 1));
      expect([status, headers['content-type']]).toEqual([404, 'application/problem+json']);
      expect(headers['content-security-policy']).toContain("default-src 'none'");
    },
  );

  it('moves no cursor and forges no line in the log', async () => {
    const written = refusals();
    await stage.send('/api/v1/%1b%5b2J%0a%7b%22level%22%3a%22info%22%7d', { as: 'viewer' });
    await stage.here.world.clock.advance(0);
    await vi.waitFor(() => expect(refusals().ledger).toBe(written.ledger + 1));
    const line = JSON.stringify(stage.log.lines.at(-1));
    expect(line).toContain('a request was refused');
    expect(line).not.toMatch(/\\u001b|\\n/);
  });
});

describe('a body that never ends', () => {
  it('is given up, and holds nothing but its own connection', async () => {
    const slow = await setStage(undefined, 1_500);
    stage = slow;
    const written = refusals();
    const before = await slow.done();
    const open = slow.raw(
      'POST /api/v1/pause HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer operator-token\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"reason":',
    );
    expect((await slow.send('/healthz')).status).toBe(200);
    expect(await open).not.toMatch(/^HTTP\/1\.1 2/);
    expect(await slow.done()).toEqual(before);
    await slow.here.world.clock.advance(0);
    await vi.waitFor(() => expect(refusals().ledger).toBe(written.ledger + 1));
    await slow.close();
  });
});

describe('a flood', () => {
  it('is written down one by one up to a bound, then counted under its address, and hides nobody else', async () => {
    stage = await setStage();
    const before = await stage.done();
    const written = refusals();
    for (let n = 0; n < 300; n++) await stage.send(placed(PLAN), post(undefined));
    await stage.here.world.clock.advance(0);
    expect(refusals().ledger - written.ledger).toBe(30);
    await stage.send('/api/v1/pause', post('viewer', '{"reason":"r"}'));
    await stage.here.world.clock.advance(0);
    expect(refusals().ledger - written.ledger).toBe(31);
    await stage.here.world.clock.advance(61_000);
    expect(refusals().ledger - written.ledger).toBe(32);
    expect(stage.ledger().at(-1)?.body).toMatchObject({ request: 'many', sources: 1 });
    expect(await stage.done()).toEqual(before);
    await stage.close();
  });

  it('of connections is turned away at the door, and that is written down', async () => {
    stage = await setStage();
    const written = refusals();
    const { port } = new URL(stage.server.url);
    const sockets = Array.from({ length: 300 }, () => connect(Number(port), '127.0.0.1').on('error', () => undefined));
    await vi.waitFor(async () => {
      await stage.here.world.clock.advance(0);
      expect(refusals().ledger).toBeGreaterThan(written.ledger);
    });
    for (const socket of sockets) socket.destroy();
    expect(JSON.stringify(stage.log.lines.at(-1))).toContain('as many connections as there may be');
    await stage.close();
  });
});
