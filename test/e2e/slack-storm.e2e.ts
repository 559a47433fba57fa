import { afterEach, expect, test } from 'vitest';

import type { IncidentBrief } from '../../src/agent/index.ts';
import type { Json } from '../../src/lib/json.ts';
import { startSlack, type SlackPost, type SlackServer } from '../support/slack-server.ts';
import { until } from './peers/peers.ts';
import { makeHome, startDaemon, type DaemonProcess } from './support/daemon.ts';
import { document } from './support/shop.ts';
import { startTarget, type Target } from './support/target.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

// Of so many services a fifth may fall ill and still be told apart: three in ten at once are a storm.
const many = 1_000;
const ill = 200;
// Of these each has a runbook that somebody must consent to; about the others nothing can be done.
const asked = 10;

interface Night {
  readonly slack: SlackServer;
  readonly target: Target;
  readonly daemon: DaemonProcess;
  /** Alertmanager's word about services, as one webhook each twenty. */
  readonly alert: (from: number, to: number, status: 'firing' | 'resolved') => Promise<void>;
}

async function night(services: number): Promise<Night> {
  const slack = await startSlack();
  cleanup.push(() => slack.close());
  const target = await startTarget(asked);
  cleanup.push(() => target.close());
  const home = makeHome();
  cleanup.push(() => home.remove());
  home.write('watchkeeper.yaml', {
    resources: { services: 'resources', inherit: [] },
    sources: [
      { id: 'web', kind: 'scrape', targets: [{ url: `${target.url}/metrics` }], interval: '1s', timeout: '5s' },
    ],
    channels: [
      { id: 'slack', kind: 'slack', botToken: { env: 'BOT' }, appToken: { env: 'APP' }, apiUrl: slack.apiUrl },
    ],
    defaults: { autonomy: 'act', escalate: 'oncall' },
    incidents: { grace: '2s', patience: '2s' },
  });
  const approval = { from: ['group:oncall'], need: 1, expires: '10m' };
  home.write(
    'resources/oncall.yaml',
    document('Escalation', 'oncall', {
      steps: [{ notify: ['slack:#oncall'], wait: '10m' }, { notify: ['slack:#lead'] }],
      approvers: { 'group:oncall': ['slack:U0ANA'] },
    }),
  );
  home.write(
    'resources/policy.yaml',
    document('Policy', 'ask', { allow: [{ actions: ['http.request'], autonomy: 'approve', approval }] }),
  );
  home.write('resources/external.yaml', document('Detector', 'external', { kind: 'external', clear: '2s' }));
  const all = Array.from({ length: services }, (_, at) => documentsOf(at, target)).flat();
  for (let at = 0; at < all.length; at += 100)
    home.write(
      `resources/shops-${at}.yaml`,
      all
        .slice(at, at + 100)
        .map((one) => JSON.stringify(one))
        .join('\n---\n'),
    );
  const environment = { BOT: 'xoxb-right', APP: 'xapp-right' };
  const daemon = await startDaemon(home, { environment, readyWithinMs: 60_000 });
  cleanup.push(() => daemon.kill());
  await slack.connected();
  return {
    ...{ slack, target, daemon },
    alert: async (from, to, status) => {
      for (let at = from; at < to; at += 20)
        expect(
          await daemon.ask('POST', '/api/v1/webhooks/alertmanager', webhook(at, Math.min(at + 20, to), status)),
        ).toMatchObject({
          status: 202,
        });
    },
  };
}

const nameOf = (at: number): string => `shop-${String(at).padStart(4, '0')}`;

function documentsOf(at: number, target: Target): readonly Json[] {
  if (at >= asked) return [document('Service', nameOf(at), { runsOn: [] })];
  const signal = `ill${at}`;
  const probe = { url: `${target.url}/done/${at}`, done: [200], notDone: [404] };
  return [
    document('Service', nameOf(at), {
      runsOn: [],
      telemetry: { [signal]: { source: 'web', metric: `shop_ill_${at}`, unit: 'ratio', nature: 'gauge' } },
    }),
    document('Detector', `ill-${at}`, {
      ...{ on: signal, kind: 'threshold', params: { above: 0.5 } },
      ...{ hold: '1s', clear: '1s', severity: 'critical' },
    }),
    document('Runbook', `fix-${at}`, {
      summary: 'Ask the service to mend itself',
      when: `incident.signals.exists(signal, signal == '${signal}')`,
      steps: [
        {
          id: 'fix',
          do: 'http.request',
          with: { host: target.host, url: `${target.url}/fix/${at}`, probe },
          timeout: '30s',
        },
      ],
      verify: [{ expect: `${signal} < 0.5`, within: '20s', for: '1s' }],
      onFail: ['escalate'],
      attempts: { per: 'target', max: 1, in: '1h' },
    }),
  ];
}

// Alertmanager's webhook, version 4.
function webhook(from: number, to: number, status: 'firing' | 'resolved'): Json {
  const alerts = Array.from({ length: to - from }, (_, n) => ({
    status,
    labels: { alertname: 'ShopDown', service: nameOf(from + n), severity: 'critical' },
    annotations: { summary: 'nobody can buy anything' },
    startsAt: new Date(Date.now() - 60_000).toISOString(),
    endsAt: status === 'resolved' ? new Date().toISOString() : '0001-01-01T00:00:00Z',
    fingerprint: `f${from + n}`,
  }));
  return {
    ...{ version: '4', groupKey: `{}:{n="${from}"}`, status, receiver: 'watchkeeper', truncatedAlerts: 0 },
    ...{ groupLabels: {}, commonLabels: {}, commonAnnotations: {}, externalURL: 'http://alertmanager' },
    alerts,
  };
}

const shownIn = (posts: readonly SlackPost[]): string =>
  JSON.stringify(posts.map(({ text, blocks }) => [text, blocks]));
const open = (incidents: readonly IncidentBrief[]): readonly IncidentBrief[] =>
  incidents.filter(({ status }) => status !== 'resolved');

/** Every notice for which people were called, with the deliveries that Slack accepted of it and how often it failed. */
async function calls(daemon: DaemonProcess): Promise<ReadonlyMap<string, { accepted: number; failed: number }>> {
  const told = new Map<string, { accepted: number; failed: number }>();
  for (const { entry } of await daemon.ledger()) {
    const { notice, outcome } = entry.body as { readonly notice?: string; readonly outcome?: string };
    if (notice === undefined) continue;
    const known = told.get(notice) ?? { accepted: 0, failed: 0 };
    if (entry.type === 'escalation') told.set(notice, known);
    if (entry.type === 'delivery' && outcome === 'accepted')
      told.set(notice, { ...known, accepted: known.accepted + 1 });
    if (entry.type === 'delivery' && outcome === 'failed') told.set(notice, { ...known, failed: known.failed + 1 });
  }
  return told;
}

async function untilAllAreTold(daemon: DaemonProcess, least: number): Promise<void> {
  await until(
    'every call reached somebody',
    async () => {
      const all = [...(await calls(daemon)).values()];
      return all.length >= least && all.every(({ accepted }) => accepted > 0);
    },
    120_000,
  );
}

test('two hundred separate incidents in a minute: few messages, each escalation told once, nothing refused for its pace', async () => {
  const { slack, target, daemon, alert } = await night(many);
  const beganMs = performance.now();
  for (let at = 0; at < asked; at++) target.setIll(at, true);
  await alert(asked, ill, 'firing');
  await until('there are two hundred incidents', async () => (await daemon.incidents()).length >= ill, 60_000);
  expect(performance.now() - beganMs).toBeLessThan(60_000);
  const incidents = await daemon.incidents();
  expect(incidents).toHaveLength(ill);
  expect(incidents.filter(({ storm }) => storm)).toEqual([]);
  await untilAllAreTold(daemon, ill);

  // Who reads the channel finds every service that is ill by its name, and every question as a card of its own.
  const told = shownIn(slack.posts);
  for (let at = 0; at < ill; at++) expect(told).toContain(nameOf(at));
  const cards = (): readonly SlackPost[] =>
    slack.posts.filter(({ blocks }) => JSON.stringify(blocks).includes('watchkeeper.approve'));
  await until('every question is on a card', () => cards().length === asked, 60_000);
  // Nobody was called past the first rung, nothing was told twice, and Slack had no reason to refuse anything.
  expect(slack.posts.filter(({ channel }) => channel !== 'CONCALL')).toEqual([]);
  expect([...(await calls(daemon)).values()].filter(({ accepted, failed }) => accepted !== 1 || failed > 0)).toEqual(
    [],
  );
  expect(slack.refusedForPace).toBe(0);
  // One message a second is what Slack takes: two hundred would be three minutes of them, and nobody would read one.
  expect(slack.posts.length).toBeLessThan(40);

  // One press on one of the cards still does what it says, and the end of all is as short as the beginning.
  const before = slack.posts.length;
  await alert(asked, ill, 'resolved');
  for (let at = 0; at < asked; at++) target.setIll(at, false);
  await until('all is over', async () => open(await daemon.incidents()).length === 0, 90_000);
  await untilAllAreTold(daemon, 2 * ill);
  expect(slack.posts.length - before).toBeLessThan(40);
  expect(slack.refusedForPace).toBe(0);
  expect(await daemon.stop()).toMatchObject({ code: 0 });
}, 400_000);

test('while Slack answers 429, nothing is hammered, nothing is lost, and nothing is told twice', async () => {
  const { slack, daemon, alert } = await night(many);
  const askedMs: number[] = [];
  let banned = true;
  slack.fault = (method) => {
    if (!banned || !method.startsWith('chat.')) return undefined;
    askedMs.push(performance.now());
    return { status: 429, retryAfter: 5 };
  };
  await alert(asked, ill, 'firing');
  await until('there are all the incidents', async () => (await daemon.incidents()).length >= ill - asked, 60_000);
  const beganMs = performance.now();
  await until('half a minute has passed', () => performance.now() - beganMs > 30_000, 60_000);
  banned = false;
  // Asked again no sooner than Slack said, by one conversation: two rungs are two conversations.
  expect(askedMs.length).toBeLessThan(20);
  await untilAllAreTold(daemon, ill - asked);
  const told = shownIn(slack.posts);
  for (let at = asked; at < ill; at++) expect(told).toContain(nameOf(at));
  expect(slack.posts.length).toBeLessThan(40);
  expect([...(await calls(daemon)).values()].filter(({ accepted }) => accepted !== 1)).toEqual([]);
}, 400_000);

test('two hundred of three hundred services at once are one storm: one incident, one card', async () => {
  const { slack, daemon, alert } = await night(300);
  await alert(asked, ill, 'firing');
  await until('the storm is told', () => slack.posts.length > 0, 60_000);
  await untilAllAreTold(daemon, 1);
  const incidents = open(await daemon.incidents());
  expect(incidents).toHaveLength(1);
  expect(incidents[0]).toMatchObject({ storm: true });
  expect(slack.posts.filter(({ threadTs }) => threadTs === undefined)).toHaveLength(1);
  expect(slack.posts.length).toBeLessThan(6);
  expect(slack.refusedForPace).toBe(0);
}, 400_000);
