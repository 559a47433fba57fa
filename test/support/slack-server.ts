import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

import { limitsBroken, type SlackFile } from './slack-rules.ts';

type Body = Record<string, unknown>;

/** A message as it stands in a conversation. */
export interface SlackPost {
  readonly channel: string;
  readonly ts: string;
  readonly threadTs: string | undefined;
  readonly broadcast: boolean;
  text: string;
  blocks: readonly Body[];
  edits: number;
}

/**
 * What of Slack the channel uses, after its documentation, over real HTTP and a real WebSocket: the Web API methods, tokens,
 * Socket Mode with its acknowledgements, and its limits: what is told in `slack-rules.ts` of a message, one message a second in a
 * conversation, fifty edits a minute, a hundred calls a minute of the methods for files. A file is taken in some time after its
 * upload was completed: until then a message that shows it is refused, as is one that shows a file nobody uploaded.
 */
export interface SlackServer {
  readonly apiUrl: string;
  readonly posts: SlackPost[];
  /** Files that were asked for, sent and shared. */
  readonly files: SlackFile[];
  /** How long a file takes until it can be shown, ms. */
  processingMs: number;
  /** Forms that were opened. */
  readonly views: Body[];
  readonly whispers: { readonly user: string; readonly text: string }[];
  readonly acknowledged: string[];
  readonly calls: string[];
  /** Answers instead of the server when it gives something: an error word, or a status. */
  fault: (
    method: string,
  ) => { readonly status?: number; readonly error?: string; readonly retryAfter?: number } | undefined;
  /** Messages a second and conversation, and edits a minute; more are refused with 429. */
  pacePerSecond: number;
  editsPerMinute: number;
  /** How many were. */
  refusedForPace: number;
  connected(): Promise<void>;
  /** Sends an envelope over the socket, as Slack does for clicks and commands. */
  send(type: string, payload: Body): void;
  /** Closes all sockets, as a network would. */
  cut(): void;
  close(): Promise<void>;
}

const tokens = { bot: 'xoxb-right', app: 'xapp-right' };

export async function startSlack(): Promise<SlackServer> {
  const sockets = new Set<WebSocket>();
  const waiting: (() => void)[] = [];
  const tooFast = pace(() => slack.refusedForPace++);
  let clicks = 0;
  let stamps = 0;
  const http = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const upload = slack.files.find(({ id }) => request.url === `/upload/${id}`);
      if (upload !== undefined) {
        const bytes = Buffer.concat(chunks);
        upload.bytes = bytes;
        response.writeHead(bytes.length === upload.length ? 200 : 400);
        response.end('OK');
        return;
      }
      const method = (request.url ?? '').replace('/api/', '');
      slack.calls.push(method);
      const reply = (status: number, body: Body, headers: Record<string, string> = {}): void => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(JSON.stringify(body));
      };
      const fault = slack.fault(method);
      const wanted = method === 'apps.connections.open' ? tokens.app : tokens.bot;
      const slower = { ok: false, error: 'ratelimited' };
      if (fault?.status === 429) reply(429, slower, { 'retry-after': String(fault.retryAfter ?? 1) });
      else if (fault?.status !== undefined) reply(fault.status, { ok: false });
      else if (fault?.error !== undefined) reply(200, { ok: false, error: fault.error });
      else if (request.headers.authorization !== `Bearer ${wanted}`) reply(200, { ok: false, error: 'invalid_auth' });
      else {
        const answer = handle(method, parse(text, request.headers['content-type'] ?? ''));
        if ('waitS' in answer) reply(429, slower, { 'retry-after': String(answer.waitS) });
        else reply(200, answer);
      }
    });
  });
  const handle = (method: string, body: Body): Body | { readonly waitS: number } => {
    const channel = textOf(body['channel']);
    switch (method) {
      case 'auth.test':
        return { ok: true, team_id: 'T0HOME', user_id: 'U0BOT' };
      case 'apps.connections.open':
        return { ok: true, url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/socket` };
      case 'chat.postMessage': {
        if (channel === '#nowhere') return { ok: false, error: 'channel_not_found' };
        if (tooFast(channel, slack.pacePerSecond, 1_000)) return { waitS: 1 };
        const wrong = limitsBroken(body, slack.files);
        if (wrong !== undefined) return { ok: false, error: wrong };
        const ts = `1700000000.${String(++stamps).padStart(6, '0')}`;
        slack.posts.push({
          channel: idOf(channel),
          ts,
          threadTs: body['thread_ts'] as string | undefined,
          broadcast: body['reply_broadcast'] === true,
          text: String(body['text']),
          blocks: body['blocks'] as Body[],
          edits: 0,
        });
        return { ok: true, channel: idOf(channel), ts };
      }
      case 'chat.update': {
        if (tooFast(method, slack.editsPerMinute, 60_000)) return { waitS: 10 };
        const post = slack.posts.find((one) => one.ts === body['ts'] && one.channel === channel);
        const wrong = post === undefined ? 'message_not_found' : limitsBroken(body, slack.files);
        if (wrong !== undefined || post === undefined) return { ok: false, error: wrong };
        post.text = String(body['text']);
        post.blocks = body['blocks'] as Body[];
        post.edits++;
        return { ok: true, channel, ts: post.ts };
      }
      case 'files.getUploadURLExternal': {
        if (tooFast(method, 100, 60_000)) return { waitS: 10 };
        const length = Number(body['length']);
        if (!Number.isInteger(length) || length < 1 || textOf(body['filename']) === '')
          return { ok: false, error: 'invalid_arguments' };
        const id = `F${String(slack.files.length + 1).padStart(9, '0')}`;
        slack.files.push({ id, length, completed: false, ready: false });
        return { ok: true, file_id: id, upload_url: slack.apiUrl.replace('/api/', `/upload/${id}`) };
      }
      case 'files.completeUploadExternal': {
        if (tooFast(method, 100, 60_000)) return { waitS: 10 };
        const said = body['files'];
        const files = (typeof said === 'string' ? JSON.parse(said) : said) as Body[];
        const file = slack.files.find(({ id, completed }) => id === files[0]?.['id'] && !completed);
        if (file?.bytes === undefined) return { ok: false, error: 'file_not_found' };
        const shared = textOf(body['channel_id']);
        if (shared !== '' && !/^[CDG]/.test(shared)) return { ok: false, error: 'invalid_channel' };
        if (shared !== '') file.channel = shared;
        file.completed = true;
        setTimeout(() => (file.ready = true), slack.processingMs).unref();
        return { ok: true, files };
      }
      case 'views.open':
        if (textOf(body['trigger_id']) === '') return { ok: false, error: 'invalid_trigger_id' };
        slack.views.push(
          typeof body['view'] === 'string' ? (JSON.parse(body['view']) as Body) : (body['view'] as Body),
        );
        return { ok: true };
      case 'chat.postEphemeral':
        slack.whispers.push({ user: String(body['user']), text: String(body['text']) });
        return { ok: true };
      default:
        return { ok: false, error: 'unknown_method' };
    }
  };
  const wss = new WebSocketServer({ server: http, path: '/socket' });
  wss.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('message', (data: Buffer) => {
      const { envelope_id: id } = JSON.parse(data.toString()) as { envelope_id?: string };
      if (id !== undefined) slack.acknowledged.push(id);
    });
    socket.send(JSON.stringify({ type: 'hello', num_connections: 1, connection_info: { app_id: 'A0APP' } }));
    for (const resolve of waiting.splice(0)) resolve();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const slack: SlackServer = {
    apiUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}/api/`,
    posts: [],
    files: [],
    processingMs: 300,
    views: [],
    whispers: [],
    acknowledged: [],
    calls: [],
    fault: () => undefined,
    pacePerSecond: 1,
    editsPerMinute: 50,
    refusedForPace: 0,
    connected: () => (sockets.size > 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    send: (type, payload) => {
      const envelope = {
        type,
        envelope_id: `envelope-${++clicks}`,
        accepts_response_payload: type === 'slash_commands',
        payload,
      };
      const [socket] = sockets;
      socket?.send(JSON.stringify(envelope));
    },
    cut: () => {
      for (const socket of sockets) socket.terminate();
      sockets.clear();
    },
    close: async () => {
      for (const socket of sockets) socket.terminate();
      wss.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return slack;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function idOf(channel: string): string {
  return channel.startsWith('#') ? `C${channel.slice(1).toUpperCase()}` : channel;
}

function parse(text: string, type: string): Body {
  if (type.includes('json')) return JSON.parse(text) as Body;
  const form: Body = Object.fromEntries(new URLSearchParams(text));
  if (typeof form['blocks'] === 'string') form['blocks'] = JSON.parse(form['blocks']) as unknown;
  if (form['reply_broadcast'] === 'true') form['reply_broadcast'] = true;
  return form;
}

/** Counts within a window that moves along; says when one more is too many. */
function pace(refused: () => void): (what: string, most: number, withinMs: number) => boolean {
  const seen = new Map<string, number[]>();
  return (what, most, withinMs) => {
    const now = performance.now();
    const recent = (seen.get(what) ?? []).filter((at) => now - at < withinMs);
    const isTooMany = recent.length >= most;
    if (isTooMany) refused();
    seen.set(what, isTooMany ? recent : [...recent, now]);
    return isTooMany;
  };
}

/** A click on a button of a message, as Socket Mode carries it. */
export function click(post: SlackPost, actionId: string, value: string, user = 'U0ANA', team = 'T0HOME'): Body {
  return {
    type: 'block_actions',
    team: { id: team },
    user: { id: user, team_id: team },
    trigger_id: 'trigger-1',
    container: { type: 'message', message_ts: post.ts, channel_id: post.channel },
    message: { ts: post.ts, text: post.text, blocks: blocksOf(post).map(asGivenBack) },
    actions: [{ type: 'button', action_id: actionId, value, block_id: blockOf(post) }],
  };
}

// Slack adds to an image what it knows of it, and does not take that back.
function asGivenBack(block: Body): Body {
  if (block['type'] !== 'image') return block;
  const file = block['slack_file'] as Body;
  return {
    ...block,
    slack_file: { ...file, url: 'https://files.slack.com/x.png' },
    image_width: 880,
    image_bytes: 9_000,
  };
}

function blocksOf(post: SlackPost): readonly Body[] {
  return (post as { blocks?: readonly Body[] }).blocks ?? [];
}

function blockOf(post: SlackPost): unknown {
  return blocksOf(post).find((block) => block['type'] === 'actions')?.['block_id'];
}

/** A request as Slack sends it in HTTP mode, signed under the secret. */
export function signed(secret: string, atMs: number, body: string, type = 'application/x-www-form-urlencoded') {
  const seconds = String(Math.floor(atMs / 1_000));
  const mac = createHmac('sha256', secret).update(`v0:${seconds}:${body}`).digest('hex');
  const headers = { 'content-type': type, 'x-slack-request-timestamp': seconds, 'x-slack-signature': `v0=${mac}` };
  return { headers, body: new TextEncoder().encode(body) };
}
