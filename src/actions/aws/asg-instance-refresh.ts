import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import { oneLine } from '../../lib/text.ts';
import { until } from '../until.ts';
import { asgAccess, groupFacts, isGoing, newestRefresh, readGroup } from './asg.ts';
import { swapAction, type Reach, type SwapLook } from './swap.ts';

const params = z.strictObject({
  /** So many in a hundred stay in service while the others are replaced. */
  minHealthyPercentage: z.int().min(50).max(100).default(90),
});
type Params = z.infer<typeof params>;
const none = 'none';
const accessTo = {
  reads: ['DescribeAutoScalingGroups', 'DescribeInstanceRefreshes'],
  write: 'StartInstanceRefresh',
} as const;

/** Replaces all instances of an Auto Scaling group by new ones of the same template, some at a time. */
export const asgInstanceRefresh = swapAction<Params, 'auto-scaling-group'>({
  kind: 'aws.asg-instance-refresh',
  summary: 'Replace all instances of an Auto Scaling group by new ones, some at a time',
  // A repeat finds another refresh than the plan saw, and touches nothing.
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'auto-scaling-group',
  setting: 'instance refresh',
  access: (place) => asgAccess(place, accessTo),
  look,
  read: async (reach) => ({ value: (await newestRefresh(reach))?.InstanceRefreshId ?? none }),
  reached: (now, from) => now !== from,
  write: async ({ place, session, context }, _to, _now, _key, { minHealthyPercentage }) => {
    const input = {
      ...{ AutoScalingGroupName: place.resource.name, Strategy: 'Rolling' },
      Preferences: { MinHealthyPercentage: minHealthyPercentage },
    };
    await session.ask({ service: 'autoscaling', operation: 'StartInstanceRefresh', input }, context.signal);
  },
  finish: (reach) =>
    until(reach.context, limits.awsPollMs, async () => {
      const refresh = await newestRefresh(reach);
      const message = `the instance refresh is ${refresh?.Status ?? 'not there'}, ${refresh?.PercentageComplete ?? 0} % of it`;
      if (refresh === undefined || isGoing(refresh)) return { is: 'under-way', message };
      if (refresh.Status === 'Successful') return { is: 'done', message };
      return { is: 'failed', message: `${message}: ${oneLine(refresh.StatusReason ?? '', 300)}` };
    }),
});

async function look({ minHealthyPercentage }: Params, reach: Reach<'auto-scaling-group'>): Promise<SwapLook> {
  const [group, refresh] = await Promise.all([readGroup(reach), newestRefresh(reach)]);
  const { desired: total, inService, suspended } = group;
  const away = Math.max(1, total - Math.ceil((total * minHealthyPercentage) / 100));
  const stopped = ['Launch', 'Terminate'].find((one) => suspended.includes(one));
  return {
    now: { value: refresh?.InstanceRefreshId ?? none },
    to:
      stopped === undefined
        ? `a new one of ${total} instances`
        : { refused: `${stopped} is suspended in the group: somebody wants it so` },
    facts: groupFacts(group, refresh),
    blast: {
      ...{ touched: away, total: Math.max(1, total), healthyNow: inService },
      ...{ healthyAfter: Math.max(0, inService - away), targets: [reach.place.resource.name], dependents: [] },
    },
    ...(isGoing(refresh) ? { busy: `an instance refresh is ${refresh?.Status ?? ''} already` } : {}),
  };
}
