import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import { autoscalingOf, scalableTargetsRight } from './ecs-autoscaling.ts';
import { ecsAccess, ecsFacts, readService, untilDeployed, whoElse } from './ecs.ts';
import { swapAction } from './swap.ts';

const params = z.strictObject({ tasks: z.int().min(1).max(1_000) });

/** Sets how many tasks an ECS service runs, and waits until they do. */
export const ecsScale = swapAction<z.infer<typeof params>, 'ecs'>({
  kind: 'aws.ecs-scale',
  summary: 'Set the number of tasks of an ECS service and wait until they run',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'ecs',
  setting: 'number of tasks',
  access: (place) => {
    const { look, act } = ecsAccess(place);
    return { look: [...look, scalableTargetsRight], act };
  },
  look: async ({ tasks }, reach) => {
    const [found, autoscaling] = await Promise.all([readService(reach), autoscalingOf(reach)]);
    const busy = whoElse(found, false);
    const { desiredCount: desired, runningCount: running, schedulingStrategy } = found;
    return {
      now: { value: String(desired) },
      to: whyNot(schedulingStrategy, autoscaling) ?? String(tasks),
      facts: { ...ecsFacts(found), autoscaled: autoscaling !== undefined },
      blast: {
        ...{ touched: Math.max(1, Math.abs(tasks - desired)), total: Math.max(tasks, desired), replicasAfter: tasks },
        ...{ healthyNow: running, healthyAfter: Math.min(running, tasks) },
        ...{ targets: [reach.place.resource.service], dependents: [] },
      },
      ...(busy === undefined ? {} : { busy }),
    };
  },
  read: async (reach) => ({ value: String((await readService(reach)).desiredCount) }),
  write: async ({ place, session, context }, to) => {
    const input = { cluster: place.resource.cluster, service: place.resource.service, desiredCount: Number(to) };
    await session.ask({ service: 'ecs', operation: 'UpdateService', input }, context.signal);
  },
  finish: (reach, to) => untilDeployed(reach, `${to} tasks`),
});

function whyNot(strategy: string, autoscaling: string | undefined): { readonly refused: string } | undefined {
  if (strategy === 'DAEMON') return { refused: 'a daemon service runs one task on each instance' };
  if (autoscaling === undefined) return undefined;
  return { refused: `Application Auto Scaling sets the number of tasks, and would set it back: ${autoscaling}` };
}
