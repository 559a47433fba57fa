import { sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import type { HttpRequest, ReaderIo } from '../../../src/domain/ports/io.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { sourceKinds } from '../../../src/sources/index.ts';
import { createPush } from '../../../src/sources/aws/push.ts';
import { recordingLog } from '../../support/quiet-log.ts';
import { selfSigned } from '../../support/self-signed.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

const t0 = Date.UTC(2026, 10, 28, 12, 0, 0);
const topic = 'arn:aws:sns:eu-west-1:123456789012:alarms';
const sns = selfSigned('sns.amazonaws.com');
const somebody = selfSigned('evil.example');
const pem = 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem';

function world(cert = sns.cert) {
  const asked: string[] = [];
  const clock = virtualClock(t0);
  const http = {
    request: ({ url }: HttpRequest) => {
      asked.push(url);
      return Promise.resolve({ status: 200, headers: {}, body: new TextEncoder().encode(cert) });
    },
  };
  const push = createPush('aws', [topic], { clock, http: http, log: recordingLog() });
  const send = async (said: object): Promise<number> => {
    const body = new TextEncoder().encode(JSON.stringify(said));
    return (await push.receive({ headers: {}, body }, new AbortController().signal)).status;
  };
  return { asked, clock, push, send };
}

/** A message as SNS signs it: its own words in the order of the guide. */
function message(more: Readonly<Record<string, string>> = {}, key = sns.key): Record<string, string> {
  const said: Record<string, string> = {
    ...{ Type: 'Notification', MessageId: 'm-1', TopicArn: topic, Message: '{"AlarmName":"pay-errors"}' },
    ...{ Timestamp: new Date(t0).toISOString(), SignatureVersion: '2', SigningCertURL: pem },
    ...more,
  };
  const names =
    said['Type'] === 'Notification'
      ? ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
      : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
  const lines = names.flatMap((name) => (said[name] === undefined ? [] : [`${name}\n${said[name]}\n`])).join('');
  const hash = said['SignatureVersion'] === '2' ? 'sha256' : 'sha1';
  return { ...said, Signature: sign(hash, Buffer.from(lines), key).toString('base64') };
}

describe('alarms that SNS pushes', () => {
  it('are a reason to look, when signed by either version of the signature', async () => {
    for (const more of [{ SignatureVersion: '1' }, { SignatureVersion: '2', Subject: 'ALARM: pay' }]) {
      const { push, send, asked } = world();
      const news = push.news(new AbortController().signal);
      expect(await send(message(more))).toBe(200);
      await news;
      expect(asked).toEqual([pem]);
    }
  });

  it('are refused when a word was changed, or somebody else signed', async () => {
    const { send } = world();
    expect(await send({ ...message(), Message: '{"AlarmName":"other"}' })).toBe(403);
    expect(await send(message({}, somebody.key))).toBe(403);
    expect(await world(somebody.cert).send(message({}, somebody.key))).toBe(403);
  });

  it('are refused when the certificate is kept elsewhere, and that is not even asked for', async () => {
    for (const SigningCertURL of [
      'https://evil.example/SimpleNotificationService-1.pem',
      'https://sns.eu-west-1.amazonaws.com.evil.example/a.pem',
      'https://sns.us-east-1.amazonaws.com/a.pem',
      'http://sns.eu-west-1.amazonaws.com/a.pem',
      'https://user@sns.eu-west-1.amazonaws.com/a.pem',
      'https://sns.eu-west-1.amazonaws.com/?a=.pem',
    ]) {
      const { asked, send } = world();
      expect(await send(message({ SigningCertURL }))).toBe(403);
      expect(asked).toEqual([]);
    }
  });

  it('are refused when the topic is not ours, when they are old, and when they are no messages', async () => {
    const { send, asked } = world();
    expect(await send(message({ TopicArn: `${topic}-2` }))).toBe(403);
    expect(await send(message({ Timestamp: new Date(t0 - 2 * 3_600_000).toISOString() }))).toBe(403);
    expect(await send({ Type: 'Notification' })).toBe(400);
    expect(asked).toEqual([]);
  });

  it('ring once when they come twice, and no more often than every ten seconds', async () => {
    const { push, send, clock } = world();
    const signal = new AbortController().signal;
    await send(message());
    await push.news(signal);
    const rings: number[] = [];
    const second = push.news(signal).then(() => rings.push(clock.monotonicMs()));
    await send(message());
    await clock.advance(30_000);
    expect(rings).toEqual([]);
    await send(message({ MessageId: 'm-2' }));
    await second;
    const third = push.news(signal).then(() => rings.push(clock.monotonicMs()));
    await send(message({ MessageId: 'm-3' }));
    await clock.advance(10_000);
    await third;
    expect(rings).toEqual([30_000, 40_000]);
  });

  it('come from a subscription that is confirmed at SNS alone', async () => {
    const SubscribeURL = 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t';
    const confirm = { Type: 'SubscriptionConfirmation', Token: 't' };
    const { send, asked } = world();
    expect(await send(message({ ...confirm, SubscribeURL }))).toBe(200);
    expect(asked).toEqual([pem, SubscribeURL]);
    const other = world();
    expect(await other.send(message({ ...confirm, SubscribeURL: 'https://evil.example/' }))).toBe(403);
    expect(other.asked).toEqual([pem]);
  });

  it('stop waiting when the source is stopped', async () => {
    const stop = new AbortController();
    const waiting = world().push.news(stop.signal);
    stop.abort();
    await expect(waiting).resolves.toBeUndefined();
  });

  it('are taken only where topics are named', () => {
    const open = (more: JsonObject): object => {
      const opened = sourceKinds['aws']?.open('aws', { regions: ['eu-west-1'], ...more }, {} as ReaderIo);
      return opened?.ok === true ? opened.value : {};
    };
    expect(open({ push: { topics: [topic] } })).toMatchObject({ id: 'aws', receive: expect.any(Function) as unknown });
    const quiet = open({});
    expect(['receive' in quiet, 'news' in quiet]).toEqual([false, false]);
    expect(open({ push: { topics: ['alarms'] } })).toEqual({});
  });
});
