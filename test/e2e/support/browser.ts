import { execFileSync } from 'node:child_process';
import path from 'node:path';

import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const program = '/usr/bin/chromium';

/** Debian's chromium, with a profile of its own that is gone with it, and nothing that calls home. */
export async function openBrowser(): Promise<Browser> {
  execFileSync('bash', [path.join(import.meta.dirname, '../peers/chromium.sh')], { stdio: 'inherit' });
  return chromium.launch({
    executablePath: program,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A tab in a context of its own, signed in as whoever has the token, with what it asked for and what went wrong in it. */
export async function openTab(
  browser: Browser,
  url: string,
  options: BrowserContextOptions & { readonly token?: string } = {},
): Promise<{ readonly page: Page; readonly asked: readonly string[]; readonly complaints: readonly string[] }> {
  const { token, ...rest } = options;
  const context = await browser.newContext({ baseURL: url, ...rest });
  const page = await context.newPage();
  const [asked, complaints]: [string[], string[]] = [[], []];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // A refused request is told by the page itself; everything else that reaches the console is a fault.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text());
  });
  if (token !== undefined) {
    await page.goto('/');
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }
  return { page, asked, complaints };
}
