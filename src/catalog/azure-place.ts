import * as z from 'zod';

import type { AzurePlace, AzureResource, Place } from '../domain/places.ts';

const name = z
  .string()
  .max(260)
  .regex(/^[A-Za-z0-9][\w.-]*$/, 'must be a name as Azure takes it');

const shape = z.strictObject({
  source: z.string().max(63).default('azure').describe('The id of the azure source that sees it.'),
  subscription: name.exactOptional().describe('Which of its subscriptions; not needed where there is one.'),
  region: z.string().regex(/^[a-z0-9]{2,40}$/, 'must be a region such as westeurope'),
  resourceGroup: z.string().regex(/^[\w.()-]{0,89}[\w()-]$/, 'must be the name of a resource group'),
  containerApp: name.exactOptional(),
  webApp: z
    .strictObject({ name, slot: name.exactOptional() })
    .exactOptional()
    .describe('A web app of App Service; with the slot that is swapped with production, a swap can be taken back.'),
  scaleSet: name.exactOptional(),
  virtualMachine: name.exactOptional(),
  failoverGroup: z
    .strictObject({ server: name, name })
    .exactOptional()
    .describe('A failover group of Azure SQL; `server` is the one that is meant to be primary after a failover.'),
});

/** `{region: westeurope, resourceGroup: shop, containerApp: web}`: one resource of Azure; `source` is the azure source's id. */
export const azurePlace = shape
  .refine((written) => resources(written).length === 1, {
    message: 'must name exactly one resource: containerApp, webApp, scaleSet, virtualMachine or failoverGroup',
  })
  .describe('A resource of Azure');

/** The place that a checked `azure:` block means. */
export function placeInAzure(written: z.output<typeof shape>): Place {
  const [resource] = resources(written);
  // The schema has made sure that there is exactly one.
  if (resource === undefined) throw new Error('an azure place without a resource');
  const { source, subscription, region, resourceGroup } = written;
  const where = subscription === undefined ? {} : { subscription };
  const azure: AzurePlace = { source, ...where, region, resourceGroup, resource };
  return { on: 'azure', azure };
}

function resources(written: z.output<typeof shape>): readonly AzureResource[] {
  const { containerApp, webApp, scaleSet, virtualMachine, failoverGroup } = written;
  return [
    ...(containerApp === undefined ? [] : [{ is: 'container-app', name: containerApp } as const]),
    ...(webApp === undefined ? [] : [{ is: 'web-app', ...webApp } as const]),
    ...(scaleSet === undefined ? [] : [{ is: 'scale-set', name: scaleSet } as const]),
    ...(virtualMachine === undefined ? [] : [{ is: 'virtual-machine', name: virtualMachine } as const]),
    ...(failoverGroup === undefined ? [] : [{ is: 'failover-group', ...failoverGroup } as const]),
  ];
}
