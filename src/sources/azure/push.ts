import * as z from 'zod';

import type { ReaderIo } from '../../domain/ports/io.ts';
import { authorityOf } from '../../io/clients/azure/endpoints.ts';
import { createTokenPush, jsonOf, type Push, type Pushed } from '../../io/clients/cloud/push.ts';
import { issuerSaid, signedTokens } from '../../io/clients/signed-tokens.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { AzureConfig, AzurePush } from './schema.ts';

// Whom action groups come as in every tenant ("AzNS AAD Webhook"), and the role that its script gives them
// (learn.microsoft.com/azure/azure-monitor/alerts/action-groups, "Configure authentication for Secure webhook").
const actionGroups = '461e8683-5575-4561-ac7f-899cc907d62a';
const role = 'ActionGroupsSecureWebhook';

// learn.microsoft.com/azure/azure-monitor/alerts/alerts-common-schema, "Essentials".
const alert = z.object({
  schemaId: z.literal('azureMonitorCommonAlertSchema'),
  data: z.object({
    essentials: z.object({
      alertId: z
        .string()
        .max(1_000)
        .regex(/^\/subscriptions\/[^/]+\//i),
      monitorCondition: z.string().max(100),
      firedDateTime: z.iso.datetime({ offset: true }),
      resolvedDateTime: z.iso.datetime({ offset: true }).nullish(),
    }),
  }),
});

/**
 * Makes it: alerts through an action group's secure webhook. Microsoft Entra ID signs each call with a token of the action groups'
 * own application, for the application that stands for us, of our tenant.
 */
export function createPush(
  push: AzurePush,
  config: Pick<AzureConfig, 'cloud' | 'endpoints' | 'subscriptions'>,
  io: Pick<ReaderIo, 'http' | 'clock'>,
): Push {
  const tokens = issuersOf(push, authorityOf(config)).map(({ issuer, metadata, audience }) => ({
    issuer,
    signed: signedTokens(
      {
        ...{ whose: 'Microsoft Entra ID', published: { metadata, issuer }, issuer, audiences: [audience] },
        ...{ tolerance: 60, required: ['tid', 'roles'] },
      },
      io,
    ),
  }));
  const subscriptions = new Set(config.subscriptions.map(({ id }) => id.toLowerCase()));
  return createTokenPush(
    {
      verify: async (token, signal) => {
        const said = await issuerSaid(token);
        const of = tokens.find(({ issuer }) => issuer === said);
        if (of === undefined) throw new WatchkeeperError('unauthorized', 'its token is of another issuer or tenant');
        const because = objectionTo(await of.signed.verify(token, signal), push);
        if (because !== undefined) throw new WatchkeeperError('unauthorized', because);
      },
      read: (body) => readAlert(body, subscriptions),
    },
    io.clock,
  );
}

// Entra ID signs as its first or its second version, by what the application says (accessTokenAcceptedVersion): with another
// issuer, and for the application's URI or its id.
function issuersOf({ tenantId, clientId, audience }: AzurePush, authority: string) {
  const tenant = tenantId.toLowerCase();
  const at = `${authority.replace(/\/+$/, '')}/${tenant}`;
  const metadata = '.well-known/openid-configuration';
  return [
    {
      issuer: `https://login.microsoftonline.com/${tenant}/v2.0`,
      ...{ metadata: `${at}/v2.0/${metadata}`, audience: clientId.toLowerCase() },
    },
    {
      issuer: `https://sts.windows.net/${tenant}/`,
      ...{ metadata: `${at}/${metadata}`, audience: audience ?? `api://${clientId.toLowerCase()}` },
    },
  ] as const;
}

function objectionTo(claims: Readonly<Record<string, unknown>>, { tenantId }: AzurePush): string | undefined {
  const { tid, appid, azp, roles } = claims;
  if (tid !== tenantId.toLowerCase()) return 'its token is of another tenant';
  if ((azp ?? appid) !== actionGroups) return 'its token is of another application than action groups';
  if (!Array.isArray(roles) || !roles.includes(role)) return `its token has no role ${role}`;
  return undefined;
}

function readAlert(body: Uint8Array, subscriptions: ReadonlySet<string>): Pushed | undefined {
  const { data: said } = alert.safeParse(jsonOf(body));
  if (said === undefined) return undefined;
  const { alertId, monitorCondition, firedDateTime, resolvedDateTime } = said.data.essentials;
  const subscription = alertId.split('/')[2]?.toLowerCase() ?? '';
  if (!subscriptions.has(subscription)) return { is: 'foreign', because: 'it is of another subscription' };
  const at = monitorCondition === 'Resolved' ? (resolvedDateTime ?? firedDateTime) : firedDateTime;
  // The same alert fires and is resolved; a call that is tried again says the same.
  return { is: 'alert', name: `${alertId} ${monitorCondition} ${at}`, atMs: Date.parse(at) };
}
