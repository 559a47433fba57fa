import { readlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';

import { click, signed, startSlack, type SlackPost, type SlackServer } from '../support/slack-server.ts';
import { until } from './peers/peers.ts';
import { startDaemon, type DaemonProcess } from './support/daemon.ts';
import { document, openShop, type Shop } from './support/shop.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

interface Night {
  readonly slack: SlackServer;
  readonly shop: Shop;
  readonly start: () => Promise<DaemonProcess>;
}

/** A shop whose release is ill, and a policy under which only people in Slack may let it be rolled back. */
async function night(hearing: object = { appToken: { env: 'APP' } }): Promise<Night> {
  const slack = await startSlack();
  cleanup.push(() => slack.close());
  const channel = {
    id: 'slack',
    kind: 'slack',
    botToken: { env: 'BOT' },
    ...hearing,
    apiUrl: slack.apiUrl,
  };
  const shop = await openShop(
    { v3: 'ill' },
    { channels: [channel], defaults: { autonomy: 'act', escalate: 'oncall' } },
  );
  cleanup.push(() => shop.stop());
  const approval = { from: ['group:oncall'], need: 1, expires: '10m' };
  const allow = [{ actions: ['host.release-rollback'], autonomy: 'approve', approval }];
  shop.home.write('resources/policy.yaml', document('Policy', 'act', { allow }));
  shop.home.write(
    'resources/escalation.yaml',
    document('Escalation', 'oncall', {
      steps: [{ notify: ['slack:#oncall'], wait: '5m' }],
      approvers: { 'group:oncall': ['slack:U0ANA'] },
    }),
  );
  const start = async (): Promise<DaemonProcess> => {
    const daemon = await startDaemon(shop.home, {
      environment: { BOT: 'xoxb-right', APP: 'xapp-right', SIGNING: 'signing-secret' },
    });
    cleanup.push(() => daemon.kill());
    return daemon;
  };
  return { slack, shop, start };
}

const current = (shop: Shop): string => path.basename(readlinkSync(path.join(shop.host.folder, 'current')));

function buttonOf(post: SlackPost | undefined): string {
  const actions = post?.blocks.find((block) => block['type'] === 'actions');
  const elements = (actions?.['elements'] ?? []) as { action_id: string; value: string }[];
  return elements.find((element) => element.action_id === 'watchkeeper.approve')?.value ?? '';
}

function pictureOf(slack: SlackServer, post: SlackPost): Buffer | undefined {
  const image = post.blocks.find(({ type }) => type === 'image') as { slack_file?: { id?: string } } | undefined;
  return slack.files.find(({ id }) => id === image?.slack_file?.id)?.bytes;
}

async function asked(slack: SlackServer): Promise<{ readonly root: SlackPost; readonly plan: string }> {
  await until(
    'the card with its buttons is in the channel',
    () => slack.posts.some((post) => buttonOf(post) !== ''),
    40_000,
  );
  const root = slack.posts.find((post) => buttonOf(post) !== '')!;
  return { root, plan: buttonOf(root) };
}

test('one tap in Slack settles it: approved, rolled back, verified, and told below the one card', async () => {
  const { slack, shop, start } = await night();
  const daemon = await start();
  const { root, plan } = await asked(slack);
  await slack.connected();

  slack.send('interactive', click(root, 'watchkeeper.approve', plan, 'U0EVE'));
  await until('the stranger is refused', () =>
    slack.whispers.some(({ text }) => text.includes('not among those asked')),
  );
  slack.send('interactive', click(root, 'watchkeeper.approve', plan, 'U0ANA', 'T0EVIL'));
  await until('the other workspace is refused', () => slack.whispers.some(({ text }) => text.includes('workspace')));
  slack.send('interactive', click(root, 'watchkeeper.approve', `0000${plan.slice(4)}`));
  await until('a plan nobody made is refused', () => slack.whispers.some(({ text }) => text.includes('nothing waits')));
  expect(current(shop)).toBe('v3');

  await until('the chart is on the card', () => pictureOf(slack, root)?.subarray(1, 4).toString() === 'PNG');

  slack.send('interactive', click(root, 'watchkeeper.approve', plan));
  await until('the release is rolled back', () => current(shop) === 'v2', 30_000);
  await until('the end is told', () => slack.posts.some(({ text }) => text.includes('Resolved')), 60_000);
  slack.send('interactive', click(root, 'watchkeeper.approve', plan));
  await until('a late second click is refused', () =>
    slack.whispers.some(({ text }) => text.includes('already settled')),
  );
  expect(slack.posts.filter((post) => post.threadTs === undefined)).toHaveLength(1);
  await until('the card shows how it went', () => pictureOf(slack, root) !== undefined);
  const entries = (await daemon.ask('GET', '/api/v1/ledger/entries?from=0&limit=500')).body;
  expect(entries).toContain('slack:U0ANA');
  expect(entries).toContain('approval-refused');
});

test('a daemon killed while it waits asks again below the same card, and the old buttons no longer count', async () => {
  const { slack, shop, start } = await night();
  const first = await start();
  const before = await asked(slack);
  // Until it is on record that the card is there, a daemon that starts anew does not know of it, and posts another.
  await until('the delivery is on record', async () =>
    (await first.ledger()).some(({ entry }) => entry.type === 'delivery'),
  );
  await first.kill();
  slack.cut();
  const second = await start();
  await until('it is asked anew', () => buttonOf(before.root) !== '' && buttonOf(before.root) !== before.plan, 60_000);
  await slack.connected();
  slack.send('interactive', click(before.root, 'watchkeeper.approve', before.plan));
  await until('the old consent is refused', () => slack.whispers.length > 0);
  expect(current(shop)).toBe('v3');
  slack.send('interactive', click(before.root, 'watchkeeper.approve', buttonOf(before.root)));
  await until('the release is rolled back', () => current(shop) === 'v2', 30_000);
  expect(slack.posts.filter((post) => post.threadTs === undefined)).toHaveLength(1);
  expect((await second.status()).approvals.filter(({ status }) => status === 'waiting')).toEqual([]);
});

test('in HTTP mode a signed press settles it, a forged one does not, and both are in the ledger', async () => {
  const { slack, shop, start } = await night({ signingSecret: { env: 'SIGNING' } });
  const daemon = await start();
  const { root, plan } = await asked(slack);
  const press = new URLSearchParams({ payload: JSON.stringify(click(root, 'watchkeeper.approve', plan)) }).toString();
  const send = async (secret: string): Promise<number> => {
    const { headers, body } = signed(secret, Date.now(), press);
    return (await fetch(`${daemon.url}/hooks/slack`, { method: 'POST', headers, body })).status;
  };
  expect(await send('guessed')).toBe(401);
  expect((await fetch(`${daemon.url}/hooks/slack?${press}`)).status).toBe(404);
  expect(current(shop)).toBe('v3');
  expect(await send('signing-secret')).toBe(200);
  await until('the release is rolled back', () => current(shop) === 'v2', 30_000);
  const entries = (await daemon.ask('GET', '/api/v1/ledger/entries?from=0&limit=500')).body;
  expect(entries).toContain('request-refused');
  expect(entries).toContain('slack:U0ANA');
});

test('an answer by command line takes the buttons off the card', async () => {
  const { slack, shop, start } = await night();
  shop.home.write(
    'resources/escalation.yaml',
    document('Escalation', 'oncall', {
      steps: [{ notify: ['slack:#oncall'], wait: '5m' }],
      approvers: { 'group:oncall': ['slack:U0ANA', `cli:${os.userInfo().username}`] },
    }),
  );
  const daemon = await start();
  const { root, plan } = await asked(slack);
  const answer = await daemon.ask('POST', `/api/v1/approvals/${plan}`, { verdict: 'deny' });
  expect(answer.status).toBe(200);
  await until('the card says who denied it', () => JSON.stringify(root.blocks).includes('Denied by'));
  expect(buttonOf(root)).toBe('');
});
