import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import { until } from '../until.ts';
import { asgAccess, groupFacts, isGoing, newestRefresh, readGroup, type Refresh } from './asg.ts';
import { swapAction } from './swap.ts';

const params = z.strictObject({});
const accessTo = {
  reads: ['DescribeAutoScalingGroups', 'DescribeInstanceRefreshes'],
  write: 'CancelInstanceRefresh',
} as const;

/** Stops the instance refresh that is under way; instances that are new already stay. */
export const asgInstanceRefreshCancel = swapAction<z.infer<typeof params>, 'auto-scaling-group'>({
  kind: 'aws.asg-instance-refresh-cancel',
  summary: 'Cancel the instance refresh of an Auto Scaling group that is under way',
  // Only the refresh that the plan saw is cancelled.
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'auto-scaling-group',
  setting: 'instance refresh',
  access: (place) => asgAccess(place, accessTo),
  look: async (_given, reach) => {
    const [group, refresh] = await Promise.all([readGroup(reach), newestRefresh(reach)]);
    const going = refresh !== undefined && wordOf(refresh) === 'under way';
    return {
      now: { value: stateOf(refresh) },
      to: going ? `${refresh.InstanceRefreshId} cancelled` : { refused: 'no instance refresh is under way' },
      facts: { ...groupFacts(group, refresh), percentComplete: refresh?.PercentageComplete ?? 0 },
      blast: {
        ...{ touched: 1, total: Math.max(1, group.desired), healthyNow: group.inService },
        ...{ healthyAfter: group.inService, targets: [reach.place.resource.name], dependents: [] },
      },
    };
  },
  read: async (reach) => ({ value: stateOf(await newestRefresh(reach)) }),
  write: async ({ place, session, context }) => {
    const input = { AutoScalingGroupName: place.resource.name };
    await session.ask({ service: 'autoscaling', operation: 'CancelInstanceRefresh', input }, context.signal);
  },
  finish: (reach) =>
    until(reach.context, limits.awsPollMs, async () => {
      const refresh = await newestRefresh(reach);
      const message = `the instance refresh is ${refresh?.Status ?? 'not there'}`;
      if (isGoing(refresh)) return { is: 'under-way', message };
      return { is: refresh?.Status === 'Cancelled' ? 'done' : 'failed', message };
    }),
});

function stateOf(refresh: Refresh | undefined): string {
  return refresh === undefined ? 'none' : `${refresh.InstanceRefreshId} ${wordOf(refresh)}`;
}

// One word for what cannot be told apart by who cancels: asked for is as good as done, and another end is another.
function wordOf({ Status }: Refresh): string {
  if (['Pending', 'InProgress', 'Baking'].includes(Status)) return 'under way';
  return Status === 'Cancelling' || Status === 'Cancelled' ? 'cancelled' : Status;
}
