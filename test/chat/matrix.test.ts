import { describe, expect, it } from 'vitest';

import { channelKinds } from '../../src/chat/index.ts';
import type { Channel, Ear, Notice } from '../../src/domain/ports/channel.ts';
import type { HttpRequest } from '../../src/domain/ports/io.ts';
import { channelContract, type ChannelWorld } from '../contract/channel.ts';
import { httpWorld, json, type Respond } from '../support/http-world.ts';
import { listeningEar } from '../support/listening-ear.ts';
import { consentNeeded } from './notices.ts';

const never = new AbortController().signal;
const room = '!abc:example.com';
const me = '@watchkeeper:example.com';

function open(respond: Respond) {
  const world = httpWorld(respond, { TOKEN: 'right' });
  const config = {
    homeserver: 'https://matrix.example.com',
    token: { env: 'TOKEN' },
    rooms: { oncall: room },
    operators: ['@ben:example.com'],
  };
  const opened = channelKinds(() => undefined)['matrix']?.open('matrix', config, world.io);
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  return { world, channel: opened.value };
}

function notice(kind: Notice['kind'], more: Partial<Notice> = {}): Notice {
  return { ...consentNeeded, id: `inc-7/${kind}`, kind, ...more };
}

const contentOf = ({ body }: HttpRequest): Record<string, unknown> =>
  JSON.parse(String(body)) as Record<string, unknown>;

function scripted(respond: Respond): ChannelWorld {
  const { world, channel } = open(respond);
  const named: Channel = { ...channel, post: (told, _address, signal) => channel.post(told, 'oncall', signal) };
  const received = () => world.requests.map((request) => String(contentOf(request)['body']));
  return { channel: named, advance: (ms) => world.clock.advance(ms), received };
}

channelContract('matrix', {
  well: () => scripted(() => json({ event_id: '$1' })),
  ill: {
    unreachable: () => scripted(() => 'refuse'),
    refused: () => scripted(() => json({ errcode: 'M_FORBIDDEN' }, 403)),
    hanging: () => scripted(() => 'hang'),
  },
});

describe('a message in Matrix', () => {
  it('is plain text that calls nobody, and is sent again under the same transaction', async () => {
    const { world, channel } = open(() => json({ event_id: '$1' }));
    const hostile = notice('opened', { lines: ['@room <b>x</b> https://matrix.to/#/@ana:example.com'] });
    await channel.post(hostile, 'oncall', never);
    await channel.post(hostile, 'oncall', never);
    const [first, second] = world.requests;
    expect(contentOf(first!)).toMatchObject({ msgtype: 'm.text', 'm.mentions': {} });
    expect(contentOf(first!)).not.toHaveProperty('formatted_body');
    expect(first?.url).toBe(second?.url);
    expect(first?.headers?.['authorization']).toBe('Bearer right');
  });

  it('stands in the thread of the first, and in the room where somebody is needed', async () => {
    const { world, channel } = open(() => json({ event_id: '$2' }));
    expect(await channel.post(notice('acted'), 'oncall', never, { ref: '$1' })).toEqual({ is: 'accepted', ref: '$1' });
    await channel.post(notice('act-failed'), 'oncall', never, { ref: '$1' });
    expect(world.requests.map((request) => contentOf(request)['m.relates_to'])).toMatchObject([
      { rel_type: 'm.thread', event_id: '$1' },
      { 'm.in_reply_to': { event_id: '$1' } },
    ]);
  });

  it('waits as long as the homeserver says', async () => {
    let asked = 0;
    const { world, channel } = open(() =>
      asked++ === 0 ? json({ errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 2_500 }, 429) : json({ event_id: '$1' }),
    );
    const posted = channel.post(consentNeeded, 'oncall', never);
    await world.clock.advance(2_400);
    expect(world.requests).toHaveLength(1);
    await world.clock.advance(200);
    expect(await posted).toMatchObject({ is: 'accepted' });
  });

  it('that asked says by whom it was answered elsewhere', async () => {
    const { world, channel } = open(() => json({ event_id: '$asked' }));
    await channel.post(consentNeeded, 'oncall', never);
    await channel.settled?.(consentNeeded, 'oncall', 'Denied by cli:ana at 03:00', never, { ref: '$asked' });
    await channel.settled?.({ ...consentNeeded, plan: undefined as never }, 'oncall', 'x', never, { ref: '$asked' });
    expect(world.requests).toHaveLength(2);
    expect(contentOf(world.requests[1]!)).toMatchObject({
      'm.relates_to': { rel_type: 'm.replace', event_id: '$asked' },
    });
    expect(String(contentOf(world.requests[1]!)['body'])).toContain('Denied by cli:ana');
  });

  it('goes to no room that the settings do not name', async () => {
    const { world, channel } = open(() => json({ event_id: '$1' }));
    expect(await channel.post(consentNeeded, '!other:example.com', never)).toMatchObject({
      is: 'failed',
      retryable: false,
    });
    expect(world.requests).toEqual([]);
  });
});

type Event = Record<string, unknown>;

/** Posts the question as `$asked`, then brings these events, and gives what was sent in answer. */
async function hear(events: readonly Event[], ear: Ear, where = room): Promise<readonly Record<string, unknown>[]> {
  const stop = new AbortController();
  let batches = 0;
  const { world, channel } = open((request) => {
    if (request.url.includes('/whoami')) return json({ user_id: me });
    if (request.url.includes('/join/')) return json({ room_id: room });
    if (request.url.includes('/send/')) return json({ event_id: world.requests.length === 1 ? '$asked' : '$said' });
    if (batches++ > 1) return 'hang';
    const join = batches === 1 ? {} : { [where]: { timeline: { events } } };
    return json({ next_batch: `b${batches}`, rooms: { join } });
  });
  await channel.post(consentNeeded, 'oncall', never);
  const over = channel.listen?.(ear, stop.signal).catch(() => undefined);
  for (let turn = 0; turn < 50; turn++) await world.clock.advance(10);
  stop.abort();
  await over;
  return world.requests
    .filter(({ url }) => url.includes('/send/'))
    .slice(1)
    .map(contentOf);
}

const reaction = (key: string, sender = '@ana:example.com', target = '$asked', id = '$r1'): Event => ({
  type: 'm.reaction',
  event_id: id,
  sender,
  content: { 'm.relates_to': { rel_type: 'm.annotation', event_id: target, key } },
});
const message = (body: string, sender = '@ana:example.com', id = '$m1'): Event => ({
  type: 'm.room.message',
  event_id: id,
  sender,
  content: { msgtype: 'm.text', body },
});

describe('an answer from Matrix', () => {
  it.each([
    ['✅', 'approve'],
    ['👍', 'approve'],
    ['❌', 'deny'],
    ['👎', 'deny'],
  ])('by %s is an answer to the plan that the message showed', async (key, verdict) => {
    const { ear, heard } = listeningEar();
    const sent = await hear([reaction(key)], ear);
    expect(heard).toEqual([
      { who: { id: 'matrix:@ana:example.com', groups: [] }, about: consentNeeded.plan?.id, verdict, shownOn: 'inc-7' },
    ]);
    expect(sent).toMatchObject([{ 'm.relates_to': { rel_type: 'm.replace', event_id: '$asked' } }]);
    expect(String(sent[0]?.['body'])).toMatch(/(Approved|Denied) by matrix:@ana:example.com at /);
  });

  it('that does not count is said below it', async () => {
    const { ear } = listeningEar({ is: 'refused', settled: false, message: 'too late' });
    const sent = await hear([reaction('✅')], ear);
    expect(sent).toMatchObject([{ msgtype: 'm.notice', body: '@ana:example.com: too late', 'm.mentions': {} }]);
  });

  it('counts once, however often the homeserver tells it', async () => {
    const { ear, heard } = listeningEar();
    await hear([reaction('✅'), reaction('✅')], ear);
    expect(heard).toHaveLength(1);
  });

  it.each<[string, readonly Event[], string?]>([
    ['another sign', [reaction('🎉')]],
    ['a reaction to another message', [reaction('✅', '@ana:example.com', '$other')]],
    ['our own', [reaction('✅', me)]],
    ['another room', [reaction('✅')], '!other:example.com'],
    ['another shape', [{ type: 'm.reaction', event_id: 7 }, { type: 'm.reaction' }, reaction(7 as never), {}]],
    [
      'words that are no command',
      [message('please approve'), message('x!watchkeeper approve abc', '@ana:example.com', '$m2')],
    ],
  ])('of %s is none', async (_how, events, where) => {
    const { ear, heard, commands } = listeningEar();
    expect(await hear(events, ear, where)).toEqual([]);
    expect([...heard, ...commands]).toEqual([]);
  });

  it('may be a command; only those whom the settings name come as operators', async () => {
    const { ear, commands } = listeningEar();
    const said = [
      message('!watchkeeper status'),
      message('!watchkeeper resume all is well', '@ben:example.com', '$m2'),
    ];
    expect(await hear(said, ear)).toHaveLength(2);
    expect(commands).toEqual([
      'matrix:@ana:example.com: status',
      'matrix:@ben:example.com (chat:operators): resume all is well',
    ]);
  });
});
