import { request as requestHttp, type Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { request as requestHttps, type Agent as HttpsAgent } from 'node:https';

import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { Clock } from '../../../domain/ports/io.ts';
import { answerFault } from './faults.ts';

/** Where a cluster's API answers, and what each request to it carries. Asked before every request: tokens rotate. */
export interface KubernetesEndpoint {
  readonly server: string;
  readonly agent: HttpAgent | HttpsAgent | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Told when the server does not know these credentials (401). */
  readonly refused?: () => void;
}

/** One call of the API. */
export interface KubernetesCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  readonly contentType?: string;
  readonly accept?: string;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
}

/** Calls one API server: whole answers, or an open one line by line. Neither repeats anything. */
export interface KubernetesTransport {
  /** The body of a 2xx answer. @throws WatchkeeperError as `KubernetesReader` says. */
  call(call: KubernetesCall, signal: AbortSignal): Promise<string>;
  /** The lines of an answer that stays open; `idleMs` without a byte is a `timeout`. */
  lines(call: KubernetesCall, idleMs: number, signal: AbortSignal): AsyncIterable<string>;
}

/** @param endpoint asked anew for each request. */
export function kubernetesTransport(clock: Clock, endpoint: () => Promise<KubernetesEndpoint>): KubernetesTransport {
  return {
    call: async (call, parent) => {
      const deadline = clock.deadline(call.timeoutMs ?? limits.kubernetesTimeoutMs, parent);
      try {
        return await wholeAnswer(await endpoint(), call, deadline.signal);
      } finally {
        deadline.cancel();
      }
    },
    lines: (call, idleMs, parent) => openLines(clock, endpoint, call, idleMs, parent),
  };
}

async function* openLines(
  clock: Clock,
  endpoint: () => Promise<KubernetesEndpoint>,
  call: KubernetesCall,
  idleMs: number,
  parent: AbortSignal,
): AsyncGenerator<string> {
  const stop = new AbortController();
  const idle = { deadline: clock.deadline(idleMs, parent) };
  const onIdle = (): void => stop.abort(idle.deadline.signal.reason);
  const arm = (): void => {
    idle.deadline.cancel();
    idle.deadline = clock.deadline(idleMs, parent);
    idle.deadline.signal.addEventListener('abort', onIdle, { once: true });
  };
  arm();
  try {
    const at = await endpoint();
    const answer = await send(at, call, stop.signal);
    if (answer.statusCode !== 200) {
      if (answer.statusCode === 401) at.refused?.();
      await wholeText(answer, call, stop.signal);
      return;
    }
    answer.setEncoding('utf8');
    let rest = '';
    for await (const chunk of answer as AsyncIterable<string>) {
      arm();
      const parts = (rest + chunk).split('\n');
      rest = parts.pop() ?? '';
      if (rest.length > limits.kubernetesObjectBytes)
        throw new WatchkeeperError('too-large', `${call.path}: one line is over ${limits.kubernetesObjectBytes} bytes`);
      for (const line of parts) if (line !== '') yield line;
    }
    if (!answer.complete) throw new WatchkeeperError('unreachable', `${call.path}: the connection broke`);
  } catch (thrown) {
    throw asFault(thrown, call.path, stop.signal);
  } finally {
    idle.deadline.signal.removeEventListener('abort', onIdle);
    idle.deadline.cancel();
    // Closes the connection when the reader stops in the middle.
    stop.abort(new WatchkeeperError('aborted', `${call.path}: no longer read`));
  }
}

function send(endpoint: KubernetesEndpoint, call: KubernetesCall, signal: AbortSignal): Promise<IncomingMessage> {
  const url = new URL(endpoint.server.replace(/\/$/, '') + call.path);
  for (const [name, value] of Object.entries(call.query ?? {}))
    if (value !== undefined) url.searchParams.set(name, value);
  const options = {
    method: call.method,
    signal,
    ...(endpoint.agent === undefined ? {} : { agent: endpoint.agent }),
    headers: {
      accept: call.accept ?? 'application/json',
      ...endpoint.headers,
      'user-agent': 'watchkeeper',
      ...(call.body === undefined
        ? {}
        : {
            'content-type': call.contentType ?? 'application/json',
            'content-length': String(Buffer.byteLength(call.body)),
          }),
    },
  };
  return new Promise((resolve, reject) => {
    const outgoing = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options);
    outgoing.on('error', (thrown) => reject(asFault(thrown, call.path, signal)));
    outgoing.on('response', resolve);
    outgoing.end(call.body);
  });
}

async function wholeAnswer(at: KubernetesEndpoint, call: KubernetesCall, signal: AbortSignal): Promise<string> {
  const answer = await send(at, call, signal);
  if (answer.statusCode === 401) at.refused?.();
  return wholeText(answer, call, signal);
}

async function wholeText(answer: IncomingMessage, call: KubernetesCall, signal: AbortSignal): Promise<string> {
  const max = call.maxBytes ?? limits.kubernetesAnswerBytes;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > max) throw new WatchkeeperError('too-large', `${call.path}: the answer is over ${max} bytes`);
      chunks.push(chunk);
    }
    if (!answer.complete) throw new WatchkeeperError('unreachable', `${call.path}: the connection broke`);
  } catch (thrown) {
    throw asFault(thrown, call.path, signal);
  }
  const text = Buffer.concat(chunks, size).toString('utf8');
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return text;
  throw answerFault(status, text, call.path, answer.headers['retry-after']);
}

function asFault(thrown: unknown, path: string, signal: AbortSignal): WatchkeeperError {
  if (thrown instanceof WatchkeeperError) return thrown;
  if (!signal.aborted) return WatchkeeperError.from(thrown, 'unreachable', path);
  const reason: unknown = signal.reason;
  const code = reason instanceof WatchkeeperError && reason.code === 'timeout' ? 'timeout' : 'aborted';
  return new WatchkeeperError(code, `${path}: ${code === 'timeout' ? 'no answer in time' : 'stopped'}`, {
    cause: thrown,
  });
}
