import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { isObject } from '../../../src/lib/dig.ts';

/** A request to a forge, taken apart. */
export interface ForgeRequest {
  readonly method: string;
  /** Below the API's root, decoded part by part. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
  readonly body: JsonObject;
}

/** What it answers. */
export interface ForgeReply {
  readonly status: number;
  readonly body?: Json;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A running forge. */
export interface ForgeServer {
  readonly url: string;
  readonly host: string;
  /** Every request that was let in: `POST /repos/...`. */
  readonly requests: string[];
  /** Asked first; an answer of it stands for the forge's. */
  intercept: (request: ForgeRequest) => ForgeReply | 'cut' | undefined;
  /** Answers of this many requests are lost after they took effect. */
  cutAfter: (request: ForgeRequest) => boolean;
  stop(): Promise<void>;
}

/** Serves an API on loopback. `isAllowed` looks at the headers. */
export async function serveForge(
  isAllowed: (headers: IncomingMessage['headers']) => boolean,
  answer: (request: ForgeRequest, url: string) => ForgeReply,
): Promise<ForgeServer> {
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const url = new URL(incoming.url ?? '/', forge.url);
      const text = Buffer.concat(chunks).toString('utf8');
      const parsed = text === '' ? {} : (JSON.parse(text) as Json);
      const request: ForgeRequest = {
        method: incoming.method ?? '',
        parts: url.pathname.split('/').slice(1).map(decodeURIComponent),
        query: url.searchParams,
        body: isObject(parsed) ? parsed : {},
      };
      const reply = ((): ForgeReply | 'cut' => {
        if (!isAllowed(incoming.headers)) return { status: 401, body: { message: 'Bad credentials' } };
        const given = forge.intercept(request);
        if (given !== undefined) return given;
        forge.requests.push(`${request.method} ${url.pathname}`);
        const answered = answering(() => answer(request, forge.url));
        return forge.cutAfter(request) ? 'cut' : answered;
      })();
      if (reply === 'cut') {
        incoming.socket.destroy();
        return;
      }
      outgoing.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
      outgoing.end(reply.body === undefined ? '' : JSON.stringify(reply.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const forge: ForgeServer = {
    url: `http://${host}`,
    host,
    requests: [],
    intercept: () => undefined,
    cutAfter: () => false,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return forge;
}

// A mistake of the forge is an answer too, and not a request that hangs.
function answering(answer: () => ForgeReply): ForgeReply {
  try {
    return answer();
  } catch (thrown) {
    return { status: 500, body: { message: String(thrown) } };
  }
}

/** A page of a listing, with GitHub's and GitLab's header for the next. At most `most` a page, whatever is asked. */
export function page(items: readonly Json[], { query, parts }: ForgeRequest, url: string, most = 100): ForgeReply {
  const size = Math.min(most, Number(query.get('per_page') ?? 30));
  const at = Number(query.get('page') ?? 1);
  const next = new URLSearchParams(query);
  next.set('page', String(at + 1));
  const isLast = items.length <= at * size;
  const link = `<${url}/${parts.map(encodeURIComponent).join('/')}?${next.toString()}>; rel="next"`;
  return { status: 200, body: items.slice((at - 1) * size, at * size), headers: isLast ? {} : { link } };
}
