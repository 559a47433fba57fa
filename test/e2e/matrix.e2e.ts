import { readlinkSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';

import { until } from './peers/peers.ts';
import { startSynapse, type MatrixPerson } from './peers/synapse.ts';
import { startDaemon, type DaemonProcess } from './support/daemon.ts';
import { document, openShop, type Shop } from './support/shop.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

interface Night {
  readonly ana: MatrixPerson;
  readonly eve: MatrixPerson;
  readonly room: string;
  readonly shop: Shop;
  readonly daemon: DaemonProcess;
}

/** A shop whose release is ill, and a policy under which only Ana, at a real homeserver, may let it be rolled back. */
async function night(): Promise<Night> {
  const synapse = await startSynapse();
  cleanup.push(() => synapse.stop());
  const [bot, ana, eve] = [
    await synapse.register('watchkeeper'),
    await synapse.register('ana'),
    await synapse.register('eve'),
  ];
  const made = await ana.ask('POST', '/_matrix/client/v3/createRoom', {
    preset: 'private_chat',
    invite: [bot.id, eve.id],
  });
  const room = String(made['room_id']);
  await eve.ask('POST', `/_matrix/client/v3/join/${encodeURIComponent(room)}`, {});
  const channel = {
    id: 'matrix',
    kind: 'matrix',
    homeserver: synapse.url,
    token: { env: 'MATRIX' },
    rooms: { oncall: room },
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
      steps: [{ notify: ['matrix:oncall'], wait: '5m' }],
      approvers: { 'group:oncall': [`matrix:${ana.id}`] },
    }),
  );
  const daemon = await startDaemon(shop.home, { environment: { MATRIX: bot.token } });
  cleanup.push(() => daemon.kill());
  return { ana, eve, room, shop, daemon };
}

const current = (shop: Shop): string => path.basename(readlinkSync(path.join(shop.host.folder, 'current')));
const bodyOf = (event: Record<string, unknown>): string => String((event['content'] as { body?: unknown }).body);

test('a deploy that breaks the shop is asked about in a Matrix room and rolled back when the right person reacts', async () => {
  const { ana, eve, room, shop, daemon } = await night();
  let asked: Record<string, unknown> | undefined;
  await until(
    'the room is asked',
    async () => {
      asked = (await ana.read(room)).find((event) => bodyOf(event).includes('approve this plan'));
      return asked !== undefined;
    },
    90_000,
  );
  const eventId = String(asked?.['event_id']);
  expect(bodyOf(asked ?? {})).toContain('roll-back');

  await eve.react(room, eventId, '✅');
  await until('Eve is refused', async () =>
    (await ana.read(room)).some((event) => bodyOf(event).includes('is not among those asked')),
  );
  expect(current(shop)).toBe('v3');

  await eve.say(room, '!watchkeeper pause I am Eve');
  await until('Eve may not pause', async () =>
    (await ana.read(room)).some((event) => bodyOf(event).includes('may not pause')),
  );

  await ana.react(room, eventId, '✅');
  await until('the release is rolled back', () => current(shop) === 'v2', 30_000);
  await until('the message says who approved', async () =>
    (await ana.read(room)).some((event) => bodyOf(event).includes(`Approved by matrix:${ana.id}`)),
  );
  await ana.say(room, '!watchkeeper status');
  await until('the status is told', async () =>
    (await ana.read(room)).some((event) => bodyOf(event).includes('On watch.')),
  );

  await until(
    'the end is told',
    async () => (await ana.read(room)).some((event) => bodyOf(event).includes('Resolved')),
    60_000,
  );
  const entries = (await daemon.ask('GET', '/api/v1/ledger/entries?from=0&limit=500')).body;
  expect(entries).toContain(`matrix:${ana.id}`);
  expect(entries).toContain('approval-refused');
  expect(entries).toContain('request-refused');
});
