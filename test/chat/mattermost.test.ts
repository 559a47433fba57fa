import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { channelKinds } from '../../src/chat/index.ts';
import type { Channel, Notice } from '../../src/domain/ports/channel.ts';
import type { ReaderIo } from '../../src/domain/ports/io.ts';
import { channelContract, type ChannelWorld } from '../contract/channel.ts';
import { httpWorld, json, type Respond } from '../support/http-world.ts';
import { listeningEar } from '../support/listening-ear.ts';
import { channelId, startMattermost, type MattermostServer } from '../support/mattermost-server.ts';
import { realReader } from '../support/real-reader.ts';
import { consentNeeded } from './notices.ts';

const never = new AbortController().signal;
const secrets = { BOT: 'right', OLD: 'wrong', SECRET: 'signs-buttons', COMMAND: 'command-token' };
const ana = 'a'.repeat(26);
const callback = 'https://watch.example.com/hooks/mattermost';
let peer: MattermostServer;
beforeEach(async () => {
  peer = await startMattermost('right');
});
afterEach(() => peer.close());

function channel(more: object = {}, io: ReaderIo = realReader(secrets), url = peer.url): Channel {
  const config = {
    ...{ url, token: { env: 'BOT' }, conversations: { oncall: channelId } },
    ...{ callback, secret: { env: 'SECRET' }, commandToken: { env: 'COMMAND' }, ...more },
  };
  const opened = channelKinds(() => undefined)['mattermost']?.open('mattermost', config, io);
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  return opened.value;
}

function notice(kind: Notice['kind'], more: Partial<Notice> = {}): Notice {
  return { ...consentNeeded, id: `inc-7/${kind}`, kind, ...more };
}

function scripted(respond: Respond): ChannelWorld {
  const world = httpWorld(respond, secrets);
  const made = channel({}, world.io, 'https://chat.example.com');
  const received = () =>
    world.requests.map(({ body }) => String((JSON.parse(String(body)) as { message?: string }).message));
  const named: Channel = { ...made, post: (told, _address, signal) => made.post(told, 'oncall', signal) };
  return { channel: named, advance: (ms) => world.clock.advance(ms), received };
}

channelContract('mattermost', {
  well: () => scripted(() => json({ id: 'p'.repeat(26) })),
  ill: {
    unreachable: () => scripted(() => 'refuse'),
    refused: () => scripted(() => ({ status: 403 })),
    hanging: () => scripted(() => 'hang'),
  },
});

describe('a post in Mattermost', () => {
  it('shows the plan with its buttons, is edited by later notices, and has them in its thread', async () => {
    const made = channel();
    const first = await made.post(consentNeeded, 'oncall', never);
    if (first.is !== 'accepted' || first.ref === undefined) throw new Error(JSON.stringify(first));
    expect(peer.posts[0]?.message).toContain('v3 back to v2');
    expect(peer.posts[0]?.actions.map(({ name }) => name)).toEqual([
      'Approve',
      'Deny',
      'Snooze 1h',
      'Hand over',
      'Explain',
      'Pause all',
    ]);
    await made.post(notice('acted'), 'oncall', never, { ref: first.ref });
    expect(peer.posts[0]).toMatchObject({ edits: 1, actions: [] });
    expect(peer.posts[1]).toMatchObject({ rootId: first.ref });
  });

  it('brings nothing of a hostile text to life: all of it is one block of code that it cannot end', async () => {
    await channel().post(
      notice('opened', { title: '@channel ``` [x](https://evil)', lines: ['```\n@all ![](http://evil/x.png)'] }),
      'oncall',
      never,
    );
    const message = peer.posts[0]?.message ?? '';
    expect(message.match(/```/g)).toHaveLength(2);
    expect(message.startsWith('```\n')).toBe(true);
    expect(message.endsWith('\n```')).toBe(true);
  });

  it('waits when it is told to, and says in Mattermost’s words why it cannot be posted', async () => {
    peer.faults.push(429);
    expect(await channel().post(consentNeeded, 'oncall', never)).toMatchObject({ is: 'accepted' });
    const reason = (text: string): unknown => expect.stringContaining(text);
    expect(await channel().post(consentNeeded, 'nowhere', never)).toMatchObject({
      is: 'failed',
      reason: reason('nowhere'),
    });
    expect(await channel({ token: { env: 'OLD' } }).post(consentNeeded, 'oncall', never)).toMatchObject({
      is: 'failed',
      reason: reason('Invalid or expired session'),
    });
  });

  it('loses its buttons when it was answered elsewhere, and says by whom', async () => {
    const made = channel();
    const first = await made.post(consentNeeded, 'oncall', never);
    if (first.is !== 'accepted' || first.ref === undefined) throw new Error(JSON.stringify(first));
    await made.settled?.(consentNeeded, 'oncall', 'Approved by cli:ana `x`', never, { ref: first.ref });
    expect(peer.posts[0]).toMatchObject({ edits: 1, actions: [] });
    expect(peer.posts[0]?.message).toContain("Approved by cli:ana 'x'");
  });

  it('is in no case too long', async () => {
    const lines = Array.from({ length: 100 }, () => 'z'.repeat(2_000));
    expect(await channel().post(notice('opened', { lines, suggestions: lines }), 'oncall', never)).toMatchObject({
      is: 'accepted',
    });
  });
});

describe('a press in Mattermost', () => {
  const posted = async (): Promise<Channel> => {
    const made = channel();
    await made.post(consentNeeded, 'oncall', never);
    return made;
  };

  it('is an answer to the plan that was shown; the buttons give way to who answered', async () => {
    const made = await posted();
    const { ear, heard } = listeningEar();
    const reply = await made.receive?.(peer.press(peer.posts[0]!, 'Approve', ana), ear, never);
    expect(heard).toEqual([
      {
        who: { id: `mattermost:${ana}`, groups: [] },
        about: consentNeeded.plan?.id,
        verdict: 'approve',
        shownOn: 'inc-7',
      },
    ]);
    const { update } = JSON.parse(reply?.body ?? '') as { update: { message: string; props: object } };
    expect(update.message).toMatch(/Approved by mattermost:a+ at \d{4}-/);
    expect(update.props).toEqual({ attachments: [] });
  });

  it('that does not count is told to its sender alone', async () => {
    const made = await posted();
    const { ear } = listeningEar({ is: 'refused', settled: false, message: 'too late: the request has expired' });
    const reply = await made.receive?.(peer.press(peer.posts[0]!, 'Deny', ana), ear, never);
    expect(JSON.parse(reply?.body ?? '')).toEqual({ ephemeral_text: 'too late: the request has expired' });
  });

  it('of the other buttons asks for what they say', async () => {
    const made = await posted();
    const { ear, commands } = listeningEar();
    for (const name of ['Snooze 1h', 'Hand over', 'Explain', 'Pause all'])
      await made.receive?.(peer.press(peer.posts[0]!, name, ana), ear, never);
    expect(commands.map((said) => said.replace(`mattermost:${ana}: `, ''))).toEqual([
      'snooze inc-7 1h from Mattermost',
      'hand-over inc-7',
      'explain inc-7',
      'pause asked for in Mattermost on incident inc-7',
    ]);
  });

  it.each<[string, object]>([
    [
      'whose context somebody made up',
      { context: { what: 'approve', subject: 'p', incident: 'i', conversation: channelId, mac: '0'.repeat(64) } },
    ],
    ['without a context', { context: {} }],
    ['of nobody', { user_id: '' }],
    ['in another conversation', { channel_id: 'd'.repeat(26) }],
  ])('%s does nothing, and is in the ledger', async (_how, more) => {
    const made = await posted();
    const { ear, heard, commands, refused } = listeningEar();
    await made.receive?.(peer.press(peer.posts[0]!, 'Approve', ana, more as Record<string, unknown>), ear, never);
    expect([...heard, ...commands]).toEqual([]);
    expect(refused).toHaveLength(1);
  });

  it('whose context was moved to another plan does nothing', async () => {
    const made = await posted();
    const { ear, heard, refused } = listeningEar();
    const request = peer.press(peer.posts[0]!, 'Approve', ana);
    const body = new TextDecoder().decode(request.body).replace(consentNeeded.plan!.id, '0000000123456789abcdef');
    await made.receive?.({ ...request, body: new TextEncoder().encode(body) }, ear, never);
    expect(heard).toEqual([]);
    expect(refused).toEqual(['unknown request: the button was not signed by us']);
  });
});

describe('a command in Mattermost', () => {
  const command = (token: string, text = 'status') => ({
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new TextEncoder().encode(
      new URLSearchParams({ token, text, user_id: ana, channel_id: channelId }).toString(),
    ),
  });

  it('is taken with the token that Mattermost gave it', async () => {
    const { ear, commands } = listeningEar();
    const reply = await channel({ operators: [ana] }).receive?.(
      command('command-token', 'resume all is well'),
      ear,
      never,
    );
    expect(commands).toEqual([`mattermost:${ana} (chat:operators): resume all is well`]);
    expect(JSON.parse(reply?.body ?? '')).toMatchObject({ response_type: 'ephemeral' });
  });

  it.each(['', 'wrong', 'command-token '])('is refused with another: %j', async (token) => {
    const { ear, commands, refused } = listeningEar();
    expect(await channel().receive?.(command(token), ear, never)).toMatchObject({ status: 401 });
    expect(commands).toEqual([]);
    expect(refused).toHaveLength(1);
  });
});

it('takes no buttons that nobody signed: callback and secret come together', () => {
  const config = {
    url: 'https://chat.example.com',
    token: { env: 'BOT' },
    conversations: { oncall: channelId },
    callback,
  };
  expect(channelKinds(() => undefined)['mattermost']?.parse(config as never)).toMatchObject({ ok: false });
});
