import axe, { type Result } from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { until } from './peers/peers.ts';
import { openBrowser, openTab } from './support/browser.ts';
import { hostile, openPageWorld, tokens, type PageWorld } from './support/page-world.ts';

// A real daemon over services that are ill, and Debian's chromium looking at it.
let world: PageWorld | undefined;
let browser: Browser | undefined;
let first = '';
let second = '';

beforeAll(async () => {
  world = await openPageWorld(4);
  browser = await openBrowser();
  await world.feed('/api/v1/changes', { service: 'shop-0', version: hostile.slice(0, 120), actor: hostile });
  first = await world.fall(0);
  second = await world.fall(1);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await world?.close();
});

/** A tab at the daemon, as one of its people. */
async function tab(token: string, options: BrowserContextOptions = {}) {
  const opened = await openTab(browser!, here().daemon.url, { ...options, token });
  if (token !== 'wrong-token') await opened.page.getByRole('heading', { name: 'Now', level: 1 }).waitFor();
  return opened;
}

function here(): PageWorld {
  if (world === undefined) throw new Error('there is no world');
  return world;
}

const phone = { viewport: { width: 360, height: 740 } };
const desk = { viewport: { width: 1280, height: 860 } };

/** Shows a place as a link within the page would, without leaving the document: a reload keeps the tab signed in too. */
async function show(page: Page, path: string, words: string | RegExp): Promise<void> {
  await page.goto(path);
  await page.getByText(words).first().waitFor();
}

describe('signing in', () => {
  test('refuses a wrong token with words, and takes the right one; it is in no address and outlives no tab', async () => {
    const { page, asked } = await tab('wrong-token');
    await page.getByText('does not know this token').waitFor();
    await page.getByLabel('Token').fill('grüße an alle');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This is no token').waitFor();
    await page.getByLabel('Token').fill(tokens.ana);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Now', level: 1 }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Now', level: 1 }).waitFor();
    const kept = await page.evaluate<string>('JSON.stringify(localStorage) + document.cookie');
    expect(kept + JSON.stringify(asked)).not.toContain(tokens.ana);
    const other = await page.context().newPage();
    await other.goto('/');
    await other.getByLabel('Token').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token').waitFor();
    await page.reload();
    await page.getByLabel('Token').waitFor();
    await page.context().close();
  });
});

const views: readonly (readonly [path: () => string, words: string | RegExp])[] = [
  [() => '/', 'Open incidents'],
  [() => '/incidents', 'All that are kept'],
  [() => `/incidents/${first}`, 'Your answer is wanted'],
  [() => '/approvals', 'Why it asks:'],
  [() => '/services', 'Name, team or state'],
  [() => '/services/shop-0', 'What may be done'],
  [() => '/policy', 'Would this be allowed now?'],
  [() => '/ledger', 'Signature verified by this browser'],
  [() => '/ledger/0', 'Verified by this browser'],
];

describe.each([
  ['light', 'desk', desk],
  ['dark', 'desk', desk],
  ['light', 'phone', phone],
  ['dark', 'phone', phone],
] as const)('every view, %s, at the %s', (colorScheme, _device, size) => {
  test('shuts nobody out, fits, stays at home, and takes text for text', async () => {
    const { page, asked, complaints } = await tab(tokens.ana, { ...size, colorScheme });
    for (const [path, words] of views) {
      await show(page, path(), words);
      expect([path(), await grave(page)]).toEqual([path(), []]);
      const spare = await page.evaluate<number>('innerWidth - document.documentElement.scrollWidth');
      expect([path(), spare]).toEqual([path(), 0]);
      expect(await page.title()).toContain('Watchkeeper');
      expect(await page.locator('main img, main script').count()).toBe(0);
    }
    await page.getByRole('button', { name: 'Pause all' }).click();
    expect(await grave(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token').waitFor();
    expect(await grave(page)).toEqual([]);
    expect(asked.filter((url) => !url.startsWith(`${here().daemon.url}/`))).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What axe finds that is serious or worse, as sentences. */
async function grave(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const run = `axe.run(document, ${JSON.stringify({ runOnly: rules })}).then(({ violations }) => violations)`;
  const found = await page.evaluate<Result[]>(run);
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary ?? ''}`));
}

describe('from incident to approval to ledger', () => {
  test('by click: it asks once more and names the plan, acts, and its entry is verified by the browser', async () => {
    const { page } = await tab(tokens.ana, desk);
    await page
      .getByRole('link', { name: /shop-0/ })
      .first()
      .waitFor();
    await page.goto(`/incidents/${first}`);
    const approve = page.getByRole('button', { name: /^Approve plan [0-9a-f]{12}$/ });
    const plan = (await approve.textContent())?.trim().split(' ').at(-1) ?? '';
    await approve.click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('heading', { name: `Approve plan ${plan}?` }).waitFor();
    expect(here().target.effects).toEqual([]);
    await dialog.getByLabel(/Comment/).fill('seen on the page');
    await dialog.getByRole('button', { name: `Approve plan ${plan}` }).click();
    await page.getByText('succeeded').first().waitFor();
    expect(here().target.effects.map(({ service }) => service)).toEqual([0]);
    await page.getByRole('heading', { name: 'Why it acted' }).waitFor({ timeout: 30_000 });
    const entries = await here().daemon.ledger();
    const approval = entries.find(({ entry }) => entry.type === 'approval')?.entry;
    expect(approval).toMatchObject({ actor: 'token:ana', subject: { incident: first } });
    await page.goto(`/ledger/${approval?.seq ?? -1}`);
    await page.getByText('Verified by this browser', { exact: true }).waitFor();
    await page.getByText('token:ana').first().waitFor();
    await page.context().close();
  });

  test('by keyboard alone, on a phone: from the skip link to the button in the dialog', async () => {
    const { page } = await tab(tokens.ana, phone);
    await page.goto('/approvals');
    await page.getByRole('button', { name: /^Approve plan/ }).waitFor();
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    for (let tabs = 0; tabs < 40 && !(await focused(page)).startsWith('Approve plan'); tabs += 1)
      await page.keyboard.press('Tab');
    expect(await focused(page)).toMatch(/^Approve plan [0-9a-f]{12}$/);
    expect(await outlined(page)).toBe(true);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    // Closed is not yet gone: a key within that moment would be pressed by no person.
    await page.locator('dialog').waitFor({ state: 'detached' });
    expect(await focused(page)).toMatch(/^Approve plan/);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    for (let tabs = 0; tabs < 6 && !(await focused(page)).startsWith('Approve plan'); tabs += 1)
      await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await until('it was done', () => here().target.effects.some(({ service }) => service === 1), 30_000);
    await page.getByText('Nothing waits for a person.').waitFor();
    expect((await here().daemon.incident(second)).approvals[0]?.approvals).toMatchObject([
      { by: { id: 'token:ana' }, verdict: 'approve' },
    ]);
    await page.context().close();
  });
});

function focused(page: Page): Promise<string> {
  return page.evaluate<string>("document.activeElement?.textContent?.trim() ?? ''");
}

function outlined(page: Page): Promise<boolean> {
  return page.evaluate<boolean>(`(({ outlineStyle, outlineWidth }) =>
    outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2)(getComputedStyle(document.activeElement))`);
}

describe('what may not be', () => {
  test('a viewer is told that the role may look and not answer, and is given no button', async () => {
    await here().fall(2);
    const { page } = await tab(tokens.viewer, desk);
    await page.goto('/approvals');
    await page.getByText('Your role (viewer) may look, and not answer.').waitFor();
    expect(await page.getByRole('button', { name: /Approve|Deny|Pause|Snooze/ }).count()).toBe(0);
    await page.context().close();
  });

  test('what was refused is said in the dialog, which stays: a right taken away meanwhile', async () => {
    const { page } = await tab(tokens.viewer, desk);
    await page.route('**/api/v1/whoami', (route) =>
      route.fulfill({ json: { id: 'token:viewer', groups: [], role: 'operator', permissions: ['read', 'answer'] } }),
    );
    await page.goto('/approvals');
    await page.getByRole('button', { name: /^Approve plan/ }).click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Approve plan/ })
      .click();
    await page.getByText(/is viewer, and this needs/).waitFor();
    expect(here().target.effects.some(({ service }) => service === 2)).toBe(false);
    await page.context().close();
  });

  test('an incident can be put off, and says so', async () => {
    const { page } = await tab(tokens.ana, desk);
    await page
      .getByRole('link', { name: /shop-2/ })
      .first()
      .click();
    await page.getByRole('button', { name: 'Snooze' }).click();
    await page.getByRole('dialog').getByLabel('How long').selectOption('2h');
    await page.getByRole('dialog').getByRole('button', { name: 'Snooze' }).click();
    await page.getByText(/Put off by token:ana/).waitFor();
    await page.context().close();
  });

  test('another runbook is proposed with parameters, and what it does not take is said in the dialog', async () => {
    const { page } = await tab(tokens.ana, desk);
    await page
      .getByRole('link', { name: /shop-2/ })
      .first()
      .click();
    await page.getByRole('button', { name: 'Other runbook' }).click();
    await page.getByRole('dialog').getByRole('combobox', { name: 'Runbook' }).selectOption('fix-2');
    await page.getByRole('dialog').getByLabel('Parameters').fill('speed=9');
    expect(await grave(page)).toEqual([]);
    await page.getByRole('button', { name: 'Propose' }).click();
    await page
      .getByRole('dialog')
      .getByText(/Not done: .*speed/)
      .waitFor();
    await page.context().close();
  });

  test('a pause needs a reason, is said across the page, and is lifted by a person', async () => {
    const { page } = await tab(tokens.ana, desk);
    await page.getByRole('button', { name: 'Pause all' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.getByRole('button', { name: 'Pause all' }).isDisabled()).toBe(true);
    await dialog.getByLabel(/Reason/).fill(`maintenance ${hostile}`);
    await dialog.getByRole('button', { name: 'Pause all' }).click();
    await page.getByText('It watches and tells, and does nothing.').waitFor();
    expect((await here().daemon.status()).paused?.by).toBe('token:ana');
    await page.getByRole('button', { name: 'Resume' }).click();
    await page
      .getByRole('dialog')
      .getByLabel(/Reason/)
      .fill('done');
    await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
    await page.getByText('It watches and tells').waitFor({ state: 'detached' });
    expect((await here().daemon.status()).paused).toBeUndefined();
    await page.context().close();
  });

  test('a denial ends the question', async () => {
    const { page } = await tab(tokens.ana, desk);
    await page.goto('/approvals');
    await page.getByRole('button', { name: 'Deny' }).click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Deny plan/ })
      .click();
    await page.getByText('Nothing waits for a person.').waitFor();
    expect(here().target.effects.some(({ service }) => service === 2)).toBe(false);
    await page.context().close();
  });

  test('a simulation says what would be, and changes nothing', async () => {
    const before = (await here().daemon.ledger()).length;
    const { page } = await tab(tokens.ana, desk);
    await page.goto('/policy');
    await page.getByLabel('Service').selectOption('shop-3');
    await page.getByLabel('Runbook').selectOption('fix-3');
    await page.getByRole('button', { name: 'Ask', exact: true }).click();
    await page.getByText('Decided by').waitFor();
    await page.getByText('needs a person').first().waitFor();
    const kinds = (await here().daemon.ledger()).slice(before).map(({ entry }) => entry.type);
    expect(kinds.filter((kind) => kind === 'plan' || kind === 'decision')).toEqual([]);
    await page.getByLabel('Parameters').fill('speed=9');
    await page.getByRole('button', { name: 'Ask', exact: true }).click();
    await page.getByText(/There is no plan:.*speed/).waitFor();
    await page.getByLabel('Parameters').fill('speed');
    await page.getByRole('button', { name: 'Ask', exact: true }).click();
    await page.getByText('Write parameters as name=value: speed').waitFor();
    await page.context().close();
  });
});

describe('news', () => {
  test('comes as it happens, and by asking again where there is no stream', async () => {
    const live = await tab(tokens.ana, desk);
    await live.page.getByText('live', { exact: true }).waitFor();
    const asking = await tab(tokens.viewer, desk);
    await asking.page.route('**/api/v1/events', (route) => route.fulfill({ status: 404, json: { detail: 'none' } }));
    await asking.page.reload();
    await asking.page.getByText('every 5 s').waitFor();
    here().target.setIll(3, true);
    for (const { page } of [live, asking]) {
      await page
        .getByRole('region', { name: 'Open incidents' })
        .getByText(/shop-3/)
        .first()
        .waitFor();
      expect(await page.title()).toMatch(/^\(\d+\) Now · Watchkeeper$/);
      expect(await page.locator('main img, main script').count()).toBe(0);
      await page.context().close();
    }
  });

  test('that cannot come is said, and what was known stays; it goes on when the daemon is back', async () => {
    const { page } = await tab(tokens.ana, desk);
    await page.route('**/api/**', (route) => route.abort());
    await page.goto('/services');
    await page.getByText('no connection').waitFor();
    await page.getByText('the daemon does not answer').first().waitFor();
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await page.getByText('live', { exact: true }).waitFor();
    await page.getByRole('heading', { name: 'shop-0' }).waitFor();
    await page.context().close();
  });
});

describe('a ledger that is not genuine', () => {
  const forge: readonly (readonly [what: string, path: string, change: (text: string) => string, words: RegExp])[] = [
    [
      'a root that nobody signed',
      '**/api/v1/ledger',
      (text) => text.replace(/\\n([A-Za-z0-9+/]{6})/, '\\nAAAAAA'),
      /Not genuine/,
    ],
    ['another key', '**/api/v1/ledger', (text) => text.replace(/(\+[0-9a-f]{8}\+)./, '$1B'), /Not genuine/],
    [
      'an entry that says something else',
      '**/api/v1/ledger/entries?**',
      (text) => text.replace('"actor":"watchkeeper"', '"actor":"somebody"'),
      /NOT GENUINE/,
    ],
    [
      'a payload that was not committed to',
      '**/api/v1/ledger/entries/*',
      (text) =>
        text.replace(
          /"payload":\{"data":"(..)/,
          (_all, two: string) => `"payload":{"data":"${two === 'ey' ? 'eX' : 'ey'}`,
        ),
      /NOT GENUINE/,
    ],
    [
      'a proof with a flipped hash',
      '**/api/v1/ledger/entries/*',
      (text) => text.replace(/"hashes":\["(.)/, (_all, one: string) => `"hashes":["${one === 'A' ? 'B' : 'A'}`),
      /NOT GENUINE/,
    ],
  ];
  test.each(forge)('is red and says why: %s', async (_what, path, change, words) => {
    const { page } = await tab(tokens.ana, desk);
    let changed = 0;
    await page.route(path, async (route) => {
      const response = await route.fetch();
      const text = await response.text();
      const forged = change(text);
      if (forged !== text) changed += 1;
      await route.fulfill({ response, body: forged });
    });
    await page.goto('/ledger');
    await page.getByText(words).first().waitFor();
    expect(changed).toBeGreaterThan(0);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await page.context().close();
  });

  test('is red when it has fewer entries than this browser saw before', async () => {
    const { page } = await tab(tokens.ana, desk);
    await page.goto('/ledger');
    await page.getByText('Signature verified by this browser').waitFor();
    await page.evaluate(`for (const key of Object.keys(localStorage)) {
      const seen = JSON.parse(localStorage.getItem(key));
      localStorage.setItem(key, JSON.stringify({ ...seen, size: seen.size + 1000 }));
    }`);
    await page.reload();
    await page.getByText('entries are gone').waitFor();
    await page.context().close();
  });
});
