import { verify, X509Certificate } from 'node:crypto';

import * as z from 'zod';

import type { Clock, Http, Log } from '../../domain/ports/io.ts';
import type { SourceReply } from '../../domain/ports/source.ts';
import { createBell } from '../../io/clients/cloud/bell.ts';
import { jsonOf, type Push } from '../../io/clients/cloud/push.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';

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

// SNS tries again for an hour; what is older than `pushOldMs` is somebody's recording.
const aheadMs = 300_000;
const timeoutMs = 10_000;
const certificateBytes = 64 * 1024;
const mostCertificates = 20;

/**
 * Makes it for topics by their ARN. Who sent a message is known by its signature (SNS developer guide, "Verifying the
 * signatures of Amazon SNS messages"), made with a certificate that is fetched from SNS' own hosts alone. What it says is not
 * believed: alarms are read from CloudWatch then, so that a message in a wrong order, or twice, does no harm.
 */
export function createPush(id: string, topics: readonly string[], { clock, http, log }: PushParts): Push {
  const certificates = new Map<string, X509Certificate>();
  const bell = createBell(clock);
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
      const { data: said } = message.safeParse(jsonOf(body));
      if (said === undefined) return reply(400, 'this is no message of SNS');
      if (!topics.includes(said.TopicArn)) return reply(403, 'messages of this topic are not taken');
      if (!isOfSns(said.SigningCertURL, said.TopicArn, '.pem')) return reply(403, 'its certificate is not one of SNS');
      const nowMs = clock.nowMs();
      const atMs = Date.parse(said.Timestamp);
      if (atMs < nowMs - limits.pushOldMs || atMs > nowMs + aheadMs) return reply(403, 'its time is not now');
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
      return reply(200, bell.ring(said.MessageId) ? 'taken' : 'known already');
    },
    news: bell.news,
  };
}

function reply(status: number, body: string): SourceReply {
  return { status, type: 'text/plain', body, ...(status >= 400 && { refused: body }) };
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
