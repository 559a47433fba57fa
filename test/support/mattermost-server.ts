import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

type Body = Record<string, unknown>;

/** A post as it stands. */
export interface MattermostPost {
  readonly id: string;
  readonly channel: string;
  readonly rootId: string;
  message: string;
  actions: Body[];
  edits: number;
}

/**
 * What of Mattermost the channel uses, after its published REST API (v4) and its interactive messages, over real HTTP: tokens,
 * ids of 26 characters, 16,383 characters a message, and names of actions in letters and digits only.
 */
export interface MattermostServer {
  readonly url: string;
  readonly posts: MattermostPost[];
  /** Statuses to answer with before anything else is looked at. */
  readonly faults: number[];
  /** The request that Mattermost makes when somebody presses a button. */
  press(
    post: MattermostPost,
    name: string,
    user: string,
    more?: Body,
  ): { headers: Record<string, string>; body: Uint8Array };
  close(): Promise<void>;
}

export const channelId = 'c'.repeat(26);

export async function startMattermost(token: string): Promise<MattermostServer> {
  let made = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const answer = (status: number, body: Body): void => {
        response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '0' });
        response.end(JSON.stringify(body));
      };
      const fault = mattermost.faults.shift();
      if (fault !== undefined) {
        answer(fault, { message: `fault ${fault}` });
        return;
      }
      if (request.headers.authorization !== `Bearer ${token}`) {
        answer(401, { message: 'Invalid or expired session' });
        return;
      }
      const text = Buffer.concat(chunks).toString();
      const [status, body] = handle(
        `${request.method ?? ''} ${request.url ?? ''}`,
        text === '' ? {} : (JSON.parse(text) as Body),
      );
      answer(status, body);
    });
  });
  const handle = (what: string, body: Body): readonly [number, Body] => {
    if (what === 'GET /api/v4/users/me') return [200, { id: 'b'.repeat(26) }];
    const actions = actionsIn(body);
    const message = textOf(body['message']);
    const broken = Array.from(message).length > 16_383 || actions.some(({ id }) => !/^[A-Za-z0-9]+$/.test(String(id)));
    if (broken) return [400, { message: 'Invalid post' }];
    const patched = /^PUT \/api\/v4\/posts\/([a-z0-9]{26})\/patch$/.exec(what)?.[1];
    if (patched !== undefined) {
      const post = mattermost.posts.find(({ id }) => id === patched);
      if (post === undefined) return [404, { message: 'Unable to get the post' }];
      Object.assign(post, { message, actions, edits: post.edits + 1 });
      return [200, { id: post.id }];
    }
    if (what !== 'POST /api/v4/posts') return [404, { message: 'not here' }];
    if (body['channel_id'] !== channelId) return [403, { message: 'You do not have the appropriate permissions' }];
    const id = `p${String(++made).padStart(25, '0')}`;
    mattermost.posts.push({
      id,
      channel: channelId,
      rootId: textOf(body['root_id']),
      message,
      actions,
      edits: 0,
    });
    return [201, { id }];
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const mattermost: MattermostServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts: [],
    faults: [],
    press: (post, name, user, more = {}) => {
      const action = post.actions.find((one) => one['name'] === name);
      const { context } = action?.['integration'] as { context: Body };
      const body = { user_id: user, channel_id: post.channel, post_id: post.id, context, ...more };
      return { headers: { 'content-type': 'application/json' }, body: new TextEncoder().encode(JSON.stringify(body)) };
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return mattermost;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function actionsIn(body: Body): Body[] {
  const { attachments } = (body['props'] ?? {}) as { attachments?: { actions?: Body[] }[] };
  return (attachments ?? []).flatMap(({ actions }) => actions ?? []);
}
