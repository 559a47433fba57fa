import * as z from 'zod';

import { azureResourcePath } from '../../domain/places.ts';
import { flexibleMembers, isFlexible } from '../../io/clients/azure/members.ts';
import { oneLine } from '../../lib/text.ts';
import type { Reach } from './place.ts';

const set = z.object({
  id: z.string().default(''),
  sku: z.object({ name: z.string().nullish(), capacity: z.number().nullish() }).nullish(),
  properties: z.object({ provisioningState: z.string().default(''), orchestrationMode: z.string().nullish() }),
});
const status = z.object({ code: z.string(), count: z.number().nullish() });
const view = z.object({
  virtualMachine: z.object({ statusesSummary: z.array(status).default([]) }).nullish(),
});

/** A scale set as a hand sees it. */
export interface ScaleSet {
  readonly capacity: number;
  /** Machines that are made, by their own word. */
  readonly well: number;
  readonly provisioning: string;
  readonly sku: string;
}

/** Reads it: with its own view, or where it has none, of Flexible orchestration, with its machines. */
export async function readSet(reach: Reach<'scale-set'>): Promise<ScaleSet> {
  const { id, sku, properties } = set.parse(await reach.ask('scaleSets.get'));
  const flexible = isFlexible(properties.orchestrationMode)
    ? await flexibleMembers(id, (query, next) => {
        return reach.ask('machines.list', { around: true, query, ...(next === undefined ? {} : { next }) });
      })
    : undefined;
  return {
    capacity: sku?.capacity ?? flexible?.total ?? 0,
    well: flexible?.well ?? (await wellByView(reach)),
    provisioning: properties.provisioningState,
    sku: sku?.name ?? '',
  };
}

async function wellByView(reach: Reach<'scale-set'>): Promise<number> {
  const summary = view.parse(await reach.ask('scaleSets.instanceView')).virtualMachine?.statusesSummary ?? [];
  return summary.find(({ code }) => /^ProvisioningState\/succeeded$/i.test(code))?.count ?? 0;
}

/** How many machines a set of Flexible orchestration is to have: `undefined` for one of Uniform. */
export async function flexibleCapacity(reach: Reach<'scale-set'>): Promise<number | undefined> {
  const { sku, properties } = set.parse(await reach.ask('scaleSets.get'));
  return isFlexible(properties.orchestrationMode) ? (sku?.capacity ?? 0) : undefined;
}

const settings = z.object({
  value: z
    .array(
      z.object({
        name: z.string().default(''),
        properties: z.object({ enabled: z.boolean().nullish(), targetResourceUri: z.string().nullish() }),
      }),
    )
    .default([]),
  nextLink: z.string().nullish(),
});

/**
 * Who else sets the number of machines: the enabled autoscale setting of its resource group that is for this set, by name.
 * `undefined`: none there.
 */
export async function autoscaleOf(reach: Reach<'scale-set'>): Promise<string | undefined> {
  const { value, nextLink } = settings.parse(await reach.ask('autoscaleSettings.list', { around: true }));
  const path = azureResourcePath(reach.place).toLowerCase();
  // Where it is not said, it is on.
  const found = value.find(
    ({ properties: { enabled, targetResourceUri } }) =>
      enabled !== false && (targetResourceUri ?? '').toLowerCase().endsWith(path),
  );
  if (found !== undefined) return oneLine(found.name, 100);
  return nextLink ? 'one of those that were not looked at, for there are too many' : undefined;
}
