import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Source } from '../../../src/domain/ports/source.ts';
import { azureReaders } from '../../../src/io/clients/azure/index.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { limits } from '../../../src/lib/limits.ts';
import { sourceKinds } from '../../../src/sources/index.ts';
import { openPushDoor, rings, type PushDoor } from '../../support/push-door.ts';
import { realReader } from '../../support/real-reader.ts';
import { startTokenIssuer, type Signing, type TokenIssuer } from '../../support/token-issuer.ts';
import { subscriptionId } from './fake-azure.ts';

const tenantId = '99999999-2222-3333-4444-555555555555';
const clientId = '77777777-2222-3333-4444-555555555555';
const actionGroups = '461e8683-5575-4561-ac7f-899cc907d62a';
const [first, second] = [
  `https://sts.windows.net/${tenantId}/`,
  `https://login.microsoftonline.com/${tenantId}/v2.0`,
] as const;
const metadata = '.well-known/openid-configuration';

let issuer: TokenIssuer;
let door: PushDoor;
let source: Source;
let made = 0;

beforeAll(async () => {
  door = await openPushDoor();
});
afterAll(() => door.close());

beforeEach(async () => {
  issuer = await startTokenIssuer({ [`/${tenantId}/${metadata}`]: first, [`/${tenantId}/v2.0/${metadata}`]: second });
  source = open({});
  door.sources = [source];
});
afterEach(() => issuer.close());

function open(more: JsonObject): Source {
  const opened = opening({ push: { tenantId, clientId, ...more } });
  if (opened === undefined) throw new Error('this is no configuration');
  return opened;
}

function opening(more: JsonObject): Source | undefined {
  const config = {
    subscriptions: [{ name: 'prod', id: subscriptionId.toUpperCase() }],
    endpoints: { authority: issuer.url },
    ...more,
  };
  const io = realReader({});
  const opened = sourceKinds['azure']?.open('azure', config, { ...io, azure: azureReaders(io) });
  return opened?.ok === true ? opened.value : undefined;
}

/** As Entra ID signs for an action group: its first version. */
function token(more: JsonObject = {}, signing?: Signing): Promise<string> {
  const claims = {
    ...{ iss: first, aud: `api://${clientId}`, tid: tenantId, appid: actionGroups, appidacr: '2', ver: '1.0' },
    ...{ roles: ['ActionGroupsSecureWebhook'], ...more },
  };
  return issuer.sign(JSON.parse(JSON.stringify(claims)) as JsonObject, signing);
}

/** The same as its second version. */
function later(more: JsonObject = {}): Promise<string> {
  return token({ iss: second, aud: clientId, appid: undefined as never, azp: actionGroups, ver: '2.0', ...more });
}

/** An alert in the common schema. */
function alert(more: JsonObject = {}): string {
  const id = `/subscriptions/${subscriptionId}/providers/Microsoft.AlertsManagement/alerts/${++made}`;
  const essentials = {
    ...{ alertId: id, alertRule: 'web is slow', severity: 'Sev1', signalType: 'Metric', monitorCondition: 'Fired' },
    ...{ monitoringService: 'Platform', alertTargetIDs: [], firedDateTime: new Date().toISOString() },
    ...{ essentialsVersion: '1.0', alertContextVersion: '1.0', ...more },
  };
  return JSON.stringify({ schemaId: 'azureMonitorCommonAlertSchema', data: { essentials, alertContext: {} } });
}

describe('alerts of Azure that the secure webhook of an action group pushes', () => {
  it.each([
    ['first', () => token()],
    ['second', () => later()],
  ])('are a reason to look, once for each, with a token of the %s version', async (_which, signed) => {
    const sent = alert();
    expect(await door.post('azure', sent, await signed())).toEqual({ status: 200, text: 'taken' });
    expect(await rings(source)).toBe(true);
    expect(await door.post('azure', sent, await signed())).toEqual({ status: 200, text: 'known already' });
    expect(await rings(source)).toBe(false);
    expect(issuer.asked()).toBe(1);
  });

  it('are another reason to look when the same alert is resolved', async () => {
    const alertId = `/subscriptions/${subscriptionId}/providers/Microsoft.AlertsManagement/alerts/a`;
    const resolved = { alertId, monitorCondition: 'Resolved', resolvedDateTime: new Date().toISOString() };
    const longAgo = new Date(Date.now() - 5 * limits.pushOldMs).toISOString();
    expect((await door.post('azure', alert({ alertId }), await token())).text).toBe('taken');
    const sent = alert({ ...resolved, firedDateTime: longAgo });
    expect((await door.post('azure', sent, await token())).text).toBe('taken');
  });

  it.each<[string, () => Promise<string | undefined>, RegExp]>([
    ['without a token', () => Promise.resolve(undefined), /it has no token/],
    ['with a token that is none', () => Promise.resolve('a.b.c'), /another issuer or tenant/],
    ['signed by another key of the same name', () => token({}, { key: 'other' }), /ERR_JWS_SIGNATURE/],
    ['signed by a key that Entra ID does not know', () => token({}, { key: 'unknown' }), /no key of Microsoft/],
    ['not signed at all', () => token({}, { alg: 'none' }), /its token is refused/],
    ['signed with the public key as a secret', () => token({}, { alg: 'HS256' }), /its token is refused/],
    ['that ran out', () => token({}, { expiresInS: -120 }), /it has expired/],
    ['for another application', () => token({ aud: 'api://somebody' }), /its claim aud/],
    ['of the second version, for the URI', () => later({ aud: `api://${clientId}` }), /its claim aud/],
    [
      'of another tenant',
      () => token({ iss: `https://sts.windows.net/${subscriptionId}/`, tid: subscriptionId }),
      /another issuer or tenant/,
    ],
    ['that names another tenant beside', () => token({ tid: subscriptionId }), /another tenant/],
    ['of another application of the tenant', () => token({ appid: clientId }), /another application/],
    ['of another application, second version', () => later({ azp: clientId }), /another application/],
    ['with another role', () => token({ roles: ['Reader'] }), /no role ActionGroupsSecureWebhook/],
    ['without a role', () => token({ roles: undefined as never }), /its claim roles/],
  ])('are refused when they come with a token %s', async (_what, signed, because) => {
    await door.refuses('azure', 401, because, alert(), await signed());
    expect(await rings(source)).toBe(false);
  });

  it('are refused of a subscription that is not read, and when they are no alerts in the common schema', async () => {
    const alertId = `/subscriptions/${tenantId}/providers/Microsoft.AlertsManagement/alerts/a`;
    await door.refuses('azure', 403, /another subscription/, alert({ alertId }), await token());
    for (const body of [
      '',
      '{}',
      alert().replace('azureMonitorCommonAlertSchema', 'AzureMonitorMetricAlert'),
      '\u0000',
    ])
      await door.refuses('azure', 400, /no message of an alert/, body, await token());
    expect(await rings(source)).toBe(false);
  });

  it('are no reason to look when they are played again long after', async () => {
    const firedDateTime = new Date(Date.now() - limits.pushOldMs - 1_000).toISOString();
    expect(await door.post('azure', alert({ firedDateTime }), await token())).toEqual({
      status: 200,
      text: 'it is old',
    });
    expect(await rings(source)).toBe(false);
  });

  it('are not taken while the keys cannot be had, so that Azure tries again', async () => {
    issuer.down = true;
    await door.refuses('azure', 503, /keys of Microsoft Entra ID cannot be had/, alert(), await token());
    expect(await rings(source)).toBe(false);
  });

  it('are taken for the Application ID URI that is written, and no other then', async () => {
    door.sources = [(source = open({ audience: 'https://watchkeeper.example' }))];
    const right = await token({ aud: 'https://watchkeeper.example' });
    expect((await door.post('azure', alert(), right)).status).toBe(200);
    expect((await door.post('azure', alert(), await token())).status).toBe(401);
  });

  it('are taken only where push is named, in the public cloud, with alerts that are read', () => {
    const push = { tenantId, clientId };
    expect(opening({ push })).toHaveProperty('receive');
    expect(opening({})).not.toHaveProperty('receive');
    for (const wrong of [
      { push, alerts: false },
      { push, cloud: 'usgovernment' },
      { push: { tenantId } },
      { push: { ...push, tenantId: 'common' } },
    ])
      expect(opening(wrong)).toBeUndefined();
  });
});
