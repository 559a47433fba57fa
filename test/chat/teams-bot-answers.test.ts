import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { channelKinds } from '../../src/chat/index.ts';
import type { Channel, InboundReply, InboundRequest } from '../../src/domain/ports/channel.ts';
import { listeningEar } from '../support/listening-ear.ts';
import { realReader } from '../support/real-reader.ts';
import {
  appId,
  appSecret,
  botConfig,
  conversation,
  startTeamsBot,
  tenant,
  textsIn,
  titles,
  type TeamsBotServer,
  type TokenOptions,
} from '../support/teams-bot-server.ts';
import { consentNeeded } from './notices.ts';

const never = new AbortController().signal;
const ana = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
const plan = consentNeeded.plan?.id ?? '';
let peer: TeamsBotServer;
beforeEach(async () => {
  peer = await startTeamsBot();
});
afterEach(() => peer.close());

function channel(more: object = {}): Channel {
  const io = realReader({ SECRET: appSecret });
  const opened = channelKinds(() => undefined)['teams-bot']?.open('teams', botConfig(peer.url, more), io);
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  return opened.value;
}

const from = (aadObjectId: unknown = ana) => ({ from: { id: '29:x', aadObjectId } });
const pressing = (more: object = {}, said: object = {}) => ({
  ...{ type: 'invoke', name: 'adaptiveCard/action', ...from() },
  value: { action: { data: { watchkeeper: { verdict: 'approve', plan, incident: 'inc-7', ...said } } } },
  ...more,
});
const sent = async (request: InboundRequest, listening = listeningEar(), made = channel()) => ({
  reply: (await made.receive?.(request, listening.ear, never)) as InboundReply,
  ...listening,
});
const bodyOf = ({ body }: InboundReply): Record<string, unknown> => JSON.parse(body) as Record<string, unknown>;

describe('a press in Teams', () => {
  it('is an answer to the plan that was shown; the buttons give way to who answered and when', async () => {
    const { reply, heard } = await sent(await peer.sends(pressing()));
    expect(heard).toEqual([
      { who: { id: `teams:${ana}`, groups: [] }, about: plan, verdict: 'approve', shownOn: 'inc-7' },
    ]);
    const { type, value } = bodyOf(reply);
    expect(type).toBe('application/vnd.microsoft.card.adaptive');
    expect(textsIn(value).join()).toMatch(/Approved by teams:a+-.* at \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
    expect(titles(value as object)).toEqual([]);
  });

  it('in what the card itself holds is understood', async () => {
    const made = channel();
    await made.post(consentNeeded, 'oncall', never);
    const [, deny] = (peer.posts[0]?.card as { actions: { data: object }[] }).actions;
    const { heard } = await sent(await peer.sends(pressing({ value: { action: { data: deny?.data } } })));
    expect(heard).toMatchObject([{ about: plan, verdict: 'deny', shownOn: 'inc-7' }]);
  });

  it('that does not count is told to its sender alone', async () => {
    const ear = listeningEar({ is: 'refused', settled: false, message: 'too late: the request has expired' });
    const { reply } = await sent(await peer.sends(pressing()), ear);
    expect(bodyOf(reply)).toEqual({
      statusCode: 200,
      type: 'application/vnd.microsoft.activity.message',
      value: 'too late: the request has expired',
    });
  });

  it('of a client that knows no Action.Execute comes as a message, and is answered by one', async () => {
    const value = { watchkeeper: { verdict: 'deny', plan, incident: 'inc-7' } };
    const { heard } = await sent(await peer.sends({ ...from(), value }));
    expect(heard).toMatchObject([{ verdict: 'deny' }]);
    expect(textsIn(peer.posts[0]?.card).join()).toContain(`Denied by teams:${ana}`);
  });

  it.each<[string, object]>([
    ['from another tenant', pressing({ channelData: { tenant: { id: ana } } })],
    ['of a guest from another tenant', pressing({ from: { aadObjectId: ana, tenantId: appId } })],
    ['that names no tenant', pressing({ channelData: {}, conversation: { id: conversation } })],
    ['of nobody', pressing(from(''))],
    ['of an id that only looks alike', pressing(from(ana.toUpperCase()))],
    ['in another conversation', pressing({ conversation: { id: '19:else@thread.tacv2', tenantId: tenant } })],
    ['without an incident', pressing({}, { incident: '' })],
    ['of a verdict nobody knows', pressing({}, { verdict: 'approve-all' })],
    ['with a plan that is no text', pressing({}, { plan: { $ne: '' } })],
    ['of another kind of invoke', pressing({ name: 'composeExtension/submitAction' })],
    ['of a card that is not ours', pressing({ value: { action: { data: { x: 1 } } } })],
  ])('%s does nothing, is shown why, and is in the ledger', async (_what, activity) => {
    const { reply, heard, commands, refused } = await sent(await peer.sends(activity as Record<string, unknown>));
    expect([...heard, ...commands]).toEqual([]);
    expect(refused).toHaveLength(1);
    expect(bodyOf(reply)['type']).toBe('application/vnd.microsoft.activity.message');
  });
});

describe('what the Bot Framework did not sign for us', () => {
  it.each<[string, TokenOptions, string]>([
    ['signed by somebody else', { key: 'forged' }, 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'],
    ['signed by a key for another chat', { key: 'unendorsed' }, 'no key that is endorsed'],
    ['signed by another algorithm', { alg: 'RS512' }, 'ERR_JOSE_ALG_NOT_ALLOWED'],
    ['that has expired', { expiresInS: -301 }, 'it has expired'],
    ['not valid yet', { claims: { nbf: Math.floor(Date.now() / 1_000) + 3_600 } }, 'nbf'],
    ['without an end', { claims: { exp: undefined } }, 'exp'],
    ['for another bot', { claims: { aud: tenant } }, 'aud'],
    ['of another issuer', { claims: { iss: 'https://evil.example' } }, 'iss'],
    ['for another service', { claims: { serviceurl: 'https://evil.example/' } }, 'another service'],
    ['for no service', { claims: { serviceurl: undefined } }, 'serviceurl'],
  ])('a token %s', async (_what, options, because) => {
    const { reply, heard, refused } = await sent(await peer.sends(pressing(), options));
    expect(reply.status).toBe(401);
    expect(heard).toEqual([]);
    expect(refused).toEqual([expect.stringContaining(because)]);
  });

  it.each<[string, (good: string) => string | undefined | Promise<string>]>([
    ['no token', () => undefined],
    ['garbage', () => 'Bearer x.y.z'],
    ['another scheme', (good) => good.replace('Bearer', 'Basic')],
    ['a token without its signature', (good) => good.slice(0, good.lastIndexOf('.') + 1)],
    [
      'a token whose algorithm is a shared secret',
      async () => {
        const exp = Math.floor(Date.now() / 1_000) + 600;
        const said = { iss: 'https://api.botframework.com', aud: appId, serviceurl: `${peer.url}/teams/`, exp };
        const jwt = new SignJWT(said).setProtectedHeader({ alg: 'HS256', kid: 'good' });
        return `Bearer ${await jwt.sign(new TextEncoder().encode('x'.repeat(32)))}`;
      },
    ],
    ['a token that is huge', () => `Bearer ${'x'.repeat(100_000)}`],
  ])('%s', async (_what, change) => {
    const good = await peer.sends(pressing());
    const authorization = await change(good.headers['authorization'] ?? '');
    const { reply, heard, refused } = await sent({
      body: good.body,
      headers: authorization === undefined ? {} : { authorization },
    });
    expect(reply.status).toBe(401);
    expect(heard).toEqual([]);
    expect(refused).toHaveLength(1);
  });

  it.each<[string, object, string]>([
    ['of long ago', { timestamp: '2026-01-01T00:00:00Z' }, 'another time'],
    ['without a time', { timestamp: undefined }, 'no time'],
    ['without an id', { id: undefined }, 'no id'],
    ['from another chat', { channelId: 'webchat' }, 'another chat'],
    ['that names another service than was signed', { serviceUrl: 'https://evil.example/' }, 'another service'],
  ])('an activity %s', async (_what, more, because) => {
    const { reply, heard, refused } = await sent(await peer.sends(pressing(more)));
    expect(reply.status).toBe(401);
    expect(heard).toEqual([]);
    expect(refused).toEqual([expect.stringContaining(because)]);
  });

  it('an activity sent a second time', async () => {
    const [made, request] = [channel(), await peer.sends(pressing())];
    await sent(request, listeningEar(), made);
    const { reply, heard, refused } = await sent(request, listeningEar(), made);
    expect(reply.status).toBe(401);
    expect(heard).toEqual([]);
    expect(refused).toEqual(['unknown request: it came before']);
  });

  it('a body that is no activity', async () => {
    for (const text of ['', '[]', 'null', '{"type":1}', '\u0000']) {
      const request = { ...(await peer.sends({})), body: new TextEncoder().encode(text) };
      expect((await sent(request)).reply.status).toBe(400);
    }
  });

  it('does not make it ask for keys again and again', async () => {
    const made = channel();
    for (let n = 0; n < 5; n++) await sent(await peer.sends(pressing(), { key: 'unendorsed' }), listeningEar(), made);
    expect(peer.asked.keys).toBe(1);
  });

  it('is refused while the keys cannot be had, as something that may work later', async () => {
    const request = await peer.sends(pressing());
    const { reply, heard, refused } = await sent(
      request,
      listeningEar(),
      channel({ metadata: `${peer.url}/not-there` }),
    );
    expect(reply.status).toBe(503);
    expect(heard).toEqual([]);
    expect(refused).toHaveLength(1);
  });
});

describe('a command in Teams', () => {
  it('is taken where the bot is mentioned, and answered below it', async () => {
    const request = await peer.sends({ ...from(), text: '<at>Watchkeeper</at>&nbsp;resume all is well\n' });
    const { commands, reply } = await sent(request, listeningEar(), channel({ operators: [ana] }));
    expect(commands).toEqual([`teams:${ana} (chat:operators): resume all is well`]);
    expect(reply.status).toBe(200);
    expect(textsIn(peer.posts[0]?.card)).toContain('On watch.');
  });

  it('is taken between somebody and the bot alone, and in no channel that is not ours', async () => {
    const personal = { id: 'a:1', conversationType: 'personal', tenantId: tenant };
    expect((await sent(await peer.sends({ ...from(), text: 'status', conversation: personal }))).commands).toHaveLength(
      1,
    );
    const other = { id: '19:else@thread.tacv2', conversationType: 'channel', tenantId: tenant };
    const { commands, refused } = await sent(await peer.sends({ ...from(), text: 'status', conversation: other }));
    expect(commands).toEqual([]);
    expect(refused).toEqual([`teams:${ana} command: it came from a conversation that is not ours`]);
  });

  it('is not what others do there: who joins asks nothing', async () => {
    const { reply, commands, refused } = await sent(await peer.sends({ type: 'conversationUpdate' }));
    expect(reply.status).toBe(200);
    expect([...commands, ...refused]).toEqual([]);
  });

  it('counts though its answer cannot be given', async () => {
    peer.faults.push(500);
    const { commands, reply } = await sent(await peer.sends({ ...from(), text: 'status' }));
    expect(commands).toHaveLength(1);
    expect(reply.status).toBe(200);
  });
});
