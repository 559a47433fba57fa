import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import { until } from '../until.ts';
import { asgAccess, groupFacts, isGoing, newestRefresh, readGroup, scalingPolicy } from './asg.ts';
import { swapAction, type Reach } from './swap.ts';

const params = z.strictObject({ instances: z.int().min(1).max(1_000) });

/** Sets how many instances an Auto Scaling group keeps, within its own limits, and waits until they are in service. */
export const asgSetCapacity = swapAction<z.infer<typeof params>, 'auto-scaling-group'>({
  kind: 'aws.asg-set-capacity',
  summary: 'Set the number of instances of an Auto Scaling group and wait until they are in service',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'auto-scaling-group',
  setting: 'number of instances',
  access: (place) =>
    asgAccess(place, {
      reads: ['DescribeAutoScalingGroups', 'DescribeInstanceRefreshes', 'DescribePolicies'],
      write: 'SetDesiredCapacity',
    }),
  look,
  read: async (reach) => ({ value: String((await readGroup(reach)).desired) }),
  write: async ({ place, session, context }, to) => {
    const input = { AutoScalingGroupName: place.resource.name, DesiredCapacity: Number(to), HonorCooldown: false };
    await session.ask({ service: 'autoscaling', operation: 'SetDesiredCapacity', input }, context.signal);
  },
  finish: (reach, to) =>
    until(reach.context, limits.awsPollMs, async () => {
      const { desired, inService } = await readGroup(reach);
      const message = `${inService} of ${desired} instances are in service`;
      if (String(desired) !== to) return { is: 'failed', message: `${message}: somebody else changed their number` };
      return inService === desired ? { is: 'done', message } : { is: 'under-way', message };
    }),
});

async function look({ instances }: z.infer<typeof params>, reach: Reach<'auto-scaling-group'>) {
  const [group, refresh] = await Promise.all([readGroup(reach), newestRefresh(reach)]);
  const policy = await scalingPolicy(reach, group);
  const { min, max, desired, inService, suspended } = group;
  const blast = {
    ...{ touched: Math.max(1, Math.abs(instances - desired)), total: Math.max(instances, desired) },
    ...{ replicasAfter: instances, healthyNow: inService, healthyAfter: Math.min(inService, instances) },
    ...{ targets: [reach.place.resource.name], dependents: [] },
  };
  return {
    now: { value: String(desired) },
    to: whyNot(instances, group, policy) ?? String(instances),
    facts: {
      ...groupFacts(group, refresh),
      ...{ suspended: [...suspended], min, max, autoscaled: policy !== undefined },
    },
    blast,
    ...(isGoing(refresh) ? { busy: `an instance refresh is ${refresh?.Status ?? ''}` } : {}),
  };
}

function whyNot(
  instances: number,
  { min, max, desired, suspended }: Awaited<ReturnType<typeof readGroup>>,
  policy: string | undefined,
): { readonly refused: string } | undefined {
  if (policy !== undefined)
    return { refused: `its scaling policy sets the number of instances, and would set it back: ${policy}` };
  // Its limits are what people thought it may be; moving them is theirs.
  if (instances < min || instances > max)
    return { refused: `${instances} is outside the group's own limits, ${min} to ${max}` };
  const needed = instances > desired ? 'Launch' : 'Terminate';
  return suspended.includes(needed)
    ? { refused: `${needed} is suspended in the group: somebody wants it so` }
    : undefined;
}
