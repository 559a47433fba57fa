import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import { until } from '../until.ts';
import { autoscaleOf, readSet } from './scale-set.ts';
import { swapAction } from './swap.ts';

const params = z.strictObject({ machines: z.int().min(1).max(1_000) });

/** Sets how many machines a scale set has, and waits until they are there. */
export const vmssScale = swapAction<z.infer<typeof params>, 'scale-set'>({
  kind: 'azure.vmss-scale',
  summary: 'Set the number of machines of a scale set and wait until they are there',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'scale-set',
  setting: 'number of machines',
  asks: () => ({
    ...{ look: ['scaleSets.get', 'scaleSets.instanceView'], act: ['scaleSets.update'] },
    around: ['autoscaleSettings.list', 'machines.list'],
  }),
  look: async ({ machines }, reach) => {
    const [set, autoscale] = await Promise.all([readSet(reach), autoscaleOf(reach)]);
    const { capacity, well, provisioning, sku } = set;
    return {
      now: { value: String(capacity) },
      to:
        autoscale === undefined
          ? String(machines)
          : { refused: `its autoscale setting sets the number of machines, and would set it back: ${autoscale}` },
      facts: { capacity, well, provisioning, sku, autoscaled: autoscale !== undefined },
      blast: {
        ...{ touched: Math.max(1, Math.abs(machines - capacity)), total: Math.max(machines, capacity, 1) },
        ...{ replicasAfter: machines, healthyNow: well, healthyAfter: Math.min(well, machines) },
        ...{ targets: [reach.place.resource.name], dependents: [] },
      },
      ...(provisioning === 'Updating' ? { busy: 'the scale set is being updated' } : {}),
    };
  },
  read: async (reach) => ({ value: String((await readSet(reach)).capacity) }),
  write: async (reach, to) => {
    await reach.ask('scaleSets.update', { body: { sku: { capacity: Number(to) } } });
  },
  finish: (reach, to) =>
    until(reach.context, limits.azurePollMs, async () => {
      const { capacity, well, provisioning } = await readSet(reach);
      const isThere = String(capacity) === to && well >= capacity && provisioning === 'Succeeded';
      return {
        is: isThere ? 'done' : 'under-way',
        message: `${well} of ${capacity} machines are there (${provisioning})`,
      };
    }),
});
