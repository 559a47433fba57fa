import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import { groupAccess, groupMethod, groupParams, readGroup, requestId, untilStable } from './group.ts';
import { swapAction } from './swap.ts';

const params = z.strictObject({ size: z.int().min(1).max(1_000) });

/** Sets how many instances a managed instance group has, and waits until they are there. */
export const migResize = swapAction<z.infer<typeof params>, 'instance-group'>({
  kind: 'gcp.mig-resize',
  summary: 'Set the number of instances of a managed instance group and wait until they are there',
  // Fewer instances are others taken away: what was on them is gone, also when as many come again.
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'instance-group',
  setting: 'size',
  access: (place) => groupAccess(place),
  look: async ({ size }, reach) => {
    const { targetSize, currentActions, status } = await readGroup(reach);
    const there = currentActions.none;
    return {
      now: { value: String(targetSize) },
      to: status.autoscaler === '' ? String(size) : { refused: 'an autoscaler sets its size, and would set it back' },
      facts: { size: targetSize, there, autoscaled: status.autoscaler !== '' },
      blast: {
        ...{
          touched: Math.max(1, Math.abs(size - targetSize)),
          total: Math.max(size, targetSize),
          replicasAfter: size,
        },
        ...{
          healthyNow: there,
          healthyAfter: Math.min(there, size),
          targets: [reach.place.resource.name],
          dependents: [],
        },
      },
      ...(status.isStable ? {} : { busy: 'another change of its instances is under way' }),
    };
  },
  read: async (reach) => ({ value: String((await readGroup(reach)).targetSize) }),
  write: async (reach, to, _now, key) => {
    // One key may write twice: to act, and to undo.
    const given = { ...groupParams(reach), size: Number(to), requestId: requestId(`${to}-${key}`) };
    const method = groupMethod(reach.place.location, 'resize');
    await reach.session.ask({ service: 'compute', method, params: given }, reach.context.signal);
  },
  finish: (reach, to) => untilStable(reach, `size ${to}`),
});
