import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An answer as it is on the wire. */
export interface Reply {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What happens to a call instead of its answer: another answer, a connection that is cut in the middle of one, or silence. */
export type Trouble = Reply | 'cut' | 'silence';

/** What can be in the way of a cloud. */
export interface Front {
  /** Calls that came, but those for tokens. */
  readonly calls: () => number;
  /** From now on; `where` says which calls, by path and body. Absent trouble: none. */
  befall(trouble?: Trouble, where?: (path: string, body: string) => boolean): void;
  /** Answers a call if it is in its way. */
  readonly taken: (path: string, body: string, response: ServerResponse) => boolean;
}

/** Makes it; nothing is in the way. */
export function frontOf(): Front {
  let trouble: Trouble | undefined;
  let where: (path: string, body: string) => boolean = () => true;
  let calls = 0;
  return {
    calls: () => calls,
    befall: (now, which = () => true) => {
      trouble = now;
      where = which;
    },
    taken: (path, body, response) => {
      calls++;
      if (trouble === undefined || !where(path, body)) return false;
      inTheWay(trouble, response);
      return true;
    },
  };
}

/** Starts a server with a front, before a handler that answers or before another server. */
export async function startFront(
  front: Front,
  behind: string | ((body: string) => Reply),
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    if (front.taken(request.url ?? '/', body, response)) return;
    const said = typeof behind === 'string' ? await passedOn(behind, request, body) : behind(body);
    response.writeHead(said.status, said.headers).end(said.body);
  };
  const server = createServer((request, response) => {
    handle(request, response).catch((thrown: unknown) => response.writeHead(599).end(String(thrown)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function inTheWay(trouble: Trouble, response: ServerResponse): void {
  if (trouble === 'silence') return;
  if (trouble === 'cut') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"va', () => response.socket?.destroy());
    return;
  }
  response.writeHead(trouble.status, { 'content-type': 'application/json', ...trouble.headers }).end(trouble.body);
}

async function passedOn(target: string, request: IncomingMessage, body: string): Promise<Reply> {
  const headers = Object.entries(request.headers).flatMap(([name, value]) =>
    value === undefined || hopByHop.has(name) ? [] : [[name, String(value)] as [string, string]],
  );
  const answer = await fetch(`${target}${request.url ?? '/'}`, {
    ...{ method: request.method ?? 'GET', headers },
    ...(body === '' ? {} : { body }),
  });
  const type = answer.headers.get('content-type') ?? 'application/json';
  return { status: answer.status, body: await answer.text(), headers: { 'content-type': type } };
}

const hopByHop = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'expect', 'accept-encoding']);
