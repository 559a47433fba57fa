import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { channelKinds } from '../../src/chat/index.ts';
import type { Channel, InboundRequest, Notice } from '../../src/domain/ports/channel.ts';
import { channelContract, type ChannelWorld } from '../contract/channel.ts';
import { httpWorld, type Respond } from '../support/http-world.ts';
import { listeningEar } from '../support/listening-ear.ts';
import { startPaging, type PagingServer } from '../support/paging-server.ts';
import { realReader } from '../support/real-reader.ts';
import { consentNeeded } from './notices.ts';

const never = new AbortController().signal;
let peer: PagingServer;
beforeEach(async () => {
  peer = await startPaging('right-key');
});
afterEach(() => peer.close());

function open(kind: string, config: object, io = realReader(secrets())): Channel {
  const opened = channelKinds(() => undefined)[kind]?.open(kind, config as never, io);
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  return opened.value;
}

function secrets(): Readonly<Record<string, string>> {
  return { KEY: 'right-key', WRONG: 'wrong-key', FLOW: `${peer.url}/workflows/s3cret?sig=abc`, NOURL: 'abc' };
}

function pagerduty(key = 'KEY'): Channel {
  return open('pagerduty', { services: { payments: { env: key } }, url: peer.url });
}

function notice(kind: Notice['kind'], more: Partial<Notice> = {}): Notice {
  return { ...consentNeeded, id: `inc-7/${kind}`, kind, ...more };
}

function scripted(kind: string, config: object, respond: Respond): ChannelWorld {
  const world = httpWorld(respond, { KEY: 'right-key', FLOW: 'https://flows.example.com/x' });
  const received = () =>
    world.requests.map(({ body }) => JSON.stringify(JSON.parse(String(body)), undefined, 1).replace(/\\n/g, '\n'));
  return { channel: open(kind, config, world.io), advance: (ms) => world.clock.advance(ms), received };
}

const configs: readonly (readonly [string, object])[] = [
  ['pagerduty', { services: { '': undefined, payments: { env: 'KEY' } } }],
  ['teams', { conversations: { payments: { env: 'FLOW' } } }],
];
for (const [kind, config] of configs) {
  const world = (respond: Respond): ChannelWorld => {
    const made = scripted(kind, JSON.parse(JSON.stringify(config)) as object, respond);
    // The contract posts to no address; these channels have named ones only.
    const channel: Channel = {
      ...made.channel,
      post: (told, _address, signal) => made.channel.post(told, 'payments', signal),
    };
    return { ...made, channel };
  };
  channelContract(kind, {
    well: () => world(() => ({ status: 202 })),
    ill: {
      unreachable: () => world(() => 'refuse'),
      refused: () => world(() => ({ status: 400 })),
      hanging: () => world(() => 'hang'),
    },
  });
}

describe('pagerduty', () => {
  it('has one incident for one of ours: triggered, told again, resolved', async () => {
    const channel = pagerduty();
    for (const kind of ['opened', 'approval-needed', 'nothing-matched'] as const)
      expect(await channel.post(notice(kind), 'payments', never)).toMatchObject({ is: 'accepted' });
    expect([...peer.incidents]).toEqual([['inc-7', { status: 'triggered', triggers: 3 }]]);
    expect(await channel.post(notice('resolved'), 'payments', never)).toMatchObject({ is: 'accepted' });
    expect(peer.incidents.get('inc-7')?.status).toBe('resolved');
  });

  it('pages nobody for our own acts: they are changes', async () => {
    await pagerduty().post(notice('acted'), 'payments', never);
    expect(peer.incidents.size).toBe(0);
    expect(peer.changes).toMatchObject([{ summary: expect.stringContaining('Acted') as string }]);
  });

  it('says what cannot be: an address that is not configured, a key that is refused, a secret that is not there', async () => {
    expect(await pagerduty().post(notice('opened'), 'shipping', never)).toMatchObject({
      is: 'failed',
      retryable: false,
    });
    expect(await pagerduty('WRONG').post(notice('opened'), 'payments', never)).toMatchObject({
      is: 'failed',
      reason: expect.stringContaining('400') as string,
    });
    expect(await pagerduty('GONE').post(notice('opened'), 'payments', never)).toMatchObject({ is: 'failed' });
    await expect(pagerduty('GONE').check(never)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('is tried again when PagerDuty is busy, and stays within its sizes whatever the text', async () => {
    peer.faults.push(429, 503);
    const lines = Array.from({ length: 2_000 }, () => 'x'.repeat(1_000));
    expect(
      await pagerduty().post(notice('opened', { title: 'y'.repeat(5_000), lines }), 'payments', never),
    ).toMatchObject({ is: 'accepted' });
    expect(peer.received).toHaveLength(3);
  });
});

describe('teams', () => {
  it('gets one adaptive card, within its size whatever the text, in which nothing from outside is markdown', async () => {
    const channel = open('teams', { conversations: { leads: { env: 'FLOW' } } });
    const lines = Array.from({ length: 2_000 }, () => '[click](https://evil) '.repeat(50));
    expect(await channel.post(notice('opened', { lines }), 'leads', never)).toMatchObject({ is: 'accepted' });
    expect(JSON.stringify(peer.received[0]?.body)).not.toContain('"TextBlock"');
  });

  it('never names the workflow’s URL, not even when it fails', async () => {
    peer.faults.push(404);
    const channel = open('teams', { conversations: { leads: { env: 'FLOW' } } });
    const refused = await channel.post(notice('opened'), 'leads', never);
    await peer.close();
    const gone = await channel.post(notice('opened'), 'leads', never);
    for (const delivery of [refused, gone]) {
      expect(delivery).toMatchObject({
        is: 'failed',
        reason: expect.stringContaining('the workflow of leads') as string,
      });
      expect(JSON.stringify(delivery)).not.toContain('s3cret');
    }
  });

  it('refuses a secret that is no URL', async () => {
    const channel = open('teams', { conversations: { leads: { env: 'NOURL' } } });
    await expect(channel.check(never)).rejects.toMatchObject({ code: 'config-invalid' });
  });
});

describe('what PagerDuty tells us', () => {
  const secret = 'webhook-secret';
  const atMs = Date.parse('2026-11-28T03:00:00Z');
  const event = (type: string, more: object = {}, data: object = {}): string =>
    JSON.stringify({
      event: {
        id: 'E1',
        event_type: type,
        resource_type: 'incident',
        occurred_at: new Date(atMs).toISOString(),
        agent: { id: 'PANA123', type: 'user_reference' },
        data: { id: 'PINC1', type: 'incident', incident_key: 'inc-7', ...data },
        ...more,
      },
    });
  const signed = (body: string, under = secret) => ({
    headers: {
      'x-pagerduty-signature': `v1=${'0'.repeat(64)},v1=${createHmac('sha256', under).update(body).digest('hex')}`,
    },
    body: new TextEncoder().encode(body),
  });
  const opened = (respond: Respond = () => 'refuse', more: object = {}) => {
    const world = httpWorld(respond, { KEY: 'right-key', HOOK: secret, REST: 'rest-token' });
    const clock = { ...world.io.clock, nowMs: () => atMs + 60_000 };
    const config = { services: { payments: { env: 'KEY' } }, webhookSecret: { env: 'HOOK' }, ...more };
    return { world, channel: open('pagerduty', config, { ...world.io, clock }) };
  };

  it.each([
    ['incident.acknowledged', 'pagerduty:PANA123: ack inc-7 acknowledged in PagerDuty'],
    ['incident.resolved', 'pagerduty:PANA123: ack inc-7 resolved in PagerDuty'],
  ])('%s is that somebody has it, under the name of who said so', async (type, command) => {
    const { ear, commands, refused } = listeningEar();
    expect(await opened().channel.receive?.(signed(event(type)), ear, never)).toMatchObject({ status: 202 });
    expect(commands).toEqual([command]);
    expect(refused).toEqual([]);
  });

  it('is asked about where it does not name our incident', async () => {
    const { ear, commands } = listeningEar();
    const { world, channel } = opened(() => JSON.stringify({ alerts: [{ alert_key: 'inc-9' }] }), {
      apiToken: { env: 'REST' },
    });
    await channel.receive?.(signed(event('incident.acknowledged', {}, { incident_key: null })), ear, never);
    expect(commands).toEqual(['pagerduty:PANA123: ack inc-9 acknowledged in PagerDuty']);
    expect(world.requests[0]?.url).toBe('https://api.pagerduty.com/incidents/PINC1/alerts?limit=1');
    expect(world.requests[0]?.headers?.['authorization']).toBe('Token token=rest-token');
  });

  it.each<[string, (body: string) => InboundRequest]>([
    ['is not signed', (body) => ({ ...signed(body), headers: {} })],
    ['is signed under another secret', (body) => signed(body, 'other')],
    ['is signed under no secret', (body) => signed(body, '')],
    ['was changed on its way', (body) => ({ ...signed(body), body: new TextEncoder().encode(`${body} `) })],
    ['is of another day', () => signed(event('incident.acknowledged', { occurred_at: '2026-11-27T03:00:00Z' }))],
    ['says no time', () => signed(event('incident.acknowledged', { occurred_at: 7 }))],
  ])('does nothing when it %s, and that is in the ledger', async (_how, request) => {
    const { ear, commands, refused } = listeningEar();
    await opened().channel.receive?.(request(event('incident.acknowledged')), ear, never);
    expect(commands).toEqual([]);
    expect(refused).toHaveLength(1);
  });

  it('counts once, however often it is sent', async () => {
    const { ear, commands, refused } = listeningEar();
    const { channel } = opened();
    for (let n = 0; n < 3; n++) await channel.receive?.(signed(event('incident.acknowledged')), ear, never);
    expect(commands).toHaveLength(1);
    expect(refused).toHaveLength(2);
  });

  it.each([
    ['another kind of event', event('incident.annotated')],
    [
      'our own event resolved it',
      event('incident.resolved', { agent: { id: 'P1', type: 'inbound_integration_reference' } }),
    ],
    ['no incident', event('incident.acknowledged', { data: {} })],
    ['no JSON', 'nonsense'],
    ['a key that is more than a key', event('incident.acknowledged', {}, { incident_key: 'inc-7 approve everything' })],
  ])('does nothing when it is %s', async (_what, body) => {
    const { ear, commands } = listeningEar();
    expect(await opened().channel.receive?.(signed(body), ear, never)).toMatchObject({ status: 202 });
    expect(commands).toEqual([]);
  });
});
