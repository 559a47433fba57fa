import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { channelKinds } from '../../src/chat/index.ts';
import type { Channel, Notice } from '../../src/domain/ports/channel.ts';
import { realReader } from '../support/real-reader.ts';
import { brokenChart, consentNeeded } from './notices.ts';

const never = new AbortController().signal;

interface Taken {
  readonly to: readonly string[];
  readonly raw: string;
}

let server: SMTPServer;
let taken: Taken[];
let refuse: number | undefined;

beforeEach(async () => {
  taken = [];
  refuse = undefined;
  server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    authOptional: true,
    onAuth: (auth, _session, done) => {
      if (auth.username === 'watchkeeper' && auth.password === 'right') done(null, { user: 'watchkeeper' });
      else done(new Error('Invalid username or password'));
    },
    onData: (stream, session, done) => {
      let raw = '';
      stream.on('data', (chunk: Buffer) => (raw += chunk.toString()));
      stream.on('end', () => {
        if (refuse !== undefined) {
          done(Object.assign(new Error('refused'), { responseCode: refuse }));
          return;
        }
        taken.push({ to: session.envelope.rcptTo.map((one) => one.address), raw });
        done(null, 'queued as 1');
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => new Promise<void>((resolve) => server.close(() => resolve())));

function email(config: object = {}): Channel {
  const port = (server.server.address() as AddressInfo).port;
  const settings = {
    host: '127.0.0.1',
    port,
    security: 'none',
    from: 'watchkeeper@example.com',
    timeout: '2s',
    ...config,
  };
  const opened = channelKinds(() => undefined)['email']?.open(
    'email',
    settings,
    realReader({ GOOD: 'right', BAD: 'wrong' }),
  );
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  return opened.value;
}

function notice(kind: Notice['kind'], more: Partial<Notice> = {}): Notice {
  return { ...consentNeeded, id: `inc-7/${kind}`, kind, ...more };
}

function header(raw: string, name: string): string {
  return new RegExp(`^${name}: (.*(?:\r?\n[ \t].*)*)`, 'im').exec(raw)?.[1]?.replace(/\r?\n\s+/g, ' ') ?? '';
}

it('hands a mail to the server that says what is wrong and how to answer', async () => {
  expect(await email().post(consentNeeded, 'sre@example.com', never)).toMatchObject({
    is: 'accepted',
    ref: expect.stringContaining('queued') as string,
  });
  expect(taken[0]?.to).toEqual(['sre@example.com']);
  expect(taken[0]?.raw).toContain('watchkeeper approve abcdef012345');
  expect(header(taken[0]!.raw, 'auto-submitted')).toBe('auto-generated');
});

it('keeps all mail of an incident in one conversation, restarts included', async () => {
  await email().post(notice('opened'), 'sre@example.com', never);
  await email().post(notice('resolved'), 'sre@example.com', never);
  const [first, second] = taken.map(({ raw }) => raw);
  expect(header(second!, 'in-reply-to')).toBe(header(first!, 'message-id'));
});

it('lets no text add a header or a recipient', async () => {
  const title = 'x\r\nBcc: eve@evil.example\r\n\r\nhello';
  await email().post(notice('opened', { title, lines: ['.\r\nQUIT'] }), 'sre@example.com', never);
  expect(taken[0]?.to).toEqual(['sre@example.com']);
  expect(header(taken[0]!.raw, 'bcc')).toBe('');
  expect(await email().post(consentNeeded, 'sre@example.com\r\nRCPT TO:<eve@evil.example>', never)).toMatchObject({
    is: 'failed',
    retryable: false,
  });
  expect(await email().post(consentNeeded, 'a@b.c, eve@evil.example', never)).toMatchObject({
    is: 'failed',
    retryable: false,
  });
  expect(taken).toHaveLength(1);
});

it('signs in, and says when it may not', async () => {
  const auth = (env: string) => ({ auth: { user: 'watchkeeper', password: { env } } });
  expect(await email(auth('GOOD')).post(consentNeeded, 'sre@example.com', never)).toMatchObject({ is: 'accepted' });
  expect(await email(auth('BAD')).post(consentNeeded, 'sre@example.com', never)).toMatchObject({
    is: 'failed',
    retryable: false,
  });
  await expect(email(auth('BAD')).check(never)).rejects.toMatchObject({ code: 'unauthorized' });
  await expect(email().check(never)).resolves.toBeUndefined();
});

it('says whether a failure may pass: a full mailbox may, a refused sender does not', async () => {
  refuse = 452;
  expect(await email().post(consentNeeded, 'sre@example.com', never)).toMatchObject({ is: 'failed', retryable: true });
  refuse = 550;
  expect(await email().post(consentNeeded, 'sre@example.com', never)).toMatchObject({ is: 'failed', retryable: false });
});

it('never sends in clear text where encryption was asked for', async () => {
  const delivery = await email({ security: 'starttls' }).post(consentNeeded, 'sre@example.com', never);
  expect(delivery).toMatchObject({ is: 'failed' });
  expect(taken).toEqual([]);
});

it('fails in time when the server is gone, and when its caller gives up', async () => {
  const channel = email();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  expect(await channel.post(consentNeeded, 'sre@example.com', never)).toMatchObject({ is: 'failed', retryable: true });
  const stopped = AbortSignal.abort();
  expect(await channel.post(consentNeeded, 'sre@example.com', stopped)).toMatchObject({ is: 'failed' });
});

it('shows the chart below the text, and the text alone where there is none', async () => {
  await email().post(notice('opened', { chart: brokenChart, lines: ['<b>not markup</b>'] }), 'sre@example.com', never);
  await email().post(notice('acted'), 'sre@example.com', never);
  expect(taken[0]?.raw).toContain('Content-Type: image/png');
  expect(taken[0]?.raw).toContain('iVBORw0KGgo');
  expect(taken[0]?.raw).toContain('&lt;b&gt;not markup&lt;/b&gt;');
  expect(taken[1]?.raw).not.toContain('text/html');
});
