// Takes the pictures of docs/page.md: `node scripts/screenshots.mjs [FOLDER]` (default: docs/images), after npm run build. The
// shop of the demo under real load, a healthy deploy, one that is rolled back, one in a freeze that waits for a person: about
// two minutes. Needs Debian's chromium (test/e2e/peers/chromium.sh). Pictures are WebP, at most 150 KB each.
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { openBrowser, openTab } from '../test/e2e/support/browser.ts';
import { openWorld } from '../test/e2e/support/stage.ts';
import { deployBroken, deployFrozen, deployHealthy, settleIn } from '../test/e2e/support/story.ts';

const folder = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, '..', 'docs', 'images'));
const mostBytes = 150_000;
const desk = { width: 1280, height: 860 };
const phone = { width: 390, height: 844 };

const world = await openWorld();
const browser = await openBrowser();
try {
  mkdirSync(folder, { recursive: true });
  await settleIn(world);
  await deployHealthy(world);
  const broken = `/incidents/${(await deployBroken(world)).incident.id}`;
  const frozen = `/incidents/${(await deployFrozen(world)).incident.id}`;
  // A little more of what is wrong, so that the charts show it.
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const shots = [
    ['now', '/', 'light', desk, 'Services at a glance'],
    ['incident', frozen, 'light', { ...desk, height: 1500 }, 'expected'],
    ['incident-acted', broken, 'dark', { ...desk, height: 1500 }, 'Why it acted'],
    ['incidents', '/incidents', 'light', desk, 'All that are kept'],
    ['approvals', '/approvals', 'dark', desk, 'Why it asks:'],
    ['service', '/services/checkout', 'dark', { ...desk, height: 1100 }, 'Track record'],
    ['services', '/services', 'light', desk, 'Name, team or state'],
    ['policy', '/policy', 'light', desk, 'Would this be allowed now?'],
    ['ledger', '/ledger', 'light', desk, 'Signature verified by this browser'],
    ['ledger-entry', '/ledger/0', 'dark', { ...desk, height: 1100 }, 'Verified by this browser'],
    ['phone-now', '/', 'dark', phone, 'Open incidents'],
    ['phone-incident', frozen, 'dark', phone, 'Your answer is wanted'],
  ];
  for (const [name, where, colorScheme, viewport, words] of shots) {
    const { page } = await openTab(browser, world.url, { token: world.token, colorScheme, viewport });
    await page.getByRole('heading', { name: 'Now', level: 1 }).waitFor();
    await page.goto(where);
    if (name === 'policy') await ask(page);
    await shown(page, words);
    if (name === 'ledger') await page.getByText('verifying').first().waitFor({ state: 'detached' });
    await take(page, name);
    if (name === 'phone-incident') {
      await page.getByRole('button', { name: /^Approve plan/ }).click();
      await take(page, 'phone-approve');
    }
    await page.context().close();
  }
  const { page } = await openTab(browser, world.url, { colorScheme: 'light', viewport: desk });
  await page.goto('/');
  await page.getByLabel('Token').waitFor();
  await take(page, 'sign-in');
} finally {
  await browser.close();
  await world.close();
}

async function ask(page) {
  await page.getByLabel('Service').selectOption('checkout');
  await page.getByLabel('Runbook').selectOption('roll-back-bad-deploy');
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  await page.getByText('Decided by').waitFor();
}

async function shown(page, words) {
  await page.getByText(words).or(page.getByLabel(words)).first().waitFor();
  // Charts are drawn once their library is there.
  await page.waitForTimeout(1_200);
}

async function take(page, name) {
  const session = await page.context().newCDPSession(page);
  const file = path.join(folder, `${name}.webp`);
  for (const quality of [85, 75, 60, 45]) {
    const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality });
    writeFileSync(file, Buffer.from(data, 'base64'));
    if (statSync(file).size <= mostBytes) break;
  }
  process.stdout.write(`${file} ${statSync(file).size}\n`);
}
