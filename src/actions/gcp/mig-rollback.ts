import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { GcpCall } from '../../domain/ports/gcp.ts';
import { until } from '../until.ts';
import { groupAccess, groupMethod, groupParams, readGroup, requestId, type Group } from './group.ts';
import { swapAction, type Reach, type SwapLook } from './swap.ts';

const template = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be the name of an instance template, such as web-41');
const params = z.strictObject({
  /** The template to go back to. */
  toTemplate: template,
  /** The template that is blamed. When another one is set by now, nothing is done. */
  from: z.string().min(1).max(300).exactOptional(),
});
type Params = z.infer<typeof params>;

/**
 * Gives a managed instance group back its earlier template, and waits until all of its instances are of that one. The group
 * replaces them by its own policy: so many at once as people allowed it.
 */
export const migRollback = swapAction<Params, 'instance-group'>({
  kind: 'gcp.mig-rollback',
  summary: 'Give a managed instance group back an earlier template and wait until all instances are of it',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'instance-group',
  setting: 'template',
  access: (place) => groupAccess(place, 'patch', ['compute.instanceTemplates.useReadOnly']),
  look,
  read: async (reach) => {
    const group = await readGroup(reach);
    return { value: templateOf(group), token: group.fingerprint };
  },
  write: async (reach, to, { token = '' }, key) => {
    const [known] = (await readGroup(reach)).versions;
    if (known === undefined) throw new WatchkeeperError('conflict', 'the group has no version any more');
    const instanceTemplate = `${known.instanceTemplate.slice(0, known.instanceTemplate.lastIndexOf('/') + 1)}${to}`;
    const call: Omit<GcpCall, 'project'> = {
      service: 'compute',
      method: groupMethod(reach.place.location, 'patch'),
      // One key may write twice: to act, and to undo.
      params: { ...groupParams(reach), requestId: requestId(`${to}-${key}`) },
      // Compute Engine refuses it when the group is not as it was read.
      body: { versions: [{ instanceTemplate }], ...(token === '' ? {} : { fingerprint: token }) },
    };
    await reach.session.ask(call, reach.context.signal);
  },
  finish: (reach, to) =>
    until(reach.context, limits.gcpPollMs, async () => {
      const group = await readGroup(reach);
      const { targetSize, currentActions, status } = group;
      const message = `${currentActions.none} of ${targetSize} instances are settled, of ${templateOf(group)}`;
      if (templateOf(group) !== to) return { is: 'failed', message: `${message}: somebody else changed it` };
      const isThere = status.isStable && status.versionTarget.isReached;
      return { is: isThere ? 'done' : 'under-way', message };
    }),
});

async function look(given: Params, reach: Reach<'instance-group'>): Promise<SwapLook> {
  const group = await readGroup(reach);
  const { targetSize, currentActions, status, updatePolicy, fingerprint } = group;
  const now = templateOf(group);
  const isBlamed = given.from === now;
  const { calculated, fixed } = updatePolicy.maxUnavailable;
  const away = Math.min(targetSize, Math.max(0, calculated ?? fixed ?? 1));
  return {
    now: { value: now, token: fingerprint },
    to: refusal(given, group) ?? given.toTemplate,
    facts: { template: now, size: targetSize, settled: currentActions.none, policy: updatePolicy.type },
    blast: {
      ...{ touched: Math.max(1, targetSize), total: Math.max(1, targetSize), healthyNow: currentActions.none },
      ...{ healthyAfter: Math.max(0, currentActions.none - away) },
      ...{ targets: [reach.place.resource.name], dependents: [] },
    },
    // The rollout that is blamed may go on: that it ends is what this is for.
    ...(status.isStable || isBlamed ? {} : { busy: 'another change of its instances is under way' }),
  };
}

function refusal(given: Params, group: Group): { readonly refused: string } | undefined {
  const now = templateOf(group);
  if (group.versions.length !== 1)
    return { refused: `it runs ${group.versions.length} versions at once (${now}): which one stays is for people` };
  if (given.from !== undefined && given.from !== now)
    return { refused: `${given.from} is blamed, and ${now} is set by now` };
  if (group.updatePolicy.type !== 'PROACTIVE')
    return { refused: `its update policy is ${group.updatePolicy.type || 'not known'}: no instance would be replaced` };
  return undefined;
}

function templateOf({ versions }: Group): string {
  return versions
    .map(({ instanceTemplate }) => instanceTemplate.slice(instanceTemplate.lastIndexOf('/') + 1))
    .join('+');
}
