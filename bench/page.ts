/**
 * How soon the page can be used: `node bench/page.ts [loads]` (after `npm run build`; needs Debian's chromium,
 * test/e2e/peers/chromium.sh). A real daemon on loopback with 10,000 incidents in its store, and chromium with an empty cache
 * each time. Bars: at most 150 KB over the wire in all, interactive within 1 s.
 *
 * Interactive is when what is happening now is on the page and the browser has come to rest: its main thread answered a
 * task at once. Beside it, the least that any page costs here: a document without a script, from the same daemon.
 */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

import type { Browser } from 'playwright-core';

import type { Incident } from '../src/domain/alert.ts';
import { systemRandom } from '../src/io/index.ts';
import type { Json } from '../src/lib/json.ts';
import { median, quantile } from '../src/lib/stats.ts';
import { openSqliteStore } from '../src/store/index.ts';
import { openBrowser } from '../test/e2e/support/browser.ts';
import { makeHome, startDaemon, type DaemonProcess } from '../test/e2e/support/daemon.ts';
import { report } from './report.ts';

const incidents = 10_000;
const loads = Number(process.argv[2] ?? 15);
const bench = 'page';

async function seed(file: string): Promise<void> {
  const store = await openSqliteStore({ path: file });
  const epoch = await store.newEpoch();
  const nowMs = Date.now();
  const puts = Array.from({ length: incidents }, (_, at) => {
    const atMs = nowMs - (incidents - at) * 60_000;
    const incident: Incident = {
      id: systemRandom.id(atMs),
      status: at % 100 === 0 ? 'open' : 'resolved',
      severity: at % 3 === 0 ? 'critical' : 'warning',
      title: `shop-${at % 50}: errors of shop-${at % 50} are 12.4 %, 0.2 % before; v${at} was deployed 40s before`,
      service: `shop-${at % 50}`,
      services: [`shop-${at % 50}`],
      alerts: [],
      openedAtMs: atMs,
      updatedAtMs: atMs,
      ...(at % 100 === 0 ? {} : { resolvedAtMs: atMs + 300_000 }),
      storm: false,
      mode: 'active',
      quietForMs: 0,
      timeline: Array.from({ length: 12 }, (_one, line) => ({
        atMs,
        kind: 'watch',
        text: `line ${line} of its story`,
      })),
    };
    return { space: 'incident', key: incident.id, value: incident as unknown as Json } as const;
  });
  for (let from = 0; from < puts.length; from += 500)
    await store.commit({ epoch, expects: [], puts: puts.slice(from, from + 500) });
  await store.close();
}

interface Load {
  /** From the start of the navigation, milliseconds. */
  readonly usableMs: number;
  /** On the wire, all of it, with its answers from the API. */
  readonly bytes: number;
}

// Told by the page's own clock: when what is awaited is there, and the next task after the next frame was run.
const watch = `globalThis.usableMs = new Promise((resolve) => {
  new MutationObserver((_changes, observer) => {
    if (document.querySelector('SELECTOR') === null) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now()), 0));
  }).observe(document, { childList: true, subtree: true });
});`;

async function load(browser: Browser, url: string, selector: string, token?: string): Promise<Load> {
  const context = await browser.newContext();
  const page = await context.newPage();
  let bytes = 0;
  const counting: Promise<unknown>[] = [];
  page.on('requestfinished', (request) => {
    const counted = request.sizes().then(({ responseBodySize, responseHeadersSize }) => {
      bytes += responseBodySize + responseHeadersSize;
    });
    // What has not come when the tab closes came too late to count.
    counting.push(counted.catch(() => undefined));
  });
  await page.addInitScript(watch.replace('SELECTOR', selector));
  if (token !== undefined) await page.addInitScript(`sessionStorage.setItem('watchkeeper-token', '${token}')`);
  await page.goto(url);
  const usableMs = await page.evaluate<number>('globalThis.usableMs');
  await Promise.all(counting);
  await context.close();
  return { usableMs, bytes };
}

function print(name: string, all: readonly Load[], atMost?: number): void {
  const times = all.map(({ usableMs }) => usableMs);
  const bar = atMost === undefined ? {} : { atMost };
  report({ bench, name: `${name}: median`, value: median(times) ?? Number.NaN, unit: 'ms', ...bar });
  report({ bench, name: `${name}: p95`, value: quantile(times, 0.95) ?? Number.NaN, unit: 'ms', ...bar });
  report({ bench, name: `${name}: best`, value: Math.min(...times), unit: 'ms' });
}

async function measure(browser: Browser, daemon: DaemonProcess): Promise<void> {
  const kept = (await daemon.get<{ readonly incidents: readonly unknown[] }>('/api/v1/incidents?status=all&limit=1'))
    .incidents.length;
  if (kept === 0) throw new Error('the daemon does not know the incidents');
  // The first one pays for what the daemon and the browser do once.
  await load(browser, `${daemon.url}/`, '.tiles', daemon.token);
  const [raw, now, list]: [Load[], Load[], Load[]] = [[], [], []];
  for (let at = 0; at < loads; at += 1) {
    raw.push(await load(browser, `${daemon.url}/healthz`, 'body'));
    now.push(await load(browser, `${daemon.url}/`, '.tiles', daemon.token));
    list.push(await load(browser, `${daemon.url}/incidents`, '.rows', daemon.token));
  }
  print('raw: a line of text', raw);
  print(`what is happening now, ${incidents} incidents kept`, now, 1_000);
  print('the list of incidents', list, 1_000);
  report({
    bench,
    name: 'one load, with its answers',
    value: (median(now.map((one) => one.bytes)) ?? 0) / 1e3,
    unit: 'KB',
  });
}

const home = makeHome();
mkdirSync(home.dataDir, { recursive: true });
await seed(path.join(home.dataDir, 'watchkeeper.db'));
const daemon = await startDaemon(home, { readyWithinMs: 60_000 });
const browser = await openBrowser();
try {
  const folder = path.resolve(import.meta.dirname, '../dist/ui');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.gz'));
  const whole = files.reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
  report({ bench, name: 'the page, compressed, all of it', value: whole / 1e3, unit: 'KB', atMost: 150 });
  await measure(browser, daemon);
} finally {
  await browser.close();
  await daemon.kill();
  home.remove();
}
