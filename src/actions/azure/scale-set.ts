import * as z from 'zod';

import { azureResourcePath } from '../../domain/places.ts';
import { oneLine } from '../../lib/text.ts';
import type { Reach } from './place.ts';

const set = z.object({
  sku: z.object({ name: z.string().nullish(), capacity: z.number().nullish() }).nullish(),
  properties: z.object({ provisioningState: z.string().default('') }),
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

/** Reads it. */
export async function readSet(reach: Reach<'scale-set'>): Promise<ScaleSet> {
  const [setAnswer, viewAnswer] = await Promise.all([reach.ask('scaleSets.get'), reach.ask('scaleSets.instanceView')]);
  const { sku, properties } = set.parse(setAnswer);
  const summary = view.parse(viewAnswer).virtualMachine?.statusesSummary ?? [];
  return {
    capacity: sku?.capacity ?? 0,
    well: summary.find(({ code }) => /^ProvisioningState\/succeeded$/i.test(code))?.count ?? 0,
    provisioning: properties.provisioningState,
    sku: sku?.name ?? '',
  };
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
