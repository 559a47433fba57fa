import * as z from 'zod';

import { digest } from '../../lib/canonical.ts';
import { limits } from '../../lib/limits.ts';
import type { ActionResult, GcpAccess } from '../../domain/ports/action.ts';
import type { GcpCall } from '../../domain/ports/gcp.ts';
import { isZone, type PlaceOf } from './place.ts';
import type { Reach } from './swap.ts';

const whole = z.union([z.number(), z.string().transform(Number)]);
const fixedOrPercent = z.object({
  ...{ calculated: z.number().optional(), fixed: z.number().optional(), percent: z.number().optional() },
});
const answer = z.object({
  targetSize: whole.default(0),
  instanceTemplate: z.string().default(''),
  currentActions: z.object({ none: whole.default(0) }).default({ none: 0 }),
  fingerprint: z.string().default(''),
  autoHealingPolicies: z.array(z.object({ healthCheck: z.string().default('') })).default([]),
  instanceLifecyclePolicy: z
    .object({ defaultActionOnFailure: z.string().default(''), onFailedHealthCheck: z.string().default('') })
    .default({ defaultActionOnFailure: '', onFailedHealthCheck: '' }),
  versions: z
    .array(z.object({ instanceTemplate: z.string().default(''), targetSize: fixedOrPercent.optional() }))
    .default([]),
  updatePolicy: z
    .object({ type: z.string().default(''), maxUnavailable: fixedOrPercent.default({}) })
    .default({ type: '', maxUnavailable: {} }),
  status: z
    .object({
      isStable: z.boolean().default(false),
      autoscaler: z.string().default(''),
      versionTarget: z.object({ isReached: z.boolean().default(true) }).default({ isReached: true }),
    })
    .default({ isStable: false, autoscaler: '', versionTarget: { isReached: true } }),
});

/** A managed instance group as a hand sees it. */
export type Group = z.infer<typeof answer>;

type Verb = 'get' | 'listManagedInstances' | 'patch' | 'recreateInstances' | 'resize';

/** The method of a group for its location: zonal and regional groups have APIs of their own. */
export function groupMethod(location: string, verb: Verb): string {
  return `${isZone(location) ? 'instanceGroupManagers' : 'regionInstanceGroupManagers'}.${verb}`;
}

/** What acting on a group needs. IAM knows no narrower place for groups than the project. */
export function groupAccess(
  { location }: PlaceOf<'instance-group'>,
  verb: Exclude<Verb, 'get' | 'listManagedInstances'> = 'resize',
  more: readonly string[] = [],
  looks: readonly Verb[] = ['get'],
): GcpAccess {
  const permissions = ['compute.instanceGroupManagers.get', 'compute.instanceGroupManagers.update', ...more];
  return {
    grants: [{ permissions, on: { is: 'project' } }],
    look: looks.map((one) => `compute ${groupMethod(location, one)}`),
    act: [`compute ${groupMethod(location, verb)}`],
  };
}

/** Path parameters of a group. */
export function groupParams({ place, session }: Reach<'instance-group'>): GcpCall['params'] {
  const { location, resource } = place;
  return {
    ...{ project: session.project, instanceGroupManager: resource.name },
    ...(isZone(location) ? { zone: location } : { region: location }),
  };
}

/** Reads the group. @throws `not-found` when there is none. */
export async function readGroup(reach: Reach<'instance-group'>): Promise<Group> {
  const call = {
    service: 'compute',
    method: groupMethod(reach.place.location, 'get'),
    params: groupParams(reach),
  } as const;
  return answer.parse(await reach.session.ask(call, reach.context.signal));
}

/** A UUID of an act's key, by which Compute Engine knows the same request when it comes twice. */
export function requestId(key: string): string {
  const plain = digest(['gcp-request', key]).slice(-32);
  return [
    plain.slice(0, 8),
    plain.slice(8, 12),
    `4${plain.slice(13, 16)}`,
    `a${plain.slice(17, 20)}`,
    plain.slice(20),
  ].join('-');
}

/** Waits until nothing is left to be done to the group's instances, within the act's own time. */
export async function untilStable(reach: Reach<'instance-group'>, what: string): Promise<ActionResult> {
  const { clock } = reach.context.io;
  const untilMs = clock.monotonicMs() + reach.context.timeoutMs * 0.9;
  for (;;) {
    const { targetSize, currentActions, status } = await readGroup(reach);
    if (status.isStable)
      return { is: 'done', message: `${what}: ${currentActions.none} of ${targetSize} instances are there` };
    if (clock.monotonicMs() + limits.gcpPollMs > untilMs)
      return {
        is: 'failed',
        message: `${what} was set, but ${currentActions.none} of ${targetSize} instances were there in time`,
      };
    await clock.sleep(limits.gcpPollMs, reach.context.signal);
  }
}
