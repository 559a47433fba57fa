import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { groupMethod, groupParams, type Group } from './group.ts';
import type { Reach } from './swap.ts';

const page = z.object({
  managedInstances: z
    .array(
      z.object({
        instance: z.string().default(''),
        id: z.union([z.string(), z.number()]).transform(String).default(''),
        currentAction: z.string().default(''),
        instanceStatus: z.string().default(''),
        instanceHealth: z.array(z.object({ detailedHealthState: z.string().default('') })).default([]),
        lastAttempt: z
          .object({
            errors: z.object({ errors: z.array(z.object({ message: z.string().default('') })).default([]) }).optional(),
          })
          .optional(),
      }),
    )
    .default([]),
  nextPageToken: z.string().default(''),
});

/** One instance of a managed instance group, as the group sees it. */
export interface Member {
  /** `europe-west1-b/web-x1a2`: a regional group spans zones. */
  readonly name: string;
  /** As Compute Engine takes it. */
  readonly url: string;
  /** Of this incarnation; empty while there is none. */
  readonly id: string;
  /** What the group does to it: `NONE`, `RECREATING`, `VERIFYING`, … */
  readonly action: string;
  readonly status: string;
  /** What the group's own health check says of it: `HEALTHY`, `UNHEALTHY`, `TIMEOUT`, …; empty where it has none. */
  readonly health: string;
  /** Why the group's last try failed. */
  readonly error: string;
}

/** All instances of the group. @throws `too-large` when there are more than are read: a share of some is no share. */
export async function readMembers(reach: Reach<'instance-group'>): Promise<readonly Member[]> {
  const { place, session, context } = reach;
  const members: Member[] = [];
  let pageToken = '';
  for (let pages = 0; pages < limits.gcpPages; pages++) {
    const params = { ...groupParams(reach), maxResults: 500, ...(pageToken === '' ? {} : { pageToken }) };
    const call = { service: 'compute', method: groupMethod(place.location, 'listManagedInstances'), params } as const;
    const { managedInstances, nextPageToken } = page.parse(await session.ask(call, context.signal));
    members.push(...managedInstances.map(memberOf));
    if (nextPageToken === '') return members;
    pageToken = nextPageToken;
  }
  throw new WatchkeeperError('too-large', 'the group has more instances than are read');
}

function memberOf(one: z.infer<typeof page>['managedInstances'][number]): Member {
  const [, zone = '', name = ''] = /zones\/([^/]+)\/instances\/([^/]+)$/.exec(one.instance) ?? [];
  const said = one.instanceHealth.map(({ detailedHealthState }) => detailedHealthState);
  return {
    ...{ name: `${zone}/${name}`, url: one.instance, id: one.id },
    ...{ action: one.currentAction, status: one.instanceStatus },
    health: said.find((state) => state === 'UNHEALTHY' || state === 'TIMEOUT') ?? said[0] ?? '',
    error: one.lastAttempt?.errors?.errors[0]?.message ?? '',
  };
}

/** Whether the group's health check calls it ill, or it does not run although nothing is done to it. */
export function isIll({ health, status, action }: Member): boolean {
  return health === 'UNHEALTHY' || health === 'TIMEOUT' || (action === 'NONE' && status !== 'RUNNING');
}

/** Whether Google itself replaces what the group's health check calls ill. */
export function isAutohealed({ autoHealingPolicies, instanceLifecyclePolicy: policy }: Group): boolean {
  if (autoHealingPolicies.length === 0) return false;
  const { onFailedHealthCheck: own, defaultActionOnFailure: usual } = policy;
  return own === 'REPAIR' || (own !== 'DO_NOTHING' && usual !== 'DO_NOTHING');
}
