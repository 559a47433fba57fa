import { gunzipSync, gzipSync } from 'node:zlib';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import type { Agent } from '../../src/agent/index.ts';
import { createApp, openPage } from '../../src/api/index.ts';
import { readFiles } from '../../src/io/index.ts';
import { hrefOf, routeOf, type Route } from '../../src/ui/lib/router.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-page-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const folder = path.join(root, 'ui');
mkdirSync(path.join(folder, 'assets'), { recursive: true });
const put = (name: string, text: string): void => {
  writeFileSync(path.join(folder, name), text);
  writeFileSync(path.join(folder, `${name}.gz`), gzipSync(text));
};
put('index.html', '<!doctype html><title>page</title>');
put('icon.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>');
put('assets/index-AbC_-9.js', 'export {};');
put('assets/index-AbC_-9.css', 'a{}');
writeFileSync(path.join(folder, 'notes.txt'), 'no part of the page');
writeFileSync(path.join(root, 'secret.html'), 'outside');

const appOf = (where: string) =>
  createApp({
    agent: { refused: () => Promise.resolve(), readiness: () => ({ ready: true, reasons: [] }) } as unknown as Agent,
    grants: [],
    hosts: [],
    log: recordingLog(),
    clock: virtualClock(),
    page: openPage(readFiles, where),
  });
const app = appOf(folder);

describe('the page is served', () => {
  it('at every place within it, with its own name for each file type', async () => {
    const places: readonly Route[] = [
      { view: 'now' },
      { view: 'incidents' },
      { view: 'incident', id: '019ac/../ü' },
      { view: 'approvals' },
      { view: 'services' },
      { view: 'service', name: 'shop/checkout' },
      { view: 'policy' },
      { view: 'ledger' },
      { view: 'ledger', seq: 17 },
    ];
    for (const place of places) {
      const response = await app.request(hrefOf(place));
      expect([hrefOf(place), response.status, response.headers.get('content-type')]).toEqual([
        hrefOf(place),
        200,
        'text/html; charset=utf-8',
      ]);
      expect(routeOf(hrefOf(place))).toEqual(place);
    }
    const types = ['/assets/index-AbC_-9.js', '/assets/index-AbC_-9.css', '/icon.svg'].map(async (name) =>
      (await app.request(name)).headers.get('content-type'),
    );
    expect(await Promise.all(types)).toEqual([
      'text/javascript; charset=utf-8',
      'text/css; charset=utf-8',
      'image/svg+xml',
    ]);
  });

  it('under a policy that allows nothing inline, nothing from elsewhere, no frame and no markup from text', async () => {
    const csp = (await app.request('/')).headers.get('content-security-policy') ?? '';
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
    ])
      expect(csp.split('; ')).toContain(part);
    expect(csp).not.toMatch(/unsafe|data:|blob:|https?:|\*/);
    const other = await app.request('/');
    expect(other.headers.get('x-content-type-options')).toBe('nosniff');
    expect(other.headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('once for hashed names, and asked for again for the document', async () => {
    const asset = await app.request('/assets/index-AbC_-9.js');
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const page = await app.request('/');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const etag = page.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    const again = await app.request('/', { headers: { 'if-none-match': etag } });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect((await app.request('/', { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  });

  it('compressed to whoever takes it', async () => {
    const small = await app.request('/', { headers: { 'accept-encoding': 'br, gzip' } });
    expect(small.headers.get('content-encoding')).toBe('gzip');
    expect(gunzipSync(await small.arrayBuffer()).toString()).toContain('<title>page</title>');
    for (const none of ['identity', 'gzip;q=0', ''])
      expect((await app.request('/', { headers: { 'accept-encoding': none } })).headers.get('content-encoding')).toBe(
        null,
      );
    expect(small.headers.get('vary')).toBe('accept-encoding');
  });
});

describe('nothing else is', () => {
  it.each([
    '/secret.html',
    '/../secret.html',
    '/%2e%2e/secret.html',
    '/assets/../../secret.html',
    '/assets/%2e%2e%2f%2e%2e%2fsecret.html',
    '/assets/..%5c..%5csecret.html',
    '//secret.html',
    '/notes.txt',
    '/index.html.gz',
    '/assets/',
    '/assets',
    '/incidents/a/b',
    '/nowhere',
    '/.git/config',
  ])('%s is not there', async (name) => {
    const response = await app.request(name);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain('outside');
  });

  it('the API and its locks are as without it', async () => {
    expect((await app.request('/api/v1/status')).status).toBe(401);
    expect((await app.request('/healthz')).status).toBe(200);
    expect((await app.request('/', { method: 'POST' })).status).toBe(404);
  });

  it('a page that is not built says how to build it, and is found once it is', async () => {
    const late = path.join(root, 'late');
    const other = appOf(late);
    const missing = await other.request('/');
    expect(missing.status).toBe(404);
    expect(await missing.text()).toContain('npm run build');
    mkdirSync(path.join(late, 'assets'), { recursive: true });
    writeFileSync(path.join(late, 'index.html'), 'built');
    expect(await (await other.request('/')).text()).toBe('built');
  });
});
