import { lookup } from 'node:dns';
import { request as requestHttp, Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { request as requestHttps, Agent as HttpsAgent } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';

import { WatchkeeperError } from '../lib/errors.ts';
import { limits } from '../lib/limits.ts';
import type { Clock, Http, HttpRequest, HttpResponse } from '../domain/ports/io.ts';

/**
 * HTTP over node:http, not fetch: fetch follows redirects by default, hides the socket, and cannot be told to keep a
 * response below a size without buffering policy of its own. Here: no redirects, one total deadline, a byte cap.
 */
export function nodeHttp(clock: Clock): Http {
  const agents = {
    http: new HttpAgent({ keepAlive: true, maxSockets: 32 }),
    https: new HttpsAgent({ keepAlive: true, maxSockets: 32 }),
  };
  return {
    request: async (request) => {
      const deadline = clock.deadline(request.timeoutMs ?? limits.httpTimeoutMs, request.signal);
      try {
        return await send(request, agents, deadline.signal);
      } finally {
        deadline.cancel();
      }
    },
  };
}

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD']);

interface Agents {
  readonly http: HttpAgent | false;
  readonly https: HttpsAgent | false;
}

// Without an agent a request has a connection of its own, so that a second try is the last.
const unkept: Agents = { http: false, https: false };

function send(request: HttpRequest, agents: Agents, signal: AbortSignal): Promise<HttpResponse> {
  const url = parseUrl(request.url);
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const fail = (thrown: unknown): void => reject(toError(thrown, url, signal));
    const options = {
      method: request.method,
      headers: {
        'user-agent': 'watchkeeper',
        ...(request.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(request.body)) }),
        ...request.headers,
      },
      agent: secure ? agents.https : agents.http,
      signal,
      ...(request.admit === undefined ? {} : guarded(url, request.admit)),
    };
    const outgoing = secure ? requestHttps(url, options) : requestHttp(url, options);
    let answered = false;
    // The last look: from here to the first byte nothing of ours comes in between.
    const { admit } = request;
    if (admit !== undefined)
      outgoing.on('socket', (socket) => {
        socket.prependOnceListener('connect', () => {
          const { remoteAddress = '' } = socket;
          if (!admit(remoteAddress)) socket.destroy(refusal(url, remoteAddress));
        });
      });
    outgoing.on('error', (thrown) => {
      // The peer closed a kept connection just as it was taken: nothing was read from it, and asking again is safe.
      const stale = outgoing.reusedSocket && !answered && !signal.aborted && safe.has(request.method);
      if (stale) send(request, unkept, signal).then(resolve, reject);
      else fail(thrown);
    });
    outgoing.on('response', (incoming) => {
      answered = true;
      readBody(incoming, placeOf(url), request.maxBytes ?? limits.httpResponseBytes).then(
        (body) => resolve({ status: incoming.statusCode ?? 0, headers: flatten(incoming), body }),
        (thrown: unknown) => {
          outgoing.destroy();
          fail(thrown);
        },
      );
    });
    outgoing.end(request.body);
  });
}

// A kept-alive connection was admitted for somebody else, and an address in the URL is never looked up.
function guarded(
  url: URL,
  admit: (address: string) => boolean,
): { readonly agent: false; readonly lookup: LookupFunction } {
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(literal) !== 0 && !admit(literal)) throw refusal(url, literal);
  return {
    agent: false,
    lookup: (hostname, options, callback) => {
      lookup(hostname, { ...options, all: true }, (error, addresses) => {
        if (error !== null) {
          callback(error, []);
          return;
        }
        const bad = addresses.find(({ address }) => !admit(address));
        const [first] = addresses;
        if (bad !== undefined) callback(refusal(url, bad.address), []);
        else if (options.all === true) callback(null, addresses);
        else callback(null, first?.address ?? '', first?.family);
      });
    },
  };
}

function refusal(url: URL, address: string): WatchkeeperError {
  return new WatchkeeperError('forbidden', `${url.host} is at ${address}, which this request may not speak to`);
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw new WatchkeeperError('config-invalid', `not a URL: ${text}`);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new WatchkeeperError('config-invalid', `only http and https are spoken, not ${url.protocol}`);
  }
  return url;
}

async function readBody(incoming: IncomingMessage, where: string, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes)
      throw new WatchkeeperError('too-large', `${where}: the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  if (!incoming.complete)
    throw new WatchkeeperError('unreachable', `${where}: the connection ended before the answer did`);
  const body = Buffer.concat(chunks, size);
  return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
}

function flatten(incoming: IncomingMessage): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

function toError(thrown: unknown, url: URL, signal: AbortSignal): WatchkeeperError {
  const where = placeOf(url);
  if (thrown instanceof WatchkeeperError) return thrown;
  if (signal.aborted) {
    const reason: unknown = signal.reason;
    return reason instanceof WatchkeeperError && reason.code === 'timeout'
      ? new WatchkeeperError('timeout', `${where}: ${reason.message}`, { cause: thrown })
      : new WatchkeeperError('aborted', `${where}: stopped`, { cause: thrown });
  }
  const code = (thrown as { readonly code?: unknown }).code;
  if (typeof code === 'string' && untrusted.has(code))
    return new WatchkeeperError(
      'unreachable',
      `${where}: its certificate is not signed by a CA that is trusted here (${code}); name the CA's file in NODE_EXTRA_CA_CERTS of the daemon's environment`,
      { cause: thrown },
    );
  return WatchkeeperError.from(thrown, 'unreachable', where);
}

// The query may hold what must not be logged; host and path are enough to act on.
function placeOf(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

// Node advises its own command line for these, which nobody has who runs a service.
const untrusted: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
