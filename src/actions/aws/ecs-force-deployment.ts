import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import { ecsAccess, ecsFacts, readService, rollingBlast, untilDeployed, whoElse } from './ecs.ts';
import { swapAction } from './swap.ts';

const params = z.strictObject({});

/** Replaces all tasks of an ECS service by new ones of the same task definition, as its deployment configuration has it. */
export const ecsForceDeployment = swapAction<z.infer<typeof params>, 'ecs'>({
  kind: 'aws.ecs-force-deployment',
  summary: 'Replace all tasks of an ECS service by new ones of the same task definition',
  // A repeat finds another deployment than the plan saw, and touches nothing.
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'ecs',
  setting: 'deployment',
  access: ecsAccess,
  look: async (_given, reach) => {
    const found = await readService(reach);
    const busy = whoElse(found, false);
    const base = {
      now: { value: found.primary?.id ?? '' },
      facts: ecsFacts(found),
      blast: rollingBlast(found, reach.place.resource.service),
      ...(busy === undefined ? {} : { busy }),
    };
    if (found.controller !== 'ECS')
      return { ...base, to: { refused: `${found.controller} deploys it: it is not ours to deploy anew` } };
    return { ...base, to: `a new one of ${found.taskDefinition}` };
  },
  read: async (reach) => ({ value: (await readService(reach)).primary?.id ?? '' }),
  reached: (now, from) => now !== from,
  write: async ({ place, session, context }) => {
    const input = { cluster: place.resource.cluster, service: place.resource.service, forceNewDeployment: true };
    await session.ask({ service: 'ecs', operation: 'UpdateService', input }, context.signal);
  },
  finish: untilDeployed,
});
