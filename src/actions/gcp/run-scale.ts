import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import { patchRun, readRun, runAccess, runBesides, untilReady, whoElse } from './run.ts';
import { swapAction } from './swap.ts';

const params = z.strictObject({ minInstances: z.int().min(0).max(1_000) });

/** Sets how many instances a Cloud Run service keeps at least; no new revision is made. */
export const runScale = swapAction<z.infer<typeof params>, 'run'>({
  kind: 'gcp.run-scale',
  summary: 'Set how many instances a Cloud Run service keeps at least',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'run',
  setting: 'least number of instances',
  access: runAccess,
  besides: runBesides,
  look: async ({ minInstances }, reach) => {
    const found = await readRun(reach);
    const { minInstanceCount: least, scalingMode } = found.scaling;
    const busy = whoElse(found, false);
    return {
      now: { value: String(least), token: found.etag },
      to: scalingMode === 'MANUAL' ? { refused: 'its instances are set by hand' } : String(minInstances),
      facts: { minInstances: least },
      blast: {
        ...{ touched: Math.max(1, Math.abs(minInstances - least)), total: Math.max(1, minInstances, least) },
        ...{ replicasAfter: minInstances, healthyNow: 1, healthyAfter: 1 },
        ...{ targets: [reach.place.resource.service], dependents: [] },
      },
      ...(busy === undefined ? {} : { busy }),
    };
  },
  read: async (reach) => {
    const { scaling, etag } = await readRun(reach);
    return { value: String(scaling.minInstanceCount), token: etag };
  },
  write: async (reach, to, { token = '' }, key) => {
    const scaling = { minInstanceCount: Number(to) };
    await patchRun(reach, { traffic: undefined, scaling }, 'scaling.minInstanceCount', token, key);
  },
  finish: (reach, to) => untilReady(reach, `at least ${to} instances`),
});
