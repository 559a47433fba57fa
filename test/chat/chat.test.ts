import { describe, expect, test } from 'vitest';

import { channelKinds, parseEscalation, renderNotice } from '../../src/chat/index.ts';
import { verify } from '../../src/chat/webhook/signature.ts';
import { parseAlertmanagerWebhook } from '../../src/sources/alertmanager/index.ts';
import { apiVersion, type ResourceDocument } from '../../src/domain/document.ts';
import type { Channel } from '../../src/domain/ports/channel.ts';
import type { Json } from '../../src/lib/json.ts';
import { channelContract, type ChannelWorld } from '../contract/channel.ts';
import { httpWorld, type Respond } from '../support/http-world.ts';
import { consentNeeded } from './notices.ts';

const never = new AbortController().signal;

function open(kind: string, respond: Respond, config: Json = {}) {
  const written: string[] = [];
  const world = httpWorld(respond, { HOOK: 'shared secret' });
  const opened = channelKinds((text) => void written.push(text))[kind]?.open('c', config, world.io);
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  return { world, written, channel: opened.value };
}

const ok: Respond = () => ({ status: 202 });
const hook = (respond: Respond, config: object = {}) =>
  open('webhook', respond, { url: 'https://hooks.example.com/in', ...config });

function httpContract(respond: Respond): ChannelWorld {
  const { world, channel } = hook(respond);
  const received = () => world.requests.map(({ body }) => (JSON.parse(String(body)) as { text: string }).text);
  return { channel, advance: (ms) => world.clock.advance(ms), received };
}

channelContract('webhook', {
  well: () => httpContract(ok),
  ill: {
    unreachable: () => httpContract(() => 'refuse'),
    refused: () => httpContract(() => ({ status: 403 })),
    hanging: () => httpContract(() => 'hang'),
  },
});

const local = { cannotHappen: 'there is no peer' };
channelContract('log', {
  well: () => {
    const { world, channel } = open('log', ok);
    const received = () => world.logged.map(({ fields }) => String(fields['text']));
    return { channel, advance: (ms) => world.clock.advance(ms), received };
  },
  ill: { unreachable: local, refused: local, hanging: local },
});
channelContract('terminal', {
  well: () => {
    const { world, written, channel } = open('terminal', ok);
    return { channel, advance: (ms) => world.clock.advance(ms), received: () => written };
  },
  ill: { unreachable: local, refused: local, hanging: local },
});

test('a terminal that is gone is a failed delivery, not a crash', async () => {
  const kinds = channelKinds(() => {
    throw new Error('EPIPE');
  });
  const opened = kinds['terminal']?.open('t', {}, httpWorld(ok).io);
  expect(opened?.ok === true && (await opened.value.post(consentNeeded, '', never))).toMatchObject({ is: 'failed' });
});

test('a request for consent says what would be done, to what, under which rule, and exactly how to answer', () => {
  expect(renderNotice(consentNeeded))
    .toBe(`[CRITICAL] Your consent is needed: checkout: errors 12 times the usual since v3
  31% of requests fail, 2.5% before
  v3 was deployed 4m earlier
Proposed: roll-back-bad-deploy: Return to the previous version
  Because v3 was deployed 4 minutes before the errors began
  1. point /srv/shop/current from v3 back to v2, then restart shop
     host.release-rollback on release /srv/shop/current
     | current: v3 → v2
     touches 1 of 2 (shop-a); 1 stay healthy meanwhile; needed by web
     can be undone, and is when it does not help
  Not when: a migration ran
Needs consent by policy/prod allow[0]
  autonomy is approve
To answer (within 10m, 1 of group:oncall):
  watchkeeper approve abcdef012345
  watchkeeper deny abcdef012345
If nobody answers: nothing is done, and the next rung is called
More: watchkeeper explain inc-7`);
});

describe('webhook', () => {
  const send = async (channel: Channel, clock: { advance(ms: number): Promise<void> }, signal = never) => {
    const pending = channel.post(consentNeeded, 'sre', signal);
    for (let i = 0; i < 60; i++) await clock.advance(1_000);
    return pending;
  };

  test('is signed over time and body, and names the notice for idempotency', async () => {
    const { world, channel } = hook(ok, { secret: { env: 'HOOK' } });
    expect(await send(channel, world.clock)).toEqual({ is: 'accepted', ref: '202' });
    const [request] = world.requests;
    const header = request?.headers?.['watchkeeper-signature'] ?? '';
    const body = String(request?.body);
    const nowMs = world.clock.nowMs();
    expect(request?.headers?.['idempotency-key']).toBe('notice-9');
    expect(verify('shared secret', header, body, nowMs, 300_000)).toBe(true);
    expect(verify('another secret', header, body, nowMs, 300_000)).toBe(false);
    expect(verify('shared secret', header, `${body} `, nowMs, 300_000)).toBe(false);
    expect(verify('shared secret', header, body, nowMs + 400_000, 300_000)).toBe(false);
    expect(
      verify(
        'shared secret',
        header.replace(/\d+/, (t) => String(Number(t) + 1)),
        body,
        nowMs,
        300_000,
      ),
    ).toBe(false);
  });

  test('is never sent unsigned when its secret cannot be read', async () => {
    const { world, channel } = hook(ok, { secret: { env: 'NO_SUCH' } });
    expect(await send(channel, world.clock)).toMatchObject({ is: 'failed', retryable: false });
    await expect(channel.check(never)).rejects.toMatchObject({ code: 'not-found' });
    expect(world.requests).toEqual([]);
  });

  test('is tried again after a fault that may pass, with the same key and body', async () => {
    let calls = 0;
    const { world, channel } = hook(() => ({ status: ++calls < 3 ? 503 : 200 }));
    expect(await send(channel, world.clock)).toMatchObject({ is: 'accepted' });
    expect(
      new Set(world.requests.map(({ body, headers }) => `${headers?.['idempotency-key']} ${String(body)}`)).size,
    ).toBe(1);
    expect(world.requests).toHaveLength(3);
  });

  test('is not tried again when the peer refuses it, nor sent where a redirect points', async () => {
    for (const status of [302, 400, 401, 404]) {
      const { world, channel } = hook(() => ({ status, headers: { location: 'http://169.254.169.254/' } }));
      expect(await send(channel, world.clock)).toMatchObject({ is: 'failed', retryable: false });
      expect(world.requests.map(({ url }) => url)).toEqual(['https://hooks.example.com/in']);
    }
  });

  test('waits as long as Retry-After says', async () => {
    const { world, channel } = hook(() => ({ status: 429, headers: { 'retry-after': '20' } }), { attempts: 2 });
    const pending = channel.post(consentNeeded, '', never);
    await world.clock.advance(19_000);
    expect(world.requests).toHaveLength(1);
    await world.clock.advance(2_000);
    expect(world.requests).toHaveLength(2);
    expect(await pending).toMatchObject({ is: 'failed', retryable: true });
  });

  test("in Alertmanager's format can be read by an Alertmanager webhook receiver: our own", async () => {
    const { world, channel } = hook(ok, { format: 'alertmanager' });
    await send(channel, world.clock);
    const body = JSON.parse(String(world.requests[0]?.body)) as Json;
    expect(body).toMatchObject({ version: '4', status: 'firing', receiver: 'sre' });
    const read = parseAlertmanagerWebhook(body, world.clock.nowMs());
    expect(read.ok && read.value.findings).toMatchObject([{ service: 'checkout', severity: 'critical', state: 'bad' }]);
  });

  test.each([
    ['another scheme', { url: 'file:///etc/passwd' }],
    ['credentials in the URL', { url: 'https://a:b@c/' }],
    ['a secret in clear', { url: 'https://c/', secret: 'abc' }],
    ['a header that breaks out', { url: 'https://c/', headers: { 'x-a': 'b\r\nhost: evil' } }],
  ])('refuses %s', (_, config) =>
    expect(channelKinds(() => undefined)['webhook']?.open('w', config, httpWorld(ok).io).ok).toBe(false),
  );
});

describe('Escalation documents', () => {
  const document = (spec: Json): ResourceDocument => ({
    apiVersion,
    kind: 'Escalation',
    metadata: { name: 'payments-oncall', labels: {} },
    spec,
  });

  test('name the steps, the waits and who may consent', () => {
    expect(
      parseEscalation(
        document({
          steps: [{ notify: ['slack:#payments-oncall', 'log'], wait: '10m' }, { notify: ['email:sre@example.com'] }],
          approvers: { 'group:payments-oncall': ['cli:ana', 'oidc:ana@example.com'] },
        }),
      ),
    ).toEqual({
      ok: true,
      value: {
        name: 'payments-oncall',
        steps: [
          {
            notify: [
              { channel: 'slack', address: '#payments-oncall' },
              { channel: 'log', address: '' },
            ],
            waitMs: 600_000,
          },
          { notify: [{ channel: 'email', address: 'sre@example.com' }], waitMs: 300_000 },
        ],
        approvers: { 'group:payments-oncall': ['cli:ana', 'oidc:ana@example.com'] },
      },
    });
  });

  test.each<[string, Json, readonly (string | number)[]]>([
    ['no step', { steps: [] }, ['spec', 'steps']],
    ['a step that tells nobody', { steps: [{ notify: [] }] }, ['spec', 'steps', 0, 'notify']],
    [
      'a group without its prefix',
      { steps: [{ notify: ['log'] }], approvers: { oncall: ['cli:a'] } },
      ['spec', 'approvers', 'oncall'],
    ],
    [
      'an approver that is no principal',
      { steps: [{ notify: ['log'] }], approvers: { 'group:a': ['ana'] } },
      ['spec', 'approvers', 'group:a', 0],
    ],
    ['an unknown key', { steps: [{ notify: ['log'], waits: '5m' }] }, ['spec', 'steps', 0, 'waits']],
  ])('with %s are refused where it is wrong', (_, spec, path) => {
    const parsed = parseEscalation(document(spec));
    expect(parsed.ok ? [] : parsed.issues.map((issue) => issue.path)).toContainEqual(path);
  });
});
