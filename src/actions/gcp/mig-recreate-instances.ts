import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import { oneLine } from '../../lib/text.ts';
import { until, type Progress } from '../until.ts';
import { groupAccess, groupMethod, groupParams, readGroup, requestId, type Group } from './group.ts';
import { isAutohealed, isIll, readMembers, type Member } from './members.ts';
import { swapAction, type Reach, type SwapLook } from './swap.ts';

const name = z.string().regex(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be the name of an instance, such as web-x1a2');
const params = z.strictObject({
  /** The instances to recreate. Default: those that are ill. */
  instances: z.array(name).min(1).max(20).exactOptional(),
  /** How many of a hundred instances may be recreated at once. More are refused, never some of them. */
  atMost: z.int().min(1).max(100).default(50),
});
type Params = z.infer<typeof params>;
const most = 20;

/** Deletes instances of a managed instance group and makes them anew under their names, and waits until they run. */
export const migRecreateInstances = swapAction<Params, 'instance-group'>({
  kind: 'gcp.mig-recreate-instances',
  summary: 'Recreate instances of a managed instance group, those named or those that are ill, and wait until they run',
  // What was on them is gone, as with every instance that a group replaces by itself.
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'instance-group',
  setting: 'instances',
  access: (place) => groupAccess(place, 'recreateInstances', [], ['get', 'listManagedInstances']),
  look,
  read: async (reach, { from }) => ({ value: incarnations(chosenIn(await readMembers(reach), from)) }),
  reached: (now, from) => {
    const was = from.split(' ').map(idIn);
    return now.split(' ').every((one, index) => idIn(one) !== was[index] || one.endsWith(':RECREATING'));
  },
  settled: (now) => now.split(' ').every((one) => /@\d+$/.test(one)),
  write: async (reach, _to, { value }, key) => {
    const method = groupMethod(reach.place.location, 'recreateInstances');
    const instances = chosenIn(await readMembers(reach), value).flatMap((one) => (one === undefined ? [] : [one.url]));
    const given = { ...groupParams(reach), requestId: requestId(key) };
    await reach.session.ask({ service: 'compute', method, params: given, body: { instances } }, reach.context.signal);
  },
  finish: (reach, _to, from) => until(reach.context, limits.gcpPollMs, () => progressOf(reach, from)),
});

async function look(given: Params, reach: Reach<'instance-group'>): Promise<SwapLook> {
  const [group, members] = await Promise.all([readGroup(reach), readMembers(reach)]);
  const chosen = members.filter((one) => (given.instances ? given.instances.includes(shortName(one)) : isIll(one)));
  const total = Math.max(1, group.targetSize, members.length);
  const well = members.filter((one) => one.action === 'NONE' && !isIll(one));
  const wellAfter = well.filter((one) => !chosen.includes(one)).length;
  const share = Math.round((chosen.length / total) * 100);
  return {
    now: { value: incarnations(chosen) },
    to: refusal(given, group, chosen, total) ?? `new ones (${chosen.length} of ${total})`,
    facts: {
      ...{ size: group.targetSize, well: well.length, ill: members.filter(isIll).length, chosen: chosen.length, share },
      autohealed: isAutohealed(group),
    },
    blast: {
      ...{ touched: Math.max(1, chosen.length), total, healthyNow: well.length, healthyAfter: wellAfter },
      ...{ targets: chosen.map((one) => one.name), dependents: [] },
    },
    diff: chosen.map((one) => `${one.name}: ${stateOf(one)} → a new instance of the same name`),
    ...(group.status.isStable ? {} : { busy: 'another change of its instances is under way' }),
  };
}

function refusal(
  { instances, atMost }: Params,
  group: Group,
  chosen: readonly Member[],
  total: number,
): { readonly refused: string } | undefined {
  const missing = instances?.find((one) => chosen.filter((member) => shortName(member) === one).length !== 1);
  if (missing !== undefined) return { refused: `${missing} is not one instance of this group` };
  if (chosen.length === 0) return { refused: 'none of its instances is ill' };
  if (chosen.length > most || chosen.length * 100 > atMost * total)
    return {
      refused: `${chosen.length} of ${total} instances are too many to recreate at once (${atMost} %, ${most} at most): they have no fault of their own`,
    };
  const atWork = chosen.find(({ action }) => action !== 'NONE');
  if (atWork !== undefined) return { refused: `the group is at work on ${atWork.name}: ${atWork.action}` };
  const healed = isAutohealed(group) ? chosen.find(isIll) : undefined;
  if (healed !== undefined) return { refused: `autohealing replaces ${healed.name} by itself` };
  if (!group.status.versionTarget.isReached)
    return { refused: 'not all instances are of the template that is set: a new one would be of another' };
  return undefined;
}

async function progressOf(reach: Reach<'instance-group'>, from: string): Promise<Progress> {
  const was = from.split(' ');
  const chosen = chosenIn(await readMembers(reach), from);
  const isNew = chosen.map((one, index) => {
    const isThere = one?.action === 'NONE' && one.status === 'RUNNING' && one.id !== '';
    return isThere && one.id !== idIn(was[index] ?? '');
  });
  const message = `${isNew.filter(Boolean).length} of ${was.length} instances are new and run`;
  if (isNew.every(Boolean)) return { is: 'done', message };
  const gone = was.find((_one, index) => chosen[index] === undefined);
  if (gone !== undefined) return { is: 'failed', message: `${message}; ${nameIn(gone)} is not of the group any more` };
  const error = chosen.find((one) => (one?.error ?? '') !== '')?.error ?? '';
  return { is: 'under-way', message: error === '' ? message : `${message}: ${oneLine(error, 300)}` };
}

/** The members that a text of incarnations names, in its order. */
function chosenIn(members: readonly Member[], text: string): readonly (Member | undefined)[] {
  return text.split(' ').map((one) => members.find((member) => member.name === nameIn(one)));
}

/** `europe-west1-b/web-x1a2@4711`: which instance, and which of its lives; and after a colon what is not as it should be. */
function incarnations(members: readonly (Member | undefined)[]): string {
  return members
    .map((one) => {
      if (one === undefined) return 'gone';
      const is = one.action === 'NONE' ? one.status : one.action;
      return `${one.name}@${one.id}${is === 'RUNNING' ? '' : `:${is}`}`;
    })
    .join(' ');
}

function nameIn(incarnation: string): string {
  return incarnation.slice(0, incarnation.lastIndexOf('@'));
}

function idIn(incarnation: string): string {
  return /@(\d*)(:|$)/.exec(incarnation)?.[1] ?? '';
}

function shortName(member: Member): string {
  return member.name.slice(member.name.indexOf('/') + 1);
}

function stateOf({ status, health }: Member): string {
  return health === '' ? status : `${status}, ${health}`;
}
