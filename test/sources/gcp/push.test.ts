import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { ReaderIo } from '../../../src/domain/ports/io.ts';
import type { Source } from '../../../src/domain/ports/source.ts';
import { gcpReaders } from '../../../src/io/clients/gcp/index.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { limits } from '../../../src/lib/limits.ts';
import { sourceKinds } from '../../../src/sources/index.ts';
import { openPushDoor, rings, type PushDoor } from '../../support/push-door.ts';
import { noGcp } from '../../support/no-gcp.ts';
import { realReader } from '../../support/real-reader.ts';
import { startTokenIssuer, type Signing, type TokenIssuer } from '../../support/token-issuer.ts';

const audience = 'https://watchkeeper.shop.example/hooks/gcp';
const serviceAccount = 'alerts@shop-prod.iam.gserviceaccount.com';
const subscription = 'projects/shop-prod/subscriptions/watchkeeper';

let issuer: TokenIssuer;
let door: PushDoor;
let source: Source;
let made = 0;

beforeAll(async () => {
  door = await openPushDoor();
});
afterAll(() => door.close());

beforeEach(async () => {
  issuer = await startTokenIssuer();
  source = open();
  door.sources = [source];
  return () => issuer.close();
});

function open(): Source {
  const config = {
    projects: [{ id: 'shop-prod' }],
    push: { audience, serviceAccount, subscriptions: [subscription], keys: issuer.keysUrl },
  };
  const io = realReader({});
  const opened = sourceKinds['gcp']?.open('gcp', config, { ...io, gcp: gcpReaders(io) });
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  return opened.value;
}

/** As Google signs for a push subscription. */
function token(more: JsonObject = {}, signing?: Signing): Promise<string> {
  const claims = {
    ...{ iss: 'https://accounts.google.com', aud: audience, sub: '113774264463038321964' },
    ...{ azp: '113774264463038321964', email: serviceAccount, email_verified: true, ...more },
  };
  return issuer.sign(JSON.parse(JSON.stringify(claims)) as JsonObject, signing);
}

const incident = { version: '1.2', incident: { incident_id: '0.abc', state: 'open', policy_name: 'web is slow' } };

/** A message as Pub/Sub wraps it. */
function message(more: JsonObject = {}, said: unknown = incident): string {
  const data = Buffer.from(typeof said === 'string' ? said : JSON.stringify(said)).toString('base64');
  const [messageId, publishTime] = [`${++made}`, new Date().toISOString()];
  return JSON.stringify({
    message: { data, messageId, message_id: messageId, publishTime, publish_time: publishTime, ...more },
    subscription,
  });
}

describe('alerts of Google Cloud that Pub/Sub pushes', () => {
  it('are a reason to look, once for each message, however often it is delivered', async () => {
    const sent = message();
    expect(await door.post('gcp', sent, await token())).toEqual({ status: 200, text: 'taken' });
    expect(await rings(source)).toBe(true);
    expect(await door.post('gcp', sent, await token())).toEqual({ status: 200, text: 'known already' });
    expect(await rings(source)).toBe(false);
    expect(issuer.asked()).toBe(1);
  });

  it.each<[string, () => Promise<string | undefined>, RegExp]>([
    ['without a token', () => Promise.resolve(undefined), /it has no token/],
    ['with a token that is none', () => Promise.resolve('a.b.c'), /its token is refused/],
    ['signed by another key of the same name', () => token({}, { key: 'other' }), /ERR_JWS_SIGNATURE/],
    ['signed by a key that Google does not know', () => token({}, { key: 'unknown' }), /no key of Google/],
    ['not signed at all', () => token({}, { alg: 'none' }), /its token is refused/],
    ['signed with the public key as a secret', () => token({}, { alg: 'HS256' }), /its token is refused/],
    ['that ran out', () => token({}, { expiresInS: -120 }), /it has expired/],
    ['that never runs out', () => token({ exp: null }), /its claim exp/],
    ['for another audience', () => token({ aud: `${audience}-2` }), /its claim aud/],
    ['of another issuer', () => token({ iss: 'https://accounts.google.com.evil.example' }), /its claim iss/],
    [
      'of another service account',
      () => token({ email: 'eve@evil.iam.gserviceaccount.com' }),
      /another service account/,
    ],
    ['of an address that is not verified', () => token({ email_verified: false }), /another service account/],
    ['of nobody', () => token({ email: undefined as never }), /its claim email/],
  ])('are refused when they come with a token %s', async (_what, made, because) => {
    await door.refuses('gcp', 401, because, message(), await made());
    expect(await rings(source)).toBe(false);
  });

  it('are taken within a minute of clocks that differ', async () => {
    const bearer = await token({}, { expiresInS: -30 });
    expect((await door.post('gcp', message(), bearer)).status).toBe(200);
  });

  it('are refused from a subscription that is not named, and by what is no message', async () => {
    const other = message().replace(subscription, `${subscription}-2`);
    await door.refuses('gcp', 403, /another subscription/, other, await token());
    for (const body of ['', '[]', '{"message":{}}', '{"message":{"data":"%%"}}', '\u0000'])
      await door.refuses('gcp', 400, /no message of an alert/, body, await token());
    expect(await rings(source)).toBe(false);
  });

  it('are taken and nothing is done when they are no incident, so that Pub/Sub does not send them for ever', async () => {
    const before = door.refusals().length;
    for (const said of ['not JSON', {}, { incident: 'open' }])
      expect((await door.post('gcp', message({}, said), await token())).status).toBe(200);
    expect(door.refusals().slice(before)).toEqual(
      Array.from({ length: 3 }, () => 'hook:gcp: it is no incident of Cloud Monitoring'),
    );
    expect(await rings(source)).toBe(false);
  });

  it('are no reason to look when they are played again long after', async () => {
    const publishTime = new Date(Date.now() - limits.pushOldMs - 1_000).toISOString();
    expect(await door.post('gcp', message({ publishTime }), await token())).toEqual({ status: 200, text: 'it is old' });
    expect(await rings(source)).toBe(false);
  });

  it('are not taken while the keys cannot be had, so that they come again, and are then', async () => {
    issuer.down = true;
    const sent = message();
    await door.refuses('gcp', 503, /keys of Google cannot be had/, sent, await token());
    expect(await rings(source)).toBe(false);
    issuer.down = false;
    source = open();
    door.sources = [source];
    expect((await door.post('gcp', sent, await token())).status).toBe(200);
  });

  it('are larger than any message of Pub/Sub that is taken, and are cut off', async () => {
    const huge = message({}, { ...incident, padding: 'x'.repeat(limits.apiBodyBytes) });
    expect((await door.post('gcp', huge, await token())).status).toBe(413);
  });

  it('are taken only where push is named, which needs alerts to be read', () => {
    const gcp = (more: JsonObject) => {
      const opened = sourceKinds['gcp']?.open('gcp', { projects: [{ id: 'shop-prod' }], ...more }, {
        gcp: noGcp,
      } as unknown as ReaderIo);
      return opened?.ok === true ? opened.value : undefined;
    };
    const push = { audience, serviceAccount, subscriptions: [subscription] };
    expect(gcp({ push })).toHaveProperty('receive');
    expect(gcp({})).not.toHaveProperty('receive');
    for (const wrong of [
      { push, alerts: false },
      { push: { ...push, subscriptions: ['watchkeeper'] } },
      { push: { ...push, keys: 'http://keys.example/' } },
      { push: { ...push, serviceAccount: 'alerts' } },
    ])
      expect(gcp(wrong)).toBeUndefined();
  });
});

describe('keys of Google', () => {
  it('are asked for anew when one signs that is unknown, but not for each forged token', async () => {
    expect((await door.post('gcp', message(), await token())).status).toBe(200);
    for (let n = 0; n < 5; n++) await door.post('gcp', message(), await token({}, { key: 'unknown' }));
    expect(issuer.asked()).toBe(1);
  });
});
