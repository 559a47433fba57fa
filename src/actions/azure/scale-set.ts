import * as z from 'zod';

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
