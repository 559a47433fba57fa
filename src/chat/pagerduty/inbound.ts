import { createHmac, timingSafeEqual } from 'node:crypto';

import type { Json, JsonObject } from '../../lib/json.ts';
import { oneLine } from '../../lib/text.ts';
import type { Channel, InboundReply, InboundRequest } from '../../domain/ports/channel.ts';
import type { ReaderIo, SecretRef } from '../../domain/ports/io.ts';

// PagerDuty goes on sending what was not taken for a while; what is older says nothing about now.
const oldestMs = 60 * 60_000;
const mostSeen = 5_000;

/**
 * Whether PagerDuty signed this webhook (v3) under the subscription's secret: one of the `v1=` of `x-pagerduty-signature` is
 * the hex HMAC-SHA256 of the body. Several stand there while a secret is being changed. An empty secret never counts.
 */
export function signedByPagerDuty(secret: string, { headers, body }: InboundRequest): boolean {
  if (secret === '') return false;
  const expected = createHmac('sha256', secret).update(body).digest();
  const given = (headers['x-pagerduty-signature'] ?? '').split(',').slice(0, 10);
  return given.some((one) => {
    const hex = /^v1=([0-9a-f]{64})$/.exec(one.trim())?.[1];
    return hex !== undefined && timingSafeEqual(Buffer.from(hex, 'hex'), expected);
  });
}

/**
 * Takes PagerDuty's webhooks: who acknowledges or resolves there has it, and nobody further is called here. That an incident is
 * over is for its alerts to say, not for PagerDuty. `keyOf` finds our incident where the webhook does not name it.
 */
export function pagerDutyInbound(
  id: string,
  secretRef: SecretRef,
  io: ReaderIo,
  keyOf: (incidentId: string, signal: AbortSignal) => Promise<string | undefined>,
): NonNullable<Channel['receive']> {
  const seen = new Set<string>();
  return async (request, ear, signal) => {
    const secret = await io.secrets.resolve(secretRef, signal);
    if (!signedByPagerDuty(secret, request)) {
      await ear.refused('unknown', 'webhook', 'it is not signed by PagerDuty');
      return reply(401);
    }
    const event = eventOf(request.body);
    if (event === undefined) return reply(202);
    const who = { id: `${id}:${event.agent}`, groups: [] };
    const ageMs = Math.abs(io.clock.nowMs() - event.atMs);
    if (seen.has(event.id) || !(ageMs <= oldestMs)) {
      await ear.refused(who.id, event.type, seen.has(event.id) ? 'it was sent before' : 'it is of another time');
      return reply(202);
    }
    seen.add(event.id);
    const [oldest] = seen;
    if (seen.size > mostSeen && oldest !== undefined) seen.delete(oldest);
    const incident = event.key ?? (await keyOf(event.incident, signal));
    if (incident === undefined) return reply(202);
    const word = event.type === 'incident.resolved' ? 'resolved' : 'acknowledged';
    const said = await ear.command(`ack ${incident} ${word} in PagerDuty`, who);
    io.log.info('PagerDuty told of an incident', { incident, type: event.type, by: who.id, answer: said });
    return reply(202);
  };
}

interface PagerEvent {
  readonly id: string;
  readonly type: string;
  readonly atMs: number;
  readonly agent: string;
  /** PagerDuty's own id of the incident. */
  readonly incident: string;
  /** Our incident's id, under which it was triggered, where the webhook carries it. */
  readonly key: string | undefined;
}

const heard: ReadonlySet<string> = new Set(['incident.acknowledged', 'incident.resolved']);

// What it resolved by our own event has no person behind it, and needs nothing of us.
function eventOf(body: Uint8Array): PagerEvent | undefined {
  const event = objectAt(objectAt(parsed(body))['event']);
  const agent = objectAt(event['agent']);
  const data = objectAt(event['data']);
  const [id, type, at, person, incident] = [
    event['id'],
    event['event_type'],
    event['occurred_at'],
    agent['id'],
    data['id'],
  ];
  if (typeof id !== 'string' || typeof type !== 'string' || !heard.has(type)) return undefined;
  if (typeof person !== 'string' || agent['type'] !== 'user_reference' || typeof incident !== 'string')
    return undefined;
  const key = data['incident_key'];
  return {
    id: id.slice(0, 100),
    type,
    atMs: typeof at === 'string' ? Date.parse(at) : Number.NaN,
    agent: oneLine(person, 40),
    incident: incident.slice(0, 40),
    key: typeof key === 'string' && key !== '' && !/\s/.test(key) ? key.slice(0, 255) : undefined,
  };
}

function parsed(body: Uint8Array): Json | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(body)) as Json;
  } catch {
    return undefined;
  }
}

function objectAt(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function reply(status: number): InboundReply {
  return { status, type: 'text/plain', body: '' };
}
