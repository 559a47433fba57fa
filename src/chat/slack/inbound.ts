import { createHmac, timingSafeEqual } from 'node:crypto';

import type { JsonObject } from '../../lib/json.ts';
import type { InboundReply, InboundRequest } from '../../domain/ports/channel.ts';
import { objectAt } from './payload.ts';

const tolerance = 5 * 60;

/** Signatures that were seen within the time in which they are valid, so that none counts twice. */
export interface SeenSignatures {
  /** Whether it is the first time; remembers it. */
  first(signature: string, nowMs: number): boolean;
}

const mostSeen = 10_000;

/** Makes the memory of signatures. It is bounded: when it is full of valid ones, what is new is refused. */
export function seenSignatures(): SeenSignatures {
  const seen = new Map<string, number>();
  return {
    first: (signature, nowMs) => {
      for (const [known, atMs] of seen) {
        if (nowMs - atMs <= 2 * tolerance * 1_000) break;
        seen.delete(known);
      }
      if (seen.has(signature) || seen.size >= mostSeen) return false;
      seen.set(signature, nowMs);
      return true;
    },
  };
}

/**
 * Whether Slack signed this request under the app's signing secret, within five minutes of now: `v0=` and the hex
 * HMAC-SHA256 of `v0:SECONDS:BODY`. Gives the reason why it does not count. An empty secret never counts.
 */
export function objectionToSignature(secret: string, request: InboundRequest, nowMs: number): string | undefined {
  if (secret === '') return 'there is no signing secret';
  const seconds = request.headers['x-slack-request-timestamp'] ?? '';
  const signature = /^v0=([0-9a-f]{64})$/.exec(request.headers['x-slack-signature'] ?? '')?.[1];
  if (signature === undefined || !/^\d{1,12}$/.test(seconds)) return 'it is not signed';
  const expected = createHmac('sha256', secret).update(`v0:${seconds}:`).update(request.body).digest();
  if (!timingSafeEqual(Buffer.from(signature, 'hex'), expected)) return 'its signature is wrong';
  if (Math.abs(nowMs / 1_000 - Number(seconds)) > tolerance) return 'it was signed at another time';
  return undefined;
}

/** What Slack sent, as Socket Mode would have brought it; `undefined` for what cannot be read. */
export function readInbound(request: InboundRequest): { readonly type: string; readonly body: JsonObject } | undefined {
  const text = new TextDecoder().decode(request.body);
  try {
    if (/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
      return { type: 'events_api', body: objectAt(JSON.parse(text) as JsonObject) };
    const form = new URLSearchParams(text);
    const payload = form.get('payload');
    if (payload !== null) return { type: 'interactive', body: objectAt(JSON.parse(payload) as JsonObject) };
    return { type: 'slash_commands', body: Object.fromEntries(form) };
  } catch {
    return undefined;
  }
}

/** An answer without content, or with a word. */
export function plainReply(status: number, body = ''): InboundReply {
  return { status, type: 'text/plain', body };
}
