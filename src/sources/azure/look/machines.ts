import * as z from 'zod';

import { flexibleMembers, isFlexible, type Members } from '../../../io/clients/azure/members.ts';
import { oneLine } from '../../../lib/text.ts';
import type { AskOf, AzureState } from './state.ts';

const status = z.object({
  code: z.string(),
  count: z.number().nullish(),
  displayStatus: z.string().nullish(),
  message: z.string().nullish(),
});
const image = z
  .object({
    id: z.string().nullish(),
    offer: z.string().nullish(),
    sku: z.string().nullish(),
    version: z.string().nullish(),
    exactVersion: z.string().nullish(),
  })
  .nullish();

/** The answer to a scale set, as far as it is used. */
export const scaleSet = z.object({
  id: z.string().default(''),
  sku: z.object({ name: z.string().nullish(), capacity: z.number().nullish() }).nullish(),
  properties: z.object({
    provisioningState: z.string().nullish(),
    orchestrationMode: z.string().nullish(),
    virtualMachineProfile: z.object({ storageProfile: z.object({ imageReference: image }).nullish() }).nullish(),
  }),
});
const instanceView = z.object({
  virtualMachine: z.object({ statusesSummary: z.array(status).default([]) }).nullish(),
  statuses: z.array(status).nullish(),
});

/** What a scale set says of its machines, and of the image that they are made of. */
export async function scaleSetState(ask: AskOf): Promise<AzureState> {
  const set = scaleSet.parse(await ask('scaleSets.get'));
  const isFlex = isFlexible(set.properties.orchestrationMode);
  const { well, total, said }: Counted = isFlex
    ? await flexibleMembers(set.id, (query, next) => ask('machines.list', query, next === undefined ? {} : { next }))
    : await viewOf(ask);
  const wanted = set.sku?.capacity ?? total ?? 0;
  const reference = set.properties.virtualMachineProfile?.storageProfile?.imageReference ?? undefined;
  const { id, offer, sku, version, exactVersion } = reference ?? {};
  const what = id ?? [offer, sku, exactVersion ?? version].filter(Boolean).join(' ');
  return {
    // None wanted is none missing.
    availability: wanted === 0 ? 1 : Math.min(1, well / wanted),
    isFailing: /failed/i.test(set.properties.provisioningState ?? ''),
    replicas: well,
    wanted,
    ...(what === '' ? {} : { running: { what: oneLine(what, 300), attributes: {} } }),
    said: oneLine(said, 300),
    facts: { wanted, well, image: oneLine(what, 300), provisioning: set.properties.provisioningState ?? '' },
  };
}

/** Of a view it is not known how many there are. */
type Counted = Omit<Members, 'total'> & { readonly total?: number };

async function viewOf(ask: AskOf): Promise<Counted> {
  const summary = instanceView.parse(await ask('scaleSets.instanceView')).virtualMachine?.statusesSummary ?? [];
  const well = summary.find(({ code }) => /^ProvisioningState\/succeeded$/i.test(code))?.count ?? 0;
  const bad = summary.filter(({ code }) => /failed|unhealthy/i.test(code));
  return { well, said: bad.map(({ code, count }) => `${code}: ${count ?? 0}`).join(', ') };
}

/** The answer to a virtual machine with its instance view. */
export const virtualMachine = z.object({
  properties: z.object({
    provisioningState: z.string().nullish(),
    instanceView: z.object({ statuses: z.array(status).nullish() }).nullish(),
  }),
});

/** What a virtual machine says of itself. */
export async function machineState(ask: AskOf): Promise<AzureState> {
  const { properties } = virtualMachine.parse(await ask('virtualMachines.get', { $expand: 'instanceView' }));
  const power = properties.instanceView?.statuses?.find(({ code }) => code.startsWith('PowerState/'));
  const isUp = power?.code === 'PowerState/running';
  return {
    availability: isUp ? 1 : 0,
    isFailing: /failed/i.test(properties.provisioningState ?? ''),
    replicas: isUp ? 1 : 0,
    said: oneLine(power?.displayStatus ?? power?.code ?? 'power state unknown', 200),
    facts: { power: power?.code ?? '', provisioning: properties.provisioningState ?? '' },
  };
}
