import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { JsonObject } from '../../lib/json.ts';
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
  /** The template that is blamed, or both of a canary as changes name them. When another is set by now, nothing is done. */
  from: z.string().min(1).max(300).exactOptional(),
});
type Params = z.infer<typeof params>;

/**
 * Gives a managed instance group back its earlier template, and waits until all of its instances are of that one. The group
 * replaces them by its own policy: so many at once as people allowed it. A canary that is blamed is taken back to the template
 * of all other instances.
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
    return { value: settingOf(group), token: group.fingerprint };
  },
  write: async (reach, to, { token = '' }, key) => {
    const { versions } = await readGroup(reach);
    if (versions.length === 0) throw new WatchkeeperError('conflict', 'the group has no version any more');
    const call: Omit<GcpCall, 'project'> = {
      service: 'compute',
      method: groupMethod(reach.place.location, 'patch'),
      // One key may write twice: to act, and to undo.
      params: { ...groupParams(reach), requestId: requestId(`${to}-${key}`) },
      // Compute Engine refuses it when the group is not as it was read.
      body: { versions: versionsIn(to, versions), ...(token === '' ? {} : { fingerprint: token }) },
    };
    await reach.session.ask(call, reach.context.signal);
  },
  finish: (reach, to) =>
    until(reach.context, limits.gcpPollMs, async () => {
      const group = await readGroup(reach);
      const { targetSize, currentActions, status } = group;
      const message = `${currentActions.none} of ${targetSize} instances are settled, of ${settingOf(group)}`;
      if (settingOf(group) !== to) return { is: 'failed', message: `${message}: somebody else changed it` };
      const isThere = status.isStable && status.versionTarget.isReached;
      return { is: isThere ? 'done' : 'under-way', message };
    }),
});

async function look(given: Params, reach: Reach<'instance-group'>): Promise<SwapLook> {
  const group = await readGroup(reach);
  const { targetSize, currentActions, status, updatePolicy, fingerprint } = group;
  const { calculated, fixed } = updatePolicy.maxUnavailable;
  const away = Math.min(targetSize, Math.max(0, calculated ?? fixed ?? 1));
  const touched = canaryOf(group)?.size ?? targetSize;
  return {
    now: { value: settingOf(group), token: fingerprint },
    to: refusal(given, group) ?? given.toTemplate,
    facts: {
      ...{ template: wordsOf(group), size: targetSize, settled: currentActions.none, policy: updatePolicy.type },
      versions: group.versions.length,
    },
    blast: {
      ...{ touched: Math.max(1, touched), total: Math.max(1, targetSize), healthyNow: currentActions.none },
      ...{ healthyAfter: Math.max(0, currentActions.none - Math.min(away, touched)) },
      ...{ targets: [reach.place.resource.name], dependents: [] },
    },
    // The rollout that is blamed may go on: that it ends is what this is for.
    ...(status.isStable || isBlamed(given, group) ? {} : { busy: 'another change of its instances is under way' }),
  };
}

function refusal(given: Params, group: Group): { readonly refused: string } | undefined {
  const now = wordsOf(group);
  const canary = canaryOf(group);
  if (group.versions.length !== 1 && (canary === undefined || given.from === undefined))
    return { refused: `it runs ${group.versions.length} versions at once (${now}): which one stays is for people` };
  if (given.from !== undefined && !isBlamed(given, group))
    return { refused: `${given.from} is blamed, and ${now} is set by now` };
  if (canary !== undefined && given.toTemplate !== canary.stable)
    return { refused: `its canary ${canary.template} is taken back to ${canary.stable}, and to no other template` };
  if (group.updatePolicy.type !== 'PROACTIVE')
    return { refused: `its update policy is ${group.updatePolicy.type || 'not known'}: no instance would be replaced` };
  return undefined;
}

function isBlamed({ from }: Params, group: Group): boolean {
  return from !== undefined && (from === wordsOf(group) || from === canaryOf(group)?.template);
}

/** The second template of two, where it has some of the instances and the first all others. */
function canaryOf({
  versions,
  targetSize,
}: Group): { readonly stable: string; readonly template: string; readonly size: number } | undefined {
  // What is calculated is told of both; what somebody wanted, of the canary alone.
  const isWanted = (of: Group['versions'][number]['targetSize']): boolean => (of?.fixed ?? of?.percent) !== undefined;
  const stable = versions.find((one) => !isWanted(one.targetSize));
  const canary = versions.find((one) => isWanted(one.targetSize));
  if (versions.length !== 2 || stable === undefined || canary?.targetSize === undefined) return undefined;
  const { calculated, fixed, percent = 0 } = canary.targetSize;
  const size = calculated ?? fixed ?? Math.ceil((targetSize * percent) / 100);
  return { stable: shortName(stable.instanceTemplate), template: shortName(canary.instanceTemplate), size };
}

/** What is set, so that it can be set again: `web-1`, or `web-1+web-2=20%`, or `web-1+web-2=3`. */
function settingOf({ versions }: Group): string {
  return versions
    .map(({ instanceTemplate, targetSize }) => {
      const share = targetSize?.percent === undefined ? targetSize?.fixed : `${targetSize.percent}%`;
      return `${shortName(instanceTemplate)}${share === undefined ? '' : `=${share}`}`;
    })
    .join('+');
}

// A template that the group does not have yet lies where its first one does.
function versionsIn(setting: string, known: Group['versions']): JsonObject[] {
  const urls = known.map((one) => one.instanceTemplate);
  const [first = ''] = urls;
  return setting.split('+').map((one) => {
    const [name = '', share] = one.split('=');
    const instanceTemplate =
      urls.find((url) => shortName(url) === name) ?? `${first.slice(0, first.lastIndexOf('/') + 1)}${name}`;
    if (share === undefined) return { instanceTemplate };
    const count = Number(share.replace('%', ''));
    return { instanceTemplate, targetSize: share.endsWith('%') ? { percent: count } : { fixed: count } };
  });
}

/** As changes name it: `web-1`, and of a canary `web-1@80%+web-2@20%`, the larger share first. */
function wordsOf(group: Group): string {
  const { versions, targetSize: size } = group;
  const shares = versions.map(({ instanceTemplate, targetSize: of }) => {
    const count = of?.calculated ?? of?.fixed;
    const percent = count === undefined || size === 0 ? (of?.percent ?? 100) : Math.round((count / size) * 100);
    return [shortName(instanceTemplate), percent] as const;
  });
  const [only] = shares;
  if (only !== undefined && shares.length === 1) return only[0];
  const sorted = shares.sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return sorted.map(([name, percent]) => `${name}@${percent}%`).join('+');
}

function shortName(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}
