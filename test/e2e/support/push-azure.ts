import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { startAzure } from '../../support/azure-server.ts';
import { startTokenIssuer } from '../../support/token-issuer.ts';
import type { Home } from './daemon.ts';
import { containerApp, oneContainerApp } from './one-container-app.ts';
import type { PushingCloud } from './pushing-cloud.ts';

const subscription = '11111111-2222-3333-4444-555555555555';
const tenantId = '99999999-2222-3333-4444-555555555555';
const reader = '22222222-2222-3333-4444-555555555555';
const application = '77777777-2222-3333-4444-555555555555';
const actionGroups = '461e8683-5575-4561-ac7f-899cc907d62a';
const issued = `https://sts.windows.net/${tenantId}/`;
const alertId = `/subscriptions/${subscription}/providers/Microsoft.AlertsManagement/alerts/abc`;

/** Azure with one container app, whose alerts an action group's secure webhook pushes. */
export async function pushingAzure(home: Home): Promise<PushingCloud> {
  const issuer = await startTokenIssuer();
  let fired = false;
  let firedMs = 0;
  let monitorCondition = 'Fired';
  let looks = 0;
  const alert = (): JsonObject => ({
    ...{ id: alertId, name: 'web is slow' },
    properties: {
      essentials: {
        ...{ severity: 'Sev1', monitorCondition, alertRule: 'web is slow' },
        targetResource: `/subscriptions/${subscription}${containerApp}`,
        startDateTime: new Date(firedMs).toISOString(),
      },
    },
  });
  const published = (path: string): Json | undefined => {
    if (path === `/${tenantId}/.well-known/openid-configuration`)
      return { issuer: issued, jwks_uri: `${server.url}/${tenantId}/discovery/keys` };
    if (path === `/${tenantId}/discovery/keys`) return issuer.published();
    if (path === alertId) return alert();
    if (!path.endsWith('/Microsoft.AlertsManagement/alerts')) return undefined;
    looks++;
    return { value: fired ? [alert()] : [] };
  };
  const server = await startAzure(oneContainerApp(), (path, _body, response) => {
    const answer = published(path);
    if (answer === undefined) return false;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    return true;
  });
  server.assign(reader, ['*/read'], ['/subscriptions']);
  return {
    source: {
      ...{ id: 'azure', kind: 'azure', discover: false, subscriptions: [{ name: 'prod', id: subscription }] },
      endpoints: { management: server.url, metrics: server.url, logs: server.url, authority: server.url },
      identity: { clientId: reader, tenantId, secret: { env: 'READER' } },
      push: { tenantId, clientId: application },
    },
    runsOn: { azure: { region: 'westeurope', resourceGroup: 'shop', containerApp: 'web' } },
    environment: { READER: `secret of ${reader}`, NODE_EXTRA_CA_CERTS: home.write('azure.pem', server.certificate) },
    looks: () => looks,
    fires: () => {
      firedMs = Date.now();
      fired = true;
    },
    isOver: () => {
      fired = false;
      monitorCondition = 'Resolved';
    },
    message: async (state, key) => {
      const claims = {
        ...{ iss: issued, aud: `api://${application}`, tid: tenantId, appid: actionGroups, appidacr: '2', ver: '1.0' },
        roles: ['ActionGroupsSecureWebhook'],
      };
      const essentials = {
        ...{ alertId, alertRule: 'web is slow', severity: 'Sev1', signalType: 'Metric', essentialsVersion: '1.0' },
        ...{ monitoringService: 'Platform', firedDateTime: new Date(firedMs || Date.now()).toISOString() },
        ...(state === 'fired'
          ? { monitorCondition: 'Fired' }
          : { monitorCondition: 'Resolved', resolvedDateTime: new Date().toISOString() }),
      };
      const body = { schemaId: 'azureMonitorCommonAlertSchema', data: { essentials, alertContext: {} } };
      return { token: await issuer.sign(claims, { key }), body };
    },
    violations: () => server.called.filter(({ allowed }) => !allowed).map(({ permission }) => permission),
    close: async () => {
      await Promise.all([server.close(), issuer.close()]);
    },
  };
}
