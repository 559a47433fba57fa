import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

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
 * Socket Mode with its acknowledgements, and its limits: 50 blocks, 150 characters a header, 3,000 a section, 2,000 a button's
 * value, and about one message a second in a conversation.
 */
export interface SlackServer {
  readonly apiUrl: string;
  readonly posts: SlackPost[];
  /** Files that were asked for, sent and shared. */
  readonly uploads: { id: string; length: number; bytes: Buffer | undefined; channel: string; threadTs: string }[];
  /** Forms that were opened. */
  readonly views: Body[];
  readonly whispers: { readonly user: string; readonly text: string }[];
  readonly acknowledged: string[];
  readonly calls: string[];
  /** Answers instead of the server when it gives something: an error word, or a status. */
  fault: (
    method: string,
  ) => { readonly status?: number; readonly error?: string; readonly retryAfter?: number } | undefined;
  /** Messages a second and conversation; more are refused with 429. */
  pacePerSecond: number;
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
  const postedAt = new Map<string, number[]>();
  let clicks = 0;
  let stamps = 0;
  const http = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const upload = slack.uploads.find(({ id }) => request.url === `/upload/${id}`);
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
      const tooFast = { ok: false, error: 'ratelimited' };
      if (fault?.status === 429) reply(429, tooFast, { 'retry-after': String(fault.retryAfter ?? 1) });
      else if (fault?.status !== undefined) reply(fault.status, { ok: false });
      else if (fault?.error !== undefined) reply(200, { ok: false, error: fault.error });
      else if (request.headers.authorization !== `Bearer ${wanted}`) reply(200, { ok: false, error: 'invalid_auth' });
      else {
        const answer = handle(method, parse(text, request.headers['content-type'] ?? ''));
        if (answer === 'too-fast') reply(429, tooFast, { 'retry-after': '1' });
        else reply(200, answer);
      }
    });
  });
  const handle = (method: string, body: Body): Body | 'too-fast' => {
    const channel = textOf(body['channel']);
    switch (method) {
      case 'auth.test':
        return { ok: true, team_id: 'T0HOME', user_id: 'U0BOT' };
      case 'apps.connections.open':
        return { ok: true, url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/socket` };
      case 'chat.postMessage': {
        if (channel === '#nowhere') return { ok: false, error: 'channel_not_found' };
        const now = performance.now();
        const recent = (postedAt.get(channel) ?? []).filter((at) => now - at < 1_000);
        if (recent.length >= slack.pacePerSecond) {
          slack.refusedForPace++;
          return 'too-fast';
        }
        postedAt.set(channel, [...recent, now]);
        const wrong = limitsBroken(body);
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
        const post = slack.posts.find((one) => one.ts === body['ts'] && one.channel === channel);
        const wrong = post === undefined ? 'message_not_found' : limitsBroken(body);
        if (wrong !== undefined || post === undefined) return { ok: false, error: wrong };
        post.text = String(body['text']);
        post.blocks = body['blocks'] as Body[];
        post.edits++;
        return { ok: true, channel, ts: post.ts };
      }
      case 'files.getUploadURLExternal': {
        const id = `F${slack.uploads.length + 1}`;
        slack.uploads.push({ id, length: Number(body['length']), bytes: undefined, channel: '', threadTs: '' });
        return { ok: true, file_id: id, upload_url: slack.apiUrl.replace('/api/', `/upload/${id}`) };
      }
      case 'files.completeUploadExternal': {
        const files =
          typeof body['files'] === 'string' ? (JSON.parse(body['files']) as Body[]) : (body['files'] as Body[]);
        const upload = slack.uploads.find(({ id }) => id === files[0]?.['id']);
        if (upload?.bytes === undefined) return { ok: false, error: 'file_not_found' };
        if (!/^[CDG]/.test(textOf(body['channel_id']))) return { ok: false, error: 'invalid_channel' };
        upload.channel = textOf(body['channel_id']);
        upload.threadTs = textOf(body['thread_ts']);
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
    uploads: [],
    views: [],
    whispers: [],
    acknowledged: [],
    calls: [],
    fault: () => undefined,
    pacePerSecond: 1,
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

function limitsBroken(body: Body): string | undefined {
  const blocks = (body['blocks'] ?? []) as Body[];
  if (textOf(body['text']) === '') return 'no_text';
  if (blocks.length > 50) return 'invalid_blocks';
  if (JSON.stringify(blocks).length > 13_200) return 'msg_blocks_too_long';
  const bad = blocks.some((block) => {
    const text = (block['text'] as Body | undefined)?.['text'];
    const most = block['type'] === 'header' ? 150 : 3_000;
    if (text !== undefined && (typeof text !== 'string' || text.length === 0 || text.length > most)) return true;
    const elements = (block['elements'] ?? []) as Body[];
    if (block['type'] === 'actions' && elements.length > 25) return true;
    if (block['type'] === 'context' && elements.length > 10) return true;
    return elements.some((element) => textOf(element['value']).length > 2_000);
  });
  return bad ? 'invalid_blocks' : undefined;
}

/** A click on a button of a message, as Socket Mode carries it. */
export function click(post: SlackPost, actionId: string, value: string, user = 'U0ANA', team = 'T0HOME'): Body {
  return {
    type: 'block_actions',
    team: { id: team },
    user: { id: user, team_id: team },
    trigger_id: 'trigger-1',
    container: { type: 'message', message_ts: post.ts, channel_id: post.channel },
    message: { ts: post.ts, text: post.text, blocks: post.blocks },
    actions: [{ type: 'button', action_id: actionId, value, block_id: blockOf(post) }],
  };
}

function blockOf(post: SlackPost): unknown {
  const blocks = (post as { blocks?: readonly Body[] }).blocks ?? [];
  return blocks.find((block) => block['type'] === 'actions')?.['block_id'];
}

/** A request as Slack sends it in HTTP mode, signed under the secret. */
export function signed(secret: string, atMs: number, body: string, type = 'application/x-www-form-urlencoded') {
  const seconds = String(Math.floor(atMs / 1_000));
  const mac = createHmac('sha256', secret).update(`v0:${seconds}:${body}`).digest('hex');
  const headers = { 'content-type': type, 'x-slack-request-timestamp': seconds, 'x-slack-signature': `v0=${mac}` };
  return { headers, body: new TextEncoder().encode(body) };
}
