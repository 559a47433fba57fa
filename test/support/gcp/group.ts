import { fault, type Answered, type Called } from './server.ts';
import type { GcpWorld } from './world.ts';

/** One instance of a group, in the words of the API. */
export interface Instance {
  instance: string;
  id: string;
  currentAction: string;
  instanceStatus: string;
  instanceHealth?: { detailedHealthState: string; healthCheck: string }[];
  lastAttempt?: object;
}

/** A managed instance group that the world's Compute Engine has, and what it did. */
export interface GroupWorld {
  group: Record<string, unknown>;
  instances: Instance[];
  /** Instances that were recreated, each time. */
  readonly recreated: string[];
  /** How many listings a recreation takes: at the last of them the instance runs. */
  takes: number;
}

const compute = 'https://www.googleapis.com/compute/v1/projects/shop-prod';

/** `web-a` in a zone. */
export function instance(name: string, more: Partial<Instance> = {}, zone = 'europe-west1-b'): Instance {
  return {
    ...{ instance: `${compute}/zones/${zone}/instances/${name}`, id: String(1_000 + name.charCodeAt(name.length - 1)) },
    ...{ currentAction: 'NONE', instanceStatus: 'RUNNING' },
    ...more,
  };
}

/** What the group's own health check says of an instance. */
export function health(detailedHealthState: string): Pick<Instance, 'instanceHealth'> {
  return { instanceHealth: [{ detailedHealthState, healthCheck: `${compute}/global/healthChecks/web` }] };
}

/**
 * Compute Engine as its documentation has it: an instance keeps its name and gets another id, the request is over when the
 * recreation is scheduled, and a request that comes twice has one effect.
 */
export function groupWorld(world: GcpWorld, api: string, instances: readonly Instance[]): GroupWorld {
  const at: GroupWorld = {
    group: { name: 'web', targetSize: instances.length, status: { isStable: true } },
    instances: instances.map((one) => ({ ...one })),
    recreated: [],
    takes: 2,
  };
  const left = new Map<string, number>();
  const requests = new Set<string>();
  let ids = 9_000;
  world.others.set(`compute ${api}.get`, () => at.group);
  world.others.set(`compute ${api}.listManagedInstances`, () => {
    at.instances = at.instances.map((one) => {
      const more = left.get(one.instance);
      if (more === undefined) return one;
      left.set(one.instance, more - 1);
      if (more > 1) return { ...one, id: '', currentAction: 'CREATING', instanceStatus: 'PROVISIONING' };
      left.delete(one.instance);
      return { instance: one.instance, id: String(ids++), currentAction: 'NONE', instanceStatus: 'RUNNING' };
    });
    return { managedInstances: at.instances.map(({ id, ...one }) => (id === '' ? one : { ...one, id })) };
  });
  world.others.set(`compute ${api}.recreateInstances`, (called) => recreate(at, called, requests, left));
  return at;
}

function recreate(at: GroupWorld, { message }: Called, requests: Set<string>, left: Map<string, number>): Answered {
  const body = (message['instanceGroupManagersRecreateInstancesRequestResource'] ??
    message['regionInstanceGroupManagersRecreateRequestResource']) as { readonly instances: readonly string[] };
  const unknown = body.instances.find((url) => !at.instances.some(({ instance: one }) => one === url));
  if (unknown !== undefined) return fault(400, 'INVALID_ARGUMENT', `${unknown} is not a member of the group`);
  const operation = { name: 'op', status: 'DONE' };
  if (requests.has(String(message['requestId']))) return operation;
  requests.add(String(message['requestId']));
  for (const url of body.instances) left.set(url, at.takes);
  at.recreated.push(...body.instances.map((url) => url.slice(url.lastIndexOf('/') + 1)));
  at.instances = at.instances.map((one) =>
    body.instances.includes(one.instance) ? { ...one, currentAction: 'RECREATING', instanceStatus: 'STOPPING' } : one,
  );
  return operation;
}
