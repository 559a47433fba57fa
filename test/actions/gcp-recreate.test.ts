import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { GcpPlace } from '../../src/domain/places.ts';
import type { Observation } from '../../src/domain/remediation.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { actionContract, type Stage } from '../contract/action.ts';
import { groupWorld, health, instance, type GroupWorld, type Instance } from '../support/gcp/group.ts';
import { kindOf, operator, startOperator, type OperatorWorld } from '../support/gcp/operator.ts';
import { gcpWorld } from '../support/gcp/world.ts';
import { fault } from '../support/gcp/server.ts';

const world = gcpWorld();
let hands: OperatorWorld;

beforeAll(async () => {
  hands = await startOperator(world);
});

afterAll(async () => {
  await hands.close();
  expect(hands.server.violations).toEqual([]);
});

const recreate = kindOf('gcp.mig-recreate-instances');
const placeIn = (location: string): GcpPlace => ({
  ...{ source: 'gcp', location, resource: { is: 'instance-group', name: 'web' } },
});
const zonal = placeIn('europe-west1-b');
const four = ['web-a', 'web-b', 'web-c', 'web-d'].map((name) => instance(name));

function group(instances: readonly Instance[], more: JsonObject = {}): GroupWorld {
  const at = groupWorld(world, 'instanceGroupManagers', instances);
  Object.assign(at.group, more);
  return at;
}

function stageOf(at: GroupWorld, location: string, params: JsonObject): Stage {
  at.takes = 1;
  const seen = (): Promise<unknown> => Promise.resolve(structuredClone(at.instances));
  return {
    ...{ params, world: seen, remove: () => Promise.resolve() },
    context: (signal, timeoutMs) => hands.context(placeIn(location), signal, timeoutMs),
    effects: () => Promise.resolve(at.recreated.length),
  };
}

const look = (params: JsonObject): Promise<Observation> => recreate.observe(params, hands.context(zonal));

for (const [location, api] of [
  ['europe-west1-b', 'instanceGroupManagers'],
  ['europe-west1', 'regionInstanceGroupManagers'],
] as const)
  actionContract(`gcp.mig-recreate-instances in ${location}`, {
    kind: recreate,
    set: () => Promise.resolve(stageOf(groupWorld(world, api, four), location, { instances: ['web-b'] })),
    probeTells: true,
    refused: {
      'an instance that is not of the group': { instances: ['other-a'] },
      'more than half of the group': { instances: ['web-a', 'web-b', 'web-c'] },
      'those that are ill where none is': {},
      'a name that is none': { instances: ['../web'] },
    },
  });

describe('recreating instances of a group', () => {
  it('takes those that are ill, says how many of how many, and leaves the others alone', async () => {
    const ill = [instance('web-b', health('UNHEALTHY')), instance('web-d', { instanceStatus: 'TERMINATED' })];
    const at = group([instance('web-a', health('HEALTHY')), ill[0]!, instance('web-c'), ill[1]!]);
    const seen = await look({});
    expect(seen.blast).toMatchObject({ touched: 2, total: 4, healthyNow: 2, healthyAfter: 2 });
    expect(seen.facts).toMatchObject({ ill: 2, share: 50, autohealed: false });
    expect(recreate.preview({}, seen).diff.slice(1)).toEqual([
      'europe-west1-b/web-b: RUNNING, UNHEALTHY → a new instance of the same name',
      'europe-west1-b/web-d: TERMINATED → a new instance of the same name',
    ]);
    const result = await recreate.run({}, recreate.before({}, seen), 'k', hands.context(zonal));
    expect(result).toEqual({ is: 'done', message: '2 of 2 instances are new and run' });
    expect(at.recreated).toEqual(['web-b', 'web-d']);
  });

  it('waits until they run, and a probe meanwhile does not know', async () => {
    const at = group(four);
    const params = { instances: ['web-a'] };
    const before = recreate.before(params, await look(params));
    at.takes = 1_000;
    expect(await recreate.run(params, before, 'k1', hands.context(zonal))).toEqual({
      ...{ is: 'unknown', message: 'not over in time: 0 of 1 instances are new and run' },
    });
    expect(await recreate.probe(params, before, hands.context(zonal), 'k1')).toMatchObject({ is: 'unknown' });
    expect(at.recreated).toEqual(['web-a']);
  });

  it('tells why an instance does not come up again', async () => {
    const at = group(four);
    const params = { instances: ['web-a'] };
    const before = recreate.before(params, await look(params));
    const errors = [{ code: 'QUOTA_EXCEEDED', message: "Quota 'CPUS' exceeded" }];
    at.instances[0] = { ...at.instances[0]!, currentAction: 'RECREATING', lastAttempt: { errors: { errors } } };
    expect(await recreate.run(params, before, 'k2', hands.context(zonal))).toMatchObject({
      ...{ is: 'unknown', message: expect.stringContaining("Quota 'CPUS' exceeded") as string },
    });
    expect(at.recreated).toEqual([]);
  });

  it('says that one which leaves the group meanwhile is not there any more', async () => {
    const at = group(four);
    const params = { instances: ['web-a'] };
    const before = recreate.before(params, await look(params));
    at.instances = at.instances.slice(1);
    expect(await recreate.run(params, before, 'k3', hands.context(zonal))).toMatchObject({
      ...{ is: 'failed', message: expect.stringContaining('web-a is not of the group any more') as string },
    });
  });

  it('touches nothing when one of them is not the instance any more that the plan saw', async () => {
    const at = group(four);
    const params = { instances: ['web-a', 'web-b'] };
    const before = recreate.before(params, await look(params));
    at.instances[1] = instance('web-b', { id: '77' });
    expect(await recreate.run(params, before, 'k4', hands.context(zonal))).toMatchObject({ is: 'failed' });
    expect(at.recreated).toEqual([]);
    expect(await recreate.probe(params, before, hands.context(zonal), 'k4')).toMatchObject({ is: 'unknown' });
  });

  it('waits for those that somebody else is recreating already, and asks for nothing', async () => {
    const at = group(four);
    const params = { instances: ['web-a'] };
    const before = recreate.before(params, await look(params));
    at.instances[0] = instance('web-a', { currentAction: 'RECREATING' });
    await recreate.run(params, before, 'k5', hands.context(zonal));
    expect(at.recreated).toEqual([]);
  });

  it.each([
    [
      'one that the group is at work on',
      { instances: ['web-a'] },
      instance('web-a', { currentAction: 'REFRESHING' }),
      {},
      /at work on europe-west1-b\/web-a: REFRESHING/,
    ],
    [
      'one that autohealing replaces',
      {},
      instance('web-a', health('TIMEOUT')),
      { autoHealingPolicies: [{ healthCheck: 'h' }] },
      /autohealing replaces europe-west1-b\/web-a by itself/,
    ],
    [
      'any while another template comes in',
      { instances: ['web-a'] },
      instance('web-a'),
      { status: { isStable: true, versionTarget: { isReached: false } } },
      /not all instances are of the template/,
    ],
    [
      'more than the share that is given',
      { instances: ['web-a'], atMost: 20 },
      instance('web-a'),
      {},
      /1 of 4 instances are too many .*20 %/,
    ],
  ])('does not recreate %s', async (_what, params, first, more, why) => {
    group([first, ...four.slice(1)], more);
    const seen = await look(params);
    expect(() => recreate.preview(params, seen)).toThrow(why);
  });

  it('recreates what its check calls ill where the group is told to leave that alone', async () => {
    const instanceLifecyclePolicy = { defaultActionOnFailure: 'REPAIR', onFailedHealthCheck: 'DO_NOTHING' };
    group([instance('web-a', health('UNHEALTHY')), ...four.slice(1)], {
      ...{ autoHealingPolicies: [{ healthCheck: 'h' }], instanceLifecyclePolicy },
    });
    const seen = await look({});
    expect(recreate.preview({}, seen).describe).toContain('new ones (1 of 4)');
  });

  it('is held while the group is not stable', async () => {
    group(four, { status: { isStable: false } });
    expect((await look({ instances: ['web-a'] })).busy).toContain('under way');
  });

  it('looks with a scope that reads alone, writes once with another, and tells a refusal from doubt', async () => {
    group(four);
    const from = hands.server.called.length;
    const params = { instances: ['web-a'] };
    const before = recreate.before(params, await look(params));
    world.others.set('compute instanceGroupManagers.recreateInstances', () => fault(403, 'PERMISSION_DENIED', 'no'));
    expect(await recreate.run(params, before, 'k6', hands.context(zonal))).toMatchObject({ is: 'failed' });
    world.others.set('compute instanceGroupManagers.recreateInstances', () => fault(503, 'UNAVAILABLE', 'busy'));
    expect(await recreate.run(params, before, 'k7', hands.context(zonal))).toMatchObject({ is: 'unknown' });
    const own = hands.server.called.slice(from).filter(({ account }) => account === operator);
    const scopes = own.map(({ method, scope }) => `${method.split('.')[1] ?? ''} ${scope.split('/').at(-1) ?? ''}`);
    expect(new Set(scopes)).toEqual(
      new Set(['get compute.readonly', 'listManagedInstances compute.readonly', 'recreateInstances compute']),
    );
  });

  it('reads a group of several pages whole', async () => {
    group(four);
    world.others.set('compute instanceGroupManagers.listManagedInstances', ({ message }) =>
      message['pageToken'] === undefined
        ? { managedInstances: four.slice(0, 3), nextPageToken: 'more' }
        : { managedInstances: four.slice(3) },
    );
    expect((await look({ instances: ['web-d'] })).blast).toMatchObject({ touched: 1, total: 4 });
  });
});
