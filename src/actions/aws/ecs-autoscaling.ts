import * as z from 'zod';

import type { AwsStatement } from '../../domain/ports/aws.ts';
import type { Reach } from './swap.ts';

const targets = z.object({
  ScalableTargets: z
    .array(
      z.object({
        MinCapacity: z.number().nullish(),
        MaxCapacity: z.number().nullish(),
        SuspendedState: z
          .object({
            DynamicScalingInSuspended: z.boolean().nullish(),
            DynamicScalingOutSuspended: z.boolean().nullish(),
            ScheduledScalingSuspended: z.boolean().nullish(),
          })
          .nullish(),
      }),
    )
    .default([]),
});

/** What looking needs: it knows no resource. */
export const scalableTargetsRight: AwsStatement = {
  actions: ['application-autoscaling:DescribeScalableTargets'],
  resources: ['*'],
};

/**
 * Who else sets the number of tasks: Application Auto Scaling, where the service is one of its targets and not all of its
 * scaling is suspended; in words, with the limits. `undefined`: nobody.
 */
export async function autoscalingOf({ place, session, context }: Reach<'ecs'>): Promise<string | undefined> {
  const { cluster, service } = place.resource;
  const input = {
    ...{ ServiceNamespace: 'ecs', ResourceIds: [`service/${cluster}/${service}`] },
    ScalableDimension: 'ecs:service:DesiredCount',
  };
  const call = { service: 'applicationautoscaling', operation: 'DescribeScalableTargets', input } as const;
  const found = targets.parse(await session.ask(call, context.signal)).ScalableTargets.find(({ SuspendedState }) => {
    const { DynamicScalingInSuspended, DynamicScalingOutSuspended, ScheduledScalingSuspended } = SuspendedState ?? {};
    return !(DynamicScalingInSuspended && DynamicScalingOutSuspended && ScheduledScalingSuspended);
  });
  return found === undefined ? undefined : `from ${found.MinCapacity ?? '?'} to ${found.MaxCapacity ?? '?'} tasks`;
}
