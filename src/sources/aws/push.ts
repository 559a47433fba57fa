import { verify, X509Certificate } from 'node:crypto';

import * as z from 'zod';

import type { InboundReply, InboundRequest } from '../../domain/ports/channel.ts';
import type { Clock, Http, Log } from '../../domain/ports/io.ts';
import { WatchkeeperError } from '../../lib/errors.ts';

/** Takes what SNS sends to `POST /hooks/SOURCE`: a verified notification is a reason to look now, and nothing else. */
export interface Push {
  readonly receive: (request: InboundRequest, signal: AbortSignal) => Promise<InboundReply>;
  /** Resolves when there was a notification since it resolved last, not too often, and when the signal fires. */
  readonly news: (signal: AbortSignal) => Promise<void>;
}

/** What it needs of the world. */
export interface PushParts {
  readonly clock: Clock;
  readonly http: Http;
  readonly log: Log;
}

const text = z.string().max(262_144);
const message = z.object({
  ...{ Type: z.enum(['Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation']), MessageId: text },
  ...{ TopicArn: text, Message: text, Timestamp: z.iso.datetime({ offset: true }), Signature: text },
  ...{ SignatureVersion: z.enum(['1', '2']), SigningCertURL: text, Subject: text.nullish() },
  ...{ SubscribeURL: text.nullish(), Token: text.nullish() },
});
type Message = z.infer<typeof message>;

// SNS tries again for an hour; what is older is somebody's recording.
const oldestMs = 3_600_000;
const aheadMs = 300_000;
const remembered = 10_000;
const timeoutMs = 10_000;
const certificateBytes = 64 * 1024;
const mostCertificates = 20;
/** However much is pushed, it is looked no more often. */
const restMs = 10_000;

/**
 * Makes it for topics by their ARN. Who sent a message is known by its signature (SNS developer guide, "Verifying the
 * signatures of Amazon SNS messages"), made with a certificate that is fetched from SNS' own hosts alone. What it says is not
 * believed: alarms are read from CloudWatch then, so that a message in a wrong order, or twice, does no harm.
 */
export function createPush(id: string, topics: readonly string[], { clock, http, log }: PushParts): Push {
  const certificates = new Map<string, X509Certificate>();
  const seen = new Set<string>();
  let rung = false;
  let ring = (): void => undefined;
  let lastMs = -Infinity;
  const fetched = async (url: string, maxBytes: number, signal: AbortSignal): Promise<string> => {
    const answer = await http.request({ method: 'GET', url, timeoutMs, maxBytes, signal });
    if (answer.status !== 200) throw new WatchkeeperError('unreachable', `SNS answered with ${answer.status}`);
    return new TextDecoder().decode(answer.body);
  };
  const certificateAt = async (url: string, signal: AbortSignal): Promise<X509Certificate> => {
    const known = certificates.get(url);
    if (known !== undefined) return known;
    const made = new X509Certificate(await fetched(url, certificateBytes, signal));
    if (certificates.size >= mostCertificates) certificates.clear();
    certificates.set(url, made);
    return made;
  };
  return {
    receive: async ({ body }, signal) => {
      const said = parsed(body);
      if (said === undefined) return reply(400, 'this is no message of SNS');
      if (!topics.includes(said.TopicArn)) return reply(403, 'messages of this topic are not taken');
      if (!isOfSns(said.SigningCertURL, said.TopicArn, '.pem')) return reply(403, 'its certificate is not one of SNS');
      const nowMs = clock.nowMs();
      const atMs = Date.parse(said.Timestamp);
      if (atMs < nowMs - oldestMs || atMs > nowMs + aheadMs) return reply(403, 'its time is not now');
      const certificate = await certificateAt(said.SigningCertURL, signal);
      if (!isSigned(said, certificate, nowMs)) return reply(403, 'its signature is not right');
      if (said.Type === 'SubscriptionConfirmation') {
        const url = said.SubscribeURL ?? '';
        if (!isOfSns(url, said.TopicArn, '')) return reply(403, 'its confirmation is not at SNS');
        await fetched(url, certificateBytes, signal);
        log.info('a subscription of SNS is confirmed', { source: id, topic: said.TopicArn });
        return reply(200, 'confirmed');
      }
      if (said.Type === 'UnsubscribeConfirmation') {
        log.warn('a topic of SNS sends no more: it was unsubscribed', { source: id, topic: said.TopicArn });
        return reply(200, 'noted');
      }
      if (seen.has(said.MessageId)) return reply(200, 'known already');
      seen.add(said.MessageId);
      for (const oldest of seen) if (seen.size > remembered) seen.delete(oldest);
      rung = true;
      ring();
      return reply(200, 'taken');
    },
    news: async (signal) => {
      while (!rung && !signal.aborted)
        await new Promise<void>((resolve) => {
          ring = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      const waitMs = lastMs + restMs - clock.monotonicMs();
      if (waitMs > 0) await clock.sleep(waitMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      rung = false;
      lastMs = clock.monotonicMs();
    },
  };
}

function reply(status: number, body: string): InboundReply {
  return { status, type: 'text/plain', body };
}

function parsed(body: Uint8Array): Message | undefined {
  try {
    return message.safeParse(JSON.parse(new TextDecoder().decode(body))).data;
  } catch {
    return undefined;
  }
}

// Of the region that the topic is in: `https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-….pem`.
function isOfSns(address: string, topic: string, ending: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, port, username, password, pathname } = new URL(address);
  const [, partition = '', , region = ''] = topic.split(':');
  const host = `sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;
  return (
    protocol === 'https:' && hostname === host && `${port}${username}${password}` === '' && pathname.endsWith(ending)
  );
}

function isSigned(said: Message, certificate: X509Certificate, nowMs: number): boolean {
  if (Date.parse(certificate.validTo) < nowMs || Date.parse(certificate.validFrom) > nowMs) return false;
  if (!/(^|\n|, )CN=sns\.([a-z0-9-]+\.)?amazonaws\.com(\.cn)?($|\n|,)/.test(certificate.subject)) return false;
  const names =
    said.Type === 'Notification'
      ? (['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'] as const)
      : (['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'] as const);
  const lines = names.flatMap((name) => {
    const value = said[name];
    return value === undefined || value === null ? [] : [`${name}\n${value}\n`];
  });
  const hash = said.SignatureVersion === '2' ? 'sha256' : 'sha1';
  return verify(hash, Buffer.from(lines.join('')), certificate.publicKey, Buffer.from(said.Signature, 'base64'));
}
