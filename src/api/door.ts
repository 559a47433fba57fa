import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import type { createAdaptorServer } from '@hono/node-server';

import { WatchkeeperError } from '../lib/errors.ts';
import { oneLine } from '../lib/text.ts';
import type { Refusals } from './refusals.ts';

type Server = ReturnType<typeof createAdaptorServer>;

/** What is on the request once the app has taken it: whatever comes of it is written down there. */
export const taken: WeakSet<object> = new WeakSet();

/**
 * Writes down what never comes as far as the app: bytes that are no request, requests that take too long, headers that are too
 * large, requests that two servers could read differently, and connections above the most there may be. Each is refused as Node
 * itself would have refused it.
 */
export function watchTheDoor(server: Server, refused: Refusals): void {
  const note = (what: string, because: string, code: 'malformed' | 'rate-limited' | 'too-large', peer?: string): void =>
    refused({ what, who: 'nobody', error: new WatchkeeperError(code, because), peer, inLogAlone: false });
  server.on('clientError', (thrown: NodeJS.ErrnoException, socket: Duplex) => {
    const reply = replyTo(thrown.code ?? '');
    const { remoteAddress } = socket as { readonly remoteAddress?: string };
    if (reply !== undefined) {
      const { status, because } = reply;
      note('bytes', because, status.startsWith('431') ? 'too-large' : 'malformed', remoteAddress);
      if (socket.writable) socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    }
    socket.destroy();
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    response.once('finish', () => {
      if (taken.has(request) || response.statusCode < 400) return;
      const what = `${oneLine(request.method ?? '', 20)} ${oneLine(request.url ?? '', 200)}`;
      note(what, 'its address or host is not one that a request may have', 'malformed', request.socket.remoteAddress);
    });
  });
  server.on('drop', (dropped?: { readonly remoteAddress?: string }) => {
    note('a connection', 'there are as many connections as there may be', 'rate-limited', dropped?.remoteAddress);
  });
}

// Of a connection that its peer cut there is nothing to say.
function replyTo(code: string): { readonly status: string; readonly because: string } | undefined {
  if (code === 'HPE_HEADER_OVERFLOW')
    return { status: '431 Request Header Fields Too Large', because: 'its headers are too large' };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { status: '408 Request Timeout', because: 'it did not arrive whole in time' };
  if (code.startsWith('HPE_')) return { status: '400 Bad Request', because: `it is no request (${code})` };
  return undefined;
}
