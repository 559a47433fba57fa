import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { oneLine } from '../../lib/text.ts';
import type { AwsAccess } from '../../domain/ports/action.ts';
import type { PlaceOf } from './place.ts';
import type { Reach } from './swap.ts';

const groups = z.object({
  AutoScalingGroups: z
    .array(
      z.object({
        AutoScalingGroupName: z.string(),
        MinSize: z.number(),
        MaxSize: z.number(),
        DesiredCapacity: z.number(),
        Instances: z
          .array(z.object({ LifecycleState: z.string().default(''), HealthStatus: z.string().default('') }))
          .default([]),
        SuspendedProcesses: z.array(z.object({ ProcessName: z.string().default('') })).default([]),
        Status: z.string().nullish(),
      }),
    )
    .default([]),
});
const refreshes = z.object({
  InstanceRefreshes: z
    .array(
      z.object({
        InstanceRefreshId: z.string(),
        Status: z.string(),
        StatusReason: z.string().nullish(),
        PercentageComplete: z.number().nullish(),
        StartTime: z.number().nullish(),
      }),
    )
    .default([]),
});

/** An Auto Scaling group as a hand sees it. */
export interface Group {
  readonly min: number;
  readonly max: number;
  readonly desired: number;
  readonly inService: number;
  /** Processes that people have stopped, so that nothing comes of what is asked: `Launch`. */
  readonly suspended: readonly string[];
}

const policies = z.object({
  ScalingPolicies: z
    .array(
      z.object({
        PolicyName: z.string().default(''),
        PolicyType: z.string().default(''),
        Enabled: z.boolean().nullish(),
        PredictiveScalingConfiguration: z.object({ Mode: z.string().nullish() }).nullish(),
      }),
    )
    .default([]),
});

/** One replacement of all instances of a group. */
export type Refresh = z.infer<typeof refreshes>['InstanceRefreshes'][number];

/** What acting on a group needs: one call on this one, and reads, which know no resource. */
export function asgAccess(
  { region, resource: { name } }: PlaceOf<'auto-scaling-group'>,
  { reads, write }: { readonly reads: readonly string[]; readonly write: string },
): AwsAccess {
  const arn = `arn:{partition}:autoscaling:${region}:{account}:autoScalingGroup:*:autoScalingGroupName/${name}`;
  return {
    look: [{ actions: reads.map((one) => `autoscaling:${one}`), resources: ['*'] }],
    act: [{ actions: [`autoscaling:${write}`], resources: [arn] }],
  };
}

/** Reads the group. @throws `not-found` when there is none, or it is being removed. */
export async function readGroup({ place, session, context }: Reach<'auto-scaling-group'>): Promise<Group> {
  const { name } = place.resource;
  const input = { AutoScalingGroupNames: [name] };
  const call = { service: 'autoscaling', operation: 'DescribeAutoScalingGroups', input } as const;
  const [found] = groups.parse(await session.ask(call, context.signal)).AutoScalingGroups;
  // A status is only there while a group is being removed.
  if (found === undefined || (found.Status ?? '') !== '')
    throw new WatchkeeperError('not-found', `there is no Auto Scaling group ${name} in ${place.region}`);
  const serving = found.Instances.filter(
    ({ LifecycleState, HealthStatus }) => LifecycleState === 'InService' && HealthStatus.toLowerCase() === 'healthy',
  );
  return {
    ...{ min: found.MinSize, max: found.MaxSize, desired: found.DesiredCapacity, inService: serving.length },
    suspended: found.SuspendedProcesses.map(({ ProcessName }) => ProcessName),
  };
}

/** The newest instance refresh of the group; absent when there never was one in the last weeks. */
export async function newestRefresh({
  place,
  session,
  context,
}: Reach<'auto-scaling-group'>): Promise<Refresh | undefined> {
  const input = { AutoScalingGroupName: place.resource.name, MaxRecords: 10 };
  const call = { service: 'autoscaling', operation: 'DescribeInstanceRefreshes', input } as const;
  const all = refreshes.parse(await session.ask(call, context.signal)).InstanceRefreshes;
  return [...all].sort((a, b) => (b.StartTime ?? Infinity) - (a.StartTime ?? Infinity))[0];
}

/**
 * Who else sets the number of instances: an enabled scaling policy, by name. One that only forecasts sets nothing, and no
 * alarm does while the group is told not to hear them. `undefined`: nobody.
 */
export async function scalingPolicy(
  { place, session, context }: Reach<'auto-scaling-group'>,
  { suspended }: Pick<Group, 'suspended'>,
): Promise<string | undefined> {
  const input = { AutoScalingGroupName: place.resource.name, MaxRecords: 100 };
  const call = { service: 'autoscaling', operation: 'DescribePolicies', input } as const;
  const all = policies.parse(await session.ask(call, context.signal)).ScalingPolicies;
  const found = all.find(({ Enabled, PolicyType, PredictiveScalingConfiguration }) => {
    if (Enabled === false) return false;
    if (PolicyType === 'PredictiveScaling') return PredictiveScalingConfiguration?.Mode === 'ForecastAndScale';
    return !suspended.includes('AlarmNotification');
  });
  return found === undefined ? undefined : oneLine(found.PolicyName, 100);
}

const over: ReadonlySet<string> = new Set([
  ...['Successful', 'Failed', 'Cancelled'],
  ...['RollbackFailed', 'RollbackSuccessful'],
]);

/** Whether a refresh still goes on, its end or its way back included. */
export function isGoing(refresh: Refresh | undefined): boolean {
  return refresh !== undefined && !over.has(refresh.Status);
}

/** Facts of a group that every action of it tells. */
export function groupFacts(
  { min, max, desired, inService, suspended }: Group,
  refresh: Refresh | undefined,
): Readonly<Record<string, string | number | readonly string[]>> {
  return { min, max, desired, inService, suspended: [...suspended], refresh: refresh?.Status ?? '' };
}
