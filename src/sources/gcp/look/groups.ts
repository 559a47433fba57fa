import * as z from 'zod';

import type { GcpCall, GcpReader } from '../../../domain/ports/gcp.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import { isZone, type Watched } from '../watched.ts';
import { pagesOf } from '../pages.ts';
import { lookAt, sharesText, shortName, type Look } from './run.ts';

/** A managed instance group as it is now. */
export interface GroupState {
  /** What its instances are made of: `web-v2`, and in a canary `web-v1@80%+web-v2@20%`. */
  readonly template: string;
  readonly size: number;
  /** Instances with nothing left to be done to them. */
  readonly settled: number;
  readonly isStable: boolean;
  /** Whether all instances are of the versions that are meant. */
  readonly isReached: boolean;
  /** Instances that its own health check calls ill; absent where it has none. */
  readonly unhealthy?: number;
}

const whole = z.union([z.number(), z.string().transform(Number)]);
const answer = z.object({
  targetSize: whole.default(0),
  instanceTemplate: z.string().default(''),
  versions: z
    .array(
      z.object({
        instanceTemplate: z.string().default(''),
        targetSize: z
          .object({ calculated: whole.nullish(), fixed: whole.nullish(), percent: whole.nullish() })
          .nullish(),
      }),
    )
    .default([]),
  autoHealingPolicies: z.array(z.object({ healthCheck: z.string().default('') })).default([]),
  currentActions: z.object({ none: whole.default(0) }).default({ none: 0 }),
  status: z
    .object({
      isStable: z.boolean().default(false),
      versionTarget: z.object({ isReached: z.boolean().default(true) }).nullish(),
    })
    .default({ isStable: false }),
});

/** Looks at every managed instance group among the places. */
export async function lookAtGroups(
  watched: readonly Watched[],
  reader: GcpReader,
  signal: AbortSignal,
): Promise<Look<GroupState>> {
  return lookAt(watched, async ({ place, project }) => {
    const { resource, location } = place;
    if (resource.is !== 'instance-group') return undefined;
    const named = { project, instanceGroupManager: resource.name };
    const zonal = isZone(location);
    const api = zonal ? 'instanceGroupManagers' : 'regionInstanceGroupManagers';
    const params = { ...named, ...(zonal ? { zone: location } : { region: location }) };
    const about = { ...({ service: 'compute', project } as const), params };
    const found = answer.parse(await reader.ask({ ...about, method: `${api}.get` }, signal));
    if (!found.autoHealingPolicies.some(({ healthCheck }) => healthCheck !== '')) return stateOf(found);
    const call = { ...about, method: `${api}.listManagedInstances`, params: { ...params, maxResults: 500 } };
    return { ...stateOf(found), unhealthy: await unhealthyIn(reader, call, signal) };
  });
}

const members = z.object({
  managedInstances: z
    .array(z.object({ instanceHealth: z.array(z.object({ detailedHealthState: z.string().default('') })).default([]) }))
    .default([]),
});

async function unhealthyIn(reader: GcpReader, call: GcpCall, signal: AbortSignal): Promise<number> {
  const { pages, more } = await pagesOf(reader, call, signal);
  if (more) throw new WatchkeeperError('too-large', 'the group has more instances than are read');
  return pages
    .flatMap((page) => members.parse(page).managedInstances)
    .filter(({ instanceHealth: all }) => all.some((one) => /^(UNHEALTHY|TIMEOUT)$/.test(one.detailedHealthState)))
    .length;
}

function stateOf(found: z.infer<typeof answer>): GroupState {
  const { targetSize: size, versions, status } = found;
  const shares = new Map(
    versions.map(({ instanceTemplate, targetSize }) => {
      const count = targetSize?.calculated ?? targetSize?.fixed ?? undefined;
      const rest = targetSize?.percent ?? 100;
      const percent = count === undefined || size === 0 ? rest : Math.round((count / size) * 100);
      return [shortName(instanceTemplate), percent] as const;
    }),
  );
  return {
    template: sharesText(shares) || shortName(found.instanceTemplate),
    size,
    settled: found.currentActions.none,
    isStable: status.isStable,
    isReached: status.versionTarget?.isReached ?? true,
  };
}
