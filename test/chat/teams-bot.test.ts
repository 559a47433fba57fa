import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { channelKinds } from '../../src/chat/index.ts';
import type { Channel, Notice } from '../../src/domain/ports/channel.ts';
import type { ReaderIo } from '../../src/domain/ports/io.ts';
import { channelContract, type ChannelWorld } from '../contract/channel.ts';
import { httpWorld, json, type Respond } from '../support/http-world.ts';
import { realReader } from '../support/real-reader.ts';
import {
  appSecret,
  botConfig,
  conversation,
  startTeamsBot,
  textsIn,
  titles,
  type TeamsBotServer,
} from '../support/teams-bot-server.ts';
import { consentNeeded } from './notices.ts';

const never = new AbortController().signal;
const secrets = { SECRET: appSecret, OLD: 'wrong' };
let peer: TeamsBotServer;
beforeEach(async () => {
  peer = await startTeamsBot();
});
afterEach(() => peer.close());

function channel(more: object = {}, io: ReaderIo = realReader(secrets), url = peer.url): Channel {
  const opened = channelKinds(() => undefined)['teams-bot']?.open('teams', botConfig(url, more), io);
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  return opened.value;
}

function notice(kind: Notice['kind'], more: Partial<Notice> = {}): Notice {
  return { ...consentNeeded, id: `inc-7/${kind}`, kind, ...more };
}

const token = json({ access_token: 't', expires_in: 3_599 });
function scripted(respond: Respond): ChannelWorld {
  const world = httpWorld((request) => (request.url.endsWith('/token') ? token : respond(request)), secrets);
  const made = channel({}, world.io, 'https://smba.trafficmanager.net');
  const sent = () => world.requests.filter(({ url }) => !url.endsWith('/token'));
  const received = () => sent().map(({ body }) => textsIn(JSON.parse(String(body))).join('\n'));
  const named: Channel = { ...made, post: (told, _address, signal) => made.post(told, 'oncall', signal) };
  return { channel: named, advance: (ms) => world.clock.advance(ms), received };
}

channelContract('teams-bot', {
  well: () => scripted(() => json({ id: '1700' }, 201)),
  ill: {
    unreachable: () => scripted(() => 'refuse'),
    refused: () => scripted(() => ({ status: 403 })),
    hanging: () => scripted(() => 'hang'),
  },
});

async function posted(made: Channel, told: Notice = consentNeeded): Promise<string> {
  const first = await made.post(told, 'oncall', never);
  if (first.is !== 'accepted' || first.ref === undefined) throw new Error(JSON.stringify(first));
  return first.ref;
}

describe('a card of the bot', () => {
  it('has its buttons while an answer is awaited, is edited by later notices, and has a line for each below it', async () => {
    const made = channel();
    const ref = await posted(made);
    expect(textsIn(peer.posts[0]?.card).join('\n')).toContain('v3 back to v2');
    expect(titles(peer.posts[0]!.card)).toEqual(['Approve', 'Deny']);
    await made.post(notice('acted'), 'oncall', never, { ref });
    expect(peer.posts[0]?.edits).toBe(1);
    expect(titles(peer.posts[0]!.card)).toEqual([]);
    expect(peer.posts[1]?.conversation).toBe(`${conversation};messageid=${ref}`);
  });

  it('loses its buttons when it was answered, wherever, and says by whom', async () => {
    const made = channel();
    const ref = await posted(made);
    await made.settled?.(consentNeeded, 'oncall', 'Approved by cli:ana', never, { ref });
    expect(peer.posts[0]?.edits).toBe(1);
    expect(titles(peer.posts[0]!.card)).toEqual([]);
    expect(textsIn(peer.posts[0]?.card)).toContain('Approved by cli:ana');
  });

  it('costs one token for many, and a new one where the old one does not count any more', async () => {
    const made = channel();
    await posted(made);
    await posted(made);
    expect(peer.asked.tokens).toBe(1);
    peer.withdraw();
    await posted(made);
    expect(peer.asked.tokens).toBe(2);
  });

  it('waits when it is told to, and says in the service’s words why it cannot be posted', async () => {
    peer.faults.push(429);
    expect(await channel().post(consentNeeded, 'oncall', never)).toMatchObject({ is: 'accepted' });
    peer.faults.push(403);
    const reason = (text: string): unknown => expect.stringContaining(text);
    expect(await channel().post(consentNeeded, 'oncall', never)).toMatchObject({ reason: reason('fault 403') });
    expect(await channel().post(consentNeeded, 'nowhere', never)).toMatchObject({ reason: reason('nowhere') });
    const refused = await channel({ secret: { env: 'OLD' } }).post(consentNeeded, 'oncall', never);
    expect(refused).toMatchObject({ is: 'failed', reason: reason('invalid_client'), retryable: false });
    expect(JSON.stringify(refused)).not.toContain('wrong');
    await expect(channel({ secret: { env: 'OLD' } }).check(never)).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('is in no case too long, and nothing from outside is markdown in it', async () => {
    const lines = Array.from({ length: 2_000 }, () => '[click](https://evil) <at>all</at> '.repeat(50));
    await posted(channel(), notice('approval-needed', { lines, suggestions: lines }));
    expect(JSON.stringify(peer.posts[0]?.card)).not.toContain('"TextBlock"');
  });
});

describe('the settings of the bot', () => {
  const parse = (more: object): unknown =>
    channelKinds(() => undefined)['teams-bot']?.parse({
      ...botConfig('https://smba.trafficmanager.net'),
      serviceHosts: ['smba.trafficmanager.net'],
      ...more,
    });

  it.each([
    ['another host', 'https://evil.example/teams/'],
    ['a host that only ends alike', 'https://evilsmba.trafficmanager.net/'],
    ['a host that begins alike', 'https://smba.trafficmanager.net.evil.example/'],
    ['an address without TLS', 'http://smba.trafficmanager.net/emea/'],
    ['an address with a user in it', 'https://smba.trafficmanager.net@evil.example/'],
  ])('send the token to no other service: %s', (_what, serviceUrl) => {
    expect(parse({ serviceUrl })).toMatchObject({ ok: false });
    expect(parse({})).toMatchObject({ ok: true });
  });

  it.each(['authority', 'metadata'])('take %s over TLS alone', (name) => {
    expect(parse({ [name]: 'http://login.example.com' })).toMatchObject({ ok: false });
  });
});
