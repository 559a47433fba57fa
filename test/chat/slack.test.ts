// The channel loads its client when it first speaks; on a busy machine that alone took longer than a test waits.
import '@slack/web-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { channelKinds } from '../../src/chat/index.ts';
import type { Channel, Ear, Heard, Notice } from '../../src/domain/ports/channel.ts';
import { channelContract, type ChannelWorld } from '../contract/channel.ts';
import { httpWorld, json, type Respond } from '../support/http-world.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { realReader } from '../support/real-reader.ts';
import { click, signed, startSlack, type SlackServer } from '../support/slack-server.ts';
import { brokenChart, consentNeeded } from './notices.ts';

const never = new AbortController().signal;
const known: Readonly<Record<string, string>> = {
  BOT: 'xoxb-right',
  APP: 'xapp-right',
  OLD: 'xoxb-revoked',
  SIGNING: 'signing-secret',
};

let slack: SlackServer;
let log: ReturnType<typeof recordingLog>;

beforeEach(async () => {
  slack = await startSlack();
  log = recordingLog();
});
afterEach(() => slack.close());

function channel(config: object = {}): Channel {
  const io = realReader(known, log);
  const settings = { botToken: { env: 'BOT' }, appToken: { env: 'APP' }, apiUrl: slack.apiUrl, ...config };
  const opened = channelKinds(() => undefined)['slack']?.open('slack', settings, io);
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  return opened.value;
}

function notice(id: string, kind: Notice['kind'], more: Partial<Notice> = {}): Notice {
  return { ...consentNeeded, id, kind, ...more };
}

/** An ear that keeps what it hears and answers as told. */
function listener(
  reply: Awaited<ReturnType<Ear['answer']>> = { is: 'recorded', settled: true, message: 'It is being carried out.' },
) {
  const heard: Heard[] = [];
  const commands: string[] = [];
  const refused: string[] = [];
  const ear: Ear = {
    answer: (said) => {
      heard.push(said);
      return Promise.resolve(reply);
    },
    command: (words, who) => {
      commands.push(`${who.id} ${who.groups.join()} ${words}`);
      return Promise.resolve('On watch.');
    },
    runbooks: () => Promise.resolve(['restart-crashed-service']),
    refused: (who, what, because) => {
      refused.push(`${who} ${what}: ${because}`);
      return Promise.resolve();
    },
  };
  return { heard, commands, refused, ear };
}

async function until(is: () => boolean, most = 500): Promise<void> {
  for (let tries = 0; tries < most && !is(); tries++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(is()).toBe(true);
}

/** Posts a card, listens, and hands over a way to click on it. */
async function listening(ear: Ear, run: (made: Channel) => Promise<void>, config: object = {}): Promise<void> {
  const made = channel(config);
  const stop = new AbortController();
  await made.post(consentNeeded, '#oncall', never);
  const over = made.listen?.(ear, stop.signal);
  await slack.connected();
  await run(made);
  stop.abort();
  await over;
}

// The contract's worlds stand on a scripted HTTP port, so that hanging and refusing take no real time.
function scripted(respond: Respond): ChannelWorld {
  const world = httpWorld(respond, known);
  const settings = { botToken: { env: 'BOT' } };
  const opened = channelKinds(() => undefined)['slack']?.open('slack', settings, world.io);
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  const received = () => world.requests.map(({ body }) => new URLSearchParams(String(body)).get('blocks') ?? '');
  return { channel: opened.value, advance: (ms) => world.clock.advance(ms), received };
}

channelContract('slack', {
  well: () => scripted(() => json({ ok: true, channel: 'C1', ts: '1.1' })),
  ill: {
    unreachable: () => scripted(() => 'refuse'),
    refused: () => scripted(() => json({ ok: false, error: 'not_in_channel' })),
    hanging: () => scripted(() => 'hang'),
  },
});

describe('a card in Slack', () => {
  it('shows what is wrong, the plan, what it touches and which rule asked, within Slack’s limits', async () => {
    const delivery = await channel().post(consentNeeded, '#oncall', never);
    expect(delivery).toEqual({ is: 'accepted', ref: 'CONCALL:1700000000.000001' });
    const shown = JSON.stringify(slack.posts[0]?.blocks);
    for (const part of [
      'roll-back-bad-deploy',
      'v3 back to v2',
      'touches 1 of 2',
      'needed by web',
      'policy/prod allow[0]',
      'Approve',
      'Deny',
    ])
      expect(shown).toContain(part);
  });

  it('is refused by Slack in no case: a plan with a hundred huge steps is cut', async () => {
    const [step] = consentNeeded.plan?.steps ?? [];
    const huge = { ...step!, describe: 'x'.repeat(5_000), diff: Array.from({ length: 100 }, () => 'y'.repeat(1_000)) };
    const plan = { ...consentNeeded.plan!, steps: Array.from({ length: 100 }, () => huge) };
    const lines = Array.from({ length: 100 }, () => 'z'.repeat(2_000));
    const suggestions = lines;
    expect(
      await channel().post(notice('n', 'approval-needed', { plan, lines, suggestions }), '#a', never),
    ).toMatchObject({ is: 'accepted' });
  });

  it('brings nothing of a hostile text to life: no mention, no link', async () => {
    await channel().post(
      notice('n', 'opened', { title: '<!channel> <https://evil|click>', lines: ['<@U1> *bold*'] }),
      '#a',
      never,
    );
    const texts = slack.posts[0]?.blocks.map((block) => (block['text'] as { type?: string } | undefined)?.type);
    expect(texts?.filter((type) => type !== undefined && type !== 'plain_text')).toEqual([]);
    expect(slack.posts[0]?.text).not.toContain('<!channel>');
  });

  it('is edited in place by later notices, which are told below it, and into the channel when somebody is needed', async () => {
    const made = channel();
    await made.post(notice('n1', 'opened'), '#oncall', never);
    await made.post(notice('n2', 'acted'), '#oncall', never);
    await made.post(notice('n3', 'resolved'), '#oncall', never);
    const [root, ...below] = slack.posts;
    expect(root?.edits).toBe(2);
    expect(root?.text).toContain('Resolved');
    expect(below.map((post) => [post.threadTs === root?.ts, post.broadcast])).toEqual([
      [true, false],
      [true, true],
    ]);
  });

  it('is found again after a restart by what the ladder kept of it', async () => {
    const first = await channel().post(notice('n1', 'opened'), '#oncall', never);
    const ref = first.is === 'accepted' ? (first.ref ?? '') : '';
    const again = await channel().post(notice('n2', 'acted'), '#oncall', never, { ref });
    expect(again).toEqual({ is: 'accepted', ref });
    expect(slack.posts.map((post) => post.threadTs)).toEqual([undefined, slack.posts[0]?.ts]);
  });

  it('waits when Slack says so, and says in Slack’s words why it cannot be posted', async () => {
    let refused = 0;
    slack.fault = (method) =>
      method === 'chat.postMessage' && refused++ === 0 ? { status: 429, retryAfter: 1 } : undefined;
    expect(await channel().post(consentNeeded, '#oncall', never)).toMatchObject({ is: 'accepted' });
    expect(await channel().post(consentNeeded, '#nowhere', never)).toMatchObject({
      is: 'failed',
      retryable: false,
      reason: expect.stringContaining('channel_not_found') as string,
    });
    expect(await channel({ botToken: { env: 'OLD' } }).post(consentNeeded, '#oncall', never)).toMatchObject({
      is: 'failed',
      reason: expect.stringContaining('invalid_auth') as string,
    });
  });

  it('of many incidents at once is a digest, and nobody who is needed waits behind it', async () => {
    const made = channel();
    const incident = (n: number) => ({ ...consentNeeded.incident!, id: `inc-${n}` });
    const all = Array.from({ length: 30 }, (_, n) =>
      made.post(notice(`n${n}`, 'opened', { incident: incident(n) }), '#oncall', never),
    );
    const asked = made.post(notice('asked', 'approval-needed', { incident: incident(99) }), '#oncall', never);
    expect(await asked).toMatchObject({ is: 'accepted' });
    expect(slack.posts.length).toBeLessThan(4);
    const accepted = await Promise.all(all);
    expect(accepted.filter(({ is }) => is === 'accepted')).toHaveLength(30);
    expect(slack.posts.length).toBeLessThan(12);
    expect(slack.posts.some(({ text }) => text.includes('notices at once'))).toBe(true);
  });
});

describe('the chart of an incident in Slack', () => {
  const charted = notice('n', 'opened', { chart: brokenChart });

  const pictureOn = (post = slack.posts[0]): string | undefined => {
    const image = post?.blocks.find(({ type }) => type === 'image') as { slack_file: { id: string } } | undefined;
    return image?.slack_file.id;
  };
  const warned = (): boolean => log.lines.some(({ message }) => message === 'a chart could not be put onto its card');

  it('is put onto its card, in words too, once Slack has taken it in; the card does not wait for it', async () => {
    slack.processingMs = 1_500;
    await channel().post(charted, '#oncall', never);
    expect(pictureOn()).toBeUndefined();
    expect(JSON.stringify(slack.posts[0]?.blocks)).toContain('roll-back-bad-deploy');
    await until(() => pictureOn() !== undefined);
    expect(slack.files.map(({ id, channel }) => [id, channel])).toEqual([[pictureOn(), undefined]]);
    expect(slack.files[0]?.bytes?.subarray(1, 4).toString()).toBe('PNG');
    const image = slack.posts[0]?.blocks.find(({ type }) => type === 'image');
    expect(image?.['alt_text']).toMatch(/^checkout: errors: from .* at most .*; expected .* changed: deploy v3/);
    expect(warned()).toBe(false);
  });

  it.each(['files.getUploadURLExternal', 'files.completeUploadExternal'])(
    'is left out when %s is refused, and the message stands',
    async (method) => {
      slack.fault = (asked) => (asked === method ? { error: 'missing_scope' } : undefined);
      expect(await channel().post(charted, '#oncall', never)).toMatchObject({ is: 'accepted' });
      await until(warned);
      expect(pictureOn()).toBeUndefined();
    },
  );

  it('stays on the card when it is edited, and gives way to the newer one', async () => {
    const made = channel();
    await made.post(charted, '#oncall', never);
    await until(() => pictureOn() !== undefined);
    await made.post(notice('n2', 'opened'), '#oncall', never);
    expect(pictureOn()).toBe('F000000001');
    await made.post(notice('n3', 'acted', { chart: brokenChart }), '#oncall', never);
    await until(() => pictureOn() === 'F000000002');
  });

  it('that somebody deleted in Slack takes no edit with it', async () => {
    const made = channel();
    await made.post(charted, '#oncall', never);
    await until(() => pictureOn() !== undefined);
    slack.files.splice(0);
    await made.post(notice('n2', 'acted', { title: 'It was rolled back' }), '#oncall', never);
    expect(slack.posts[0]?.text).toContain('It was rolled back');
    expect(pictureOn()).toBeUndefined();
  });

  it('brings back no buttons when it comes after the answer, and the answer does not take it off', async () => {
    slack.processingMs = 2_500;
    const { ear } = listener();
    const made = channel();
    const stop = new AbortController();
    const asked = { ...charted, ...consentNeeded, chart: brokenChart };
    await made.post(asked, '#oncall', never);
    const over = made.listen?.(ear, stop.signal);
    await slack.connected();
    slack.send('interactive', click(slack.posts[0]!, 'watchkeeper.approve', 'abcdef0123456789abcdef'));
    await until(() => JSON.stringify(slack.posts[0]?.blocks).includes('Approved by'));
    await until(() => pictureOn() !== undefined);
    const shown = (): string => JSON.stringify(slack.posts[0]?.blocks);
    expect(shown()).toContain('Approved by');
    expect(shown()).not.toContain('watchkeeper.approve');
    // Slack gives an image back with more than it takes: a press on a card with a picture settles it all the same.
    slack.send('interactive', click(slack.posts[0]!, 'watchkeeper.deny', 'abcdef0123456789abcdef'));
    await until(() => shown().includes('Denied by'));
    expect(pictureOn()).toBeDefined();
    stop.abort();
    await over;
  });

  it('is asked for as long as is reasonable and then left out, by a file that Slack never takes in', async () => {
    const said = (method: string): object => {
      if (method === 'chat.update') return { ok: false, error: 'invalid_blocks' };
      if (method === 'files.getUploadURLExternal')
        return { ok: true, file_id: 'F000000001', upload_url: 'https://files.slack.com/upload/1' };
      return { ok: true, channel: 'C1', ts: '1.1' };
    };
    const world = httpWorld(({ url }) => json(said(url.split('/api/')[1] ?? '')), known);
    const opened = channelKinds(() => undefined)['slack']?.open('slack', { botToken: { env: 'BOT' } }, world.io);
    if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
    const posted = opened.value.post(charted, '#oncall', never);
    const gaveUp = (): boolean =>
      world.logged.some(({ message }) => message.includes('could not be put onto its card'));
    for (let turn = 0; turn < 2_000 && !gaveUp(); turn++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      await world.clock.advance(500);
    }
    expect(gaveUp()).toBe(true);
    expect(await posted).toMatchObject({ is: 'accepted' });
    expect(world.requests.filter(({ url }) => url.endsWith('chat.update'))).toHaveLength(5);
  });

  it('waits for its edit while Slack wants fewer, and what calls somebody does not', async () => {
    slack.editsPerMinute = 0;
    const made = channel();
    await made.post(notice('n1', 'opened'), '#oncall', never);
    expect(await made.post(notice('n2', 'act-failed'), '#oncall', never)).toMatchObject({ is: 'accepted' });
    expect(slack.posts).toHaveLength(2);
    expect(slack.posts[0]?.edits).toBe(0);
  });
});

describe('an answer from Slack', () => {
  it('is brought under the name of who clicked, acknowledged, and takes the place of the buttons', async () => {
    const { heard, ear } = listener();
    await listening(ear, async () => {
      slack.send('interactive', click(slack.posts[0]!, 'watchkeeper.approve', 'abcdef0123456789abcdef'));
      await until(() => slack.posts[0]?.edits === 1);
    });
    expect(heard).toEqual([
      {
        who: { id: 'slack:U0ANA', groups: [] },
        about: 'abcdef0123456789abcdef',
        verdict: 'approve',
        shownOn: 'inc-7',
      },
    ]);
    expect(slack.acknowledged).toEqual(['envelope-1']);
    const shown = JSON.stringify(slack.posts[0]?.blocks);
    expect(shown).toMatch(/Approved by slack:U0ANA at \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
    expect(shown).not.toContain('watchkeeper.approve');
  });

  it('that does not count is told to its sender alone, and the buttons stay', async () => {
    const { ear } = listener({ is: 'refused', settled: false, message: 'too late: the request has expired' });
    await listening(ear, async () => {
      slack.send('interactive', click(slack.posts[0]!, 'watchkeeper.deny', 'abcdef0123456789abcdef'));
      await until(() => slack.whispers.length === 1);
    });
    expect(slack.whispers).toEqual([{ user: 'U0ANA', text: 'too late: the request has expired' }]);
    expect(JSON.stringify(slack.posts[0]?.blocks)).toContain('watchkeeper.approve');
  });

  it('of somebody from another workspace is not heard, and that is told for the ledger', async () => {
    const { heard, commands, refused, ear } = listener();
    await listening(ear, async () => {
      slack.send(
        'interactive',
        click(slack.posts[0]!, 'watchkeeper.approve', 'abcdef0123456789abcdef', 'U0EVE', 'T0EVIL'),
      );
      slack.send('slash_commands', { team_id: 'T0EVIL', user_id: 'U0EVE', channel_id: 'C1', text: 'pause' });
      slack.send('events_api', {
        team_id: 'T0HOME',
        event: { type: 'app_mention', user: 'U0EVE', user_team: 'T0EVIL', channel: 'C1', ts: '1.1', text: 'pause' },
      });
      await until(() => slack.acknowledged.length === 3 && slack.whispers.length === 1);
    });
    expect(heard).toEqual([]);
    expect(commands).toEqual([]);
    await until(() => refused.length === 3);
    expect(refused.every((one) => one.startsWith('slack:U0EVE ') && one.includes('another workspace'))).toBe(true);
  });

  it('of a shape that Slack does not send changes nothing', async () => {
    const { heard, commands, ear } = listener();
    const bad = [
      null,
      {},
      { type: 'block_actions' },
      { type: 'block_actions', user: { id: 7 }, actions: 'x' },
      { ...click(slack.posts[0] ?? ({} as never), 'watchkeeper.reboot', 'x') },
    ];
    await listening(ear, async () => {
      for (const payload of bad) slack.send('interactive', payload as never);
      slack.send('unheard-of', {});
      await until(() => slack.acknowledged.length >= 5);
    });
    expect([...heard, ...commands]).toEqual([]);
  });

  it('comes through again after the connection was cut', async () => {
    const { heard, ear } = listener();
    await listening(ear, async () => {
      slack.cut();
      await slack.connected();
      slack.send('interactive', click(slack.posts[0]!, 'watchkeeper.approve', 'abcdef0123456789abcdef'));
      await until(() => heard.length === 1);
    });
  });

  it('may be a command or a mention; only those whom the settings name come as operators', async () => {
    const { commands, ear } = listener();
    const run = async (): Promise<void> => {
      slack.send('slash_commands', { team_id: 'T0HOME', user_id: 'U0ANA', channel_id: 'C1', text: 'status' });
      slack.send('events_api', {
        team_id: 'T0HOME',
        event: { type: 'app_mention', user: 'U0BEN', channel: 'C1', ts: '1.1', text: '<@U0BOT> resume all is well' },
      });
      await until(() => commands.length === 2 && slack.posts.length === 2 && slack.whispers.length === 1);
    };
    await listening(ear, run, { operators: ['U0BEN'] });
    expect(commands.map((said) => said.replace(/\s+/g, ' ')).sort()).toEqual([
      'slack:U0ANA status',
      'slack:U0BEN chat:operators resume all is well',
    ]);
    expect(slack.posts[1]).toMatchObject({ threadTs: '1.1', text: 'On watch.' });
  });
});

describe('the other buttons of a card', () => {
  const press = (actionId: string, more: object = {}): Promise<string[]> => {
    const { commands, ear } = listener();
    return listening(ear, async () => {
      const payload = click(slack.posts[0]!, actionId, 'inc-7');
      const [action] = payload['actions'] as object[];
      slack.send('interactive', { ...payload, actions: [{ ...action, ...more }] });
      await until(() => slack.whispers.length === 1);
    }).then(() => commands);
  };

  it('say what they are for: snooze, hand over, explain, pause', async () => {
    const option = { selected_option: { value: 'inc-7 4h' } };
    expect(await press('watchkeeper.snooze', option)).toEqual(['slack:U0ANA  snooze inc-7 4h from Slack']);
    slack.whispers.splice(0);
    expect(await press('watchkeeper.hand-over')).toEqual(['slack:U0ANA  hand-over inc-7']);
    slack.whispers.splice(0);
    expect(await press('watchkeeper.explain')).toEqual(['slack:U0ANA  explain inc-7']);
    slack.whispers.splice(0);
    expect(await press('watchkeeper.pause')).toEqual(['slack:U0ANA  pause asked for in Slack on incident inc-7']);
  });

  it('open a form for another runbook, which makes a request of it', async () => {
    const { commands, ear } = listener();
    await listening(ear, async () => {
      slack.send('interactive', click(slack.posts[0]!, 'watchkeeper.runbook', 'inc-7'));
      await until(() => slack.views.length === 1);
      const [view] = slack.views;
      expect(JSON.stringify(view)).toContain('restart-crashed-service');
      const values = {
        runbook: { runbook: { selected_option: { value: 'restart-crashed-service' } } },
        params: { params: { value: 'wait=3' } },
      };
      const user = { id: 'U0ANA', team_id: 'T0HOME' };
      slack.send('interactive', {
        type: 'view_submission',
        team: { id: 'T0HOME' },
        user,
        view: { ...view, state: { values } },
      });
      await until(() => slack.posts.some(({ channel }) => channel === 'U0ANA'));
    });
    expect(commands).toEqual(['slack:U0ANA  runbook inc-7 restart-crashed-service wait=3']);
  });

  it('of one incident on the card of another do nothing', async () => {
    const { commands, refused, ear } = listener();
    await listening(ear, async () => {
      for (const id of ['hand-over', 'explain', 'pause', 'runbook'])
        slack.send('interactive', click(slack.posts[0]!, `watchkeeper.${id}`, 'inc-8'));
      await until(() => refused.length === 4);
    });
    expect(commands).toEqual([]);
    expect(slack.views).toEqual([]);
  });
});

describe('Slack in HTTP mode', () => {
  const secret = 'signing-secret';
  const made = (): Channel => channel({ signingSecret: { env: 'SIGNING' } });
  const form = (payload: object): string => new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
  const approve = (): string => form(click(slack.posts[0]!, 'watchkeeper.approve', 'abcdef0123456789abcdef'));

  it('takes what Slack signed, at once, and once', async () => {
    const { heard, refused, ear } = listener();
    const one = made();
    await one.post(consentNeeded, '#oncall', never);
    const request = signed(secret, Date.now(), approve());
    expect(await one.receive?.(request, ear, never)).toMatchObject({ status: 200, body: '' });
    await until(() => heard.length === 1 && slack.posts[0]?.edits === 1);
    expect(await one.receive?.(request, ear, never)).toMatchObject({ status: 401 });
    expect(heard).toHaveLength(1);
    expect(refused).toEqual(['unknown request: it was sent before']);
  });

  it('answers Slack’s question whether it is there, when that is signed', async () => {
    const { ear } = listener();
    const body = JSON.stringify({ type: 'url_verification', challenge: 'abc' });
    const asked = signed(secret, Date.now(), body, 'application/json');
    expect(await made().receive?.(asked, ear, never)).toMatchObject({ status: 200, body: 'abc' });
    expect(await made().receive?.({ ...asked, headers: {} }, ear, never)).toMatchObject({ status: 401 });
  });

  it('takes commands and mentions too', async () => {
    const { commands, ear } = listener();
    const words = { team_id: 'T0HOME', user_id: 'U0ANA', channel_id: 'C1', text: 'status' };
    const one = made();
    await one.receive?.(signed(secret, Date.now(), new URLSearchParams(words).toString()), ear, never);
    const event = { type: 'app_mention', user: 'U0BEN', channel: 'C1', ts: '1.1', text: '<@U0BOT> explain inc-7' };
    const mention = JSON.stringify({ type: 'event_callback', team_id: 'T0HOME', event });
    await one.receive?.(signed(secret, Date.now(), mention, 'application/json'), ear, never);
    await until(() => commands.length === 2);
  });

  it.each<[string, (body: string) => ReturnType<typeof signed>]>([
    ['is not signed', (body) => ({ ...signed(secret, Date.now(), body), headers: {} as never })],
    ['is signed under another secret', (body) => signed('another', Date.now(), body)],
    ['is signed under no secret', (body) => signed('', Date.now(), body)],
    ['was signed six minutes ago', (body) => signed(secret, Date.now() - 361_000, body)],
    ['is signed for six minutes from now', (body) => signed(secret, Date.now() + 361_000, body)],
    ['was changed on its way', (body) => ({ ...signed(secret, Date.now(), body), body: Buffer.from(`${body}&x=1`) })],
  ])('refuses what %s, and says so for the ledger', async (_how, request) => {
    const { heard, refused, ear } = listener();
    const one = made();
    await one.post(consentNeeded, '#oncall', never);
    expect(await one.receive?.(request(approve()), ear, never)).toMatchObject({ status: 401 });
    expect(heard).toEqual([]);
    expect(refused).toHaveLength(1);
  });

  it('is not there without a signing secret', () => {
    expect('receive' in channel()).toBe(false);
  });
});

describe('two hundred incidents in a minute', () => {
  it('are few messages, none of them refused by Slack, each incident named and each question on a card', async () => {
    const made = channel();
    const incident = (n: number) => ({ ...consentNeeded.incident!, id: `inc-${n}` });
    const plan = (n: number) => ({ ...consentNeeded.plan!, id: `${String(n).padStart(4, '0')}abcdef0123456789` });
    const stop = AbortSignal.timeout(15_000);
    const opened = Array.from({ length: 200 }, (_, n) =>
      made.post(notice(`o${n}`, 'opened', { incident: incident(n), title: `shop-${n}-is-ill` }), '#oncall', stop),
    );
    const asked = Array.from({ length: 10 }, (_, n) =>
      made.post(notice(`a${n}`, 'approval-needed', { incident: incident(n), plan: plan(n) }), '#oncall', stop),
    );
    const all = await Promise.all([...opened, ...asked]);
    expect(all.filter(({ is }) => is === 'failed')).toEqual([]);
    expect(slack.posts.length).toBeLessThan(20);
    const shown = JSON.stringify(slack.posts.map(({ blocks }) => blocks));
    for (let n = 0; n < 200; n++) expect(shown).toContain(`shop-${n}-is-ill`);
    await until(() => {
      const buttons = slack.posts.filter(({ blocks }) => JSON.stringify(blocks).includes('watchkeeper.approve'));
      return buttons.length >= 10;
    }, 2_000);
    expect(slack.refusedForPace).toBe(0);
  }, 60_000);
});

describe('the settings of Slack', () => {
  it('are tried by check: a wrong token is told', async () => {
    await expect(channel().check(never)).resolves.toBeUndefined();
    await expect(channel({ botToken: { env: 'OLD' } }).check(never)).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('say that listening fails on a wrong app token, instead of waiting for ever', async () => {
    const listened = channel({ appToken: { env: 'BOT' } }).listen?.(listener().ear, never);
    await expect(listened).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('hold no token', () => {
    const opened = channelKinds(() => undefined)['slack']?.open(
      's',
      { botToken: 'xoxb-1' },
      httpWorld(() => 'refuse', {}).io,
    );
    expect(opened?.ok).toBe(false);
  });
});
