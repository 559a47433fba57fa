import * as z from 'zod';

import { zSecretRef } from '../../../lib/zod-parts.ts';

/** `westeurope`, `eastus2`: as Azure writes a location, without spaces. */
export const azureRegion = z.string().regex(/^[a-z0-9]{2,40}$/, 'must be a region such as westeurope');

/** An id as Azure and Entra ID write them. */
export const guid = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'must be an id such as 00000000-0000-0000-0000-000000000000');

const subscriptionName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be a name of lower-case letters, digits and "-"');

// A token must not travel in the clear.
const endpoint = z
  .string()
  .refine(
    (text) => URL.canParse(text.replaceAll('{region}', 'r')) && /^https:\/\/[^@?#]+$/.test(text),
    'must be an https:// URL',
  )
  .exactOptional();

/** How Azure is reached: the same keys for a reader and for a hand. */
export const azureConnection = {
  cloud: z
    .enum(['public', 'usgovernment', 'china'])
    .default('public')
    .describe('Which cloud: each has addresses and an authority of its own.'),
  endpoints: z
    .strictObject({ management: endpoint, metrics: endpoint, logs: endpoint, authority: endpoint })
    .exactOptional()
    .describe("Instead of the cloud's own addresses; {region} stands for the region in that of the metrics."),
};

/** As whom one asks. */
export const azureIdentity = {
  clientId: guid.exactOptional().describe('Of a user-assigned managed identity, or of an app registration.'),
  tenantId: guid.exactOptional().describe('The tenant of the app registration.'),
  secret: zSecretRef
    .exactOptional()
    .describe('A secret of the app registration. Without it: workload identity, or the identity of the machine.'),
};

/** Subscriptions, each by a name of ours. */
export const azureSubscriptions = z
  .array(z.strictObject({ name: subscriptionName, id: guid, tenantId: guid.exactOptional() }))
  .min(1)
  .max(200)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'two subscriptions have one name');

/** Identities to act as, each for the resources below a scope. */
export const actIdentities = z
  .array(
    z.strictObject({
      scope: z
        .string()
        .max(500)
        .regex(
          /^\/subscriptions\/[0-9a-fA-F-]{36}(\/resourceGroups\/[\w.()-]{1,90}(\/providers\/[\w.]+(\/\w+\/[\w.-]+)+)?)?$/,
          'must be the id of a resource, a resource group or a subscription',
        )
        .describe('What it acts on: best one resource. The longest scope that holds a resource is the one used.'),
      ...azureIdentity,
    }),
  )
  .min(1)
  .max(500);
