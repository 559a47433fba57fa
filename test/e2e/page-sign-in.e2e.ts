import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { signInProvider, type SignInProvider } from '../support/sign-in-provider.ts';
import { freePort } from './peers/peers.ts';
import { openBrowser, openTab } from './support/browser.ts';
import { makeHome, startDaemon, type DaemonProcess } from './support/daemon.ts';

// A real OpenID Connect provider, a real daemon, and chromium going from one to the other and back.
const home = makeHome();
let provider: SignInProvider | undefined;
let daemon: DaemonProcess | undefined;
let browser: Browser | undefined;
let url = '';

beforeAll(async () => {
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  provider = await signInProvider(['sre'], url);
  home.write('client-secret', 'a-secret-of-the-test-that-is-long-enough');
  home.write('watchkeeper.yaml', {
    resources: { inherit: [] },
    http: {
      listen: `127.0.0.1:${port}`,
      publicUrl: url,
      oidc: {
        issuer: provider.issuer,
        audience: 'urn:watchkeeper',
        roles: [{ group: 'sre', role: 'operator' }],
        login: { clientId: 'page', clientSecret: { file: `${home.folder}/client-secret` }, scopes: ['openid'] },
      },
    },
  });
  daemon = await startDaemon(home, { environment: { WATCHKEEPER_HTTP_LISTEN: `127.0.0.1:${port}` } });
  browser = await openBrowser();
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await daemon?.kill();
  await provider?.down();
  home.remove();
});

test('somebody signs in with the provider, acts under that name, and signs out for every tab', async () => {
  const { page } = await openTab(browser!, url);
  await page.goto('/');
  await page.getByRole('link', { name: 'Sign in with your organisation' }).click();
  await page.locator('input[name=login]').fill('ana');
  await page.locator('input[name=password]').fill('x');
  await page.locator('button[type=submit]').click();
  await page.locator('button[type=submit]').click();
  await page.getByRole('heading', { name: 'Now', level: 1 }).waitFor();
  expect(new URL(page.url()).href).toBe(`${url}/`);
  // The session is a cookie that no script can read.
  expect(await page.evaluate<string>('document.cookie + JSON.stringify({ ...sessionStorage })')).toBe('{}');

  await page.getByRole('button', { name: 'Pause all' }).click();
  await page
    .getByRole('dialog')
    .getByLabel(/Reason/)
    .fill('seen on the page');
  await page.getByRole('dialog').getByRole('button', { name: 'Pause all' }).click();
  await page.getByText('It watches and tells').waitFor();
  expect((await daemon!.status()).paused).toMatchObject({ by: 'oidc:ana', reason: 'seen on the page' });

  const other = await page.context().newPage();
  await other.goto('/ledger');
  await other.getByText('Signature verified by this browser').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('link', { name: 'Sign in with your organisation' }).waitFor();
  await other.reload();
  await other.getByRole('link', { name: 'Sign in with your organisation' }).waitFor();
});
