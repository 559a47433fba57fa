import { describe, expect, test } from 'vitest';

import { asgInstanceRefreshCancel } from '../../../src/actions/aws/asg-instance-refresh-cancel.ts';
import { asgInstanceRefresh } from '../../../src/actions/aws/asg-instance-refresh.ts';
import { asgSetCapacity } from '../../../src/actions/aws/asg-set-capacity.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { actionContract, type Stage } from '../../contract/action.ts';
import { awsWorld } from '../../support/aws-operator.ts';

interface Group {
  desired: number;
  running: number;
  suspended: string[];
  policies: JsonObject[];
  fails?: boolean;
  refreshes: { id: string; status: string; percent: number; startedMs: number }[];
}

/** A group that becomes what is asked, step by step, as time passes. */
function group(more: Partial<Group> = {}) {
  const now: Group = { desired: 4, running: 4, suspended: [], policies: [], refreshes: [], ...more };
  const world = awsWorld(
    ({ operation, input }): JsonObject => {
      switch (operation) {
        case 'DescribeAutoScalingGroups':
          return {
            AutoScalingGroups: [
              {
                ...{ AutoScalingGroupName: 'web', MinSize: 2, MaxSize: 8, DesiredCapacity: now.desired },
                Instances: Array.from({ length: now.running }, () => ({
                  LifecycleState: 'InService',
                  HealthStatus: 'Healthy',
                })),
                SuspendedProcesses: now.suspended.map((ProcessName) => ({ ProcessName })),
              },
            ],
          };
        case 'DescribePolicies':
          return { ScalingPolicies: now.policies };
        case 'DescribeInstanceRefreshes':
          return {
            InstanceRefreshes: now.refreshes.map(({ id, status, percent, startedMs }) => ({
              ...{
                InstanceRefreshId: id,
                Status: status,
                PercentageComplete: percent,
                StartTime: startedMs,
                ...(status === 'Failed' ? { StatusReason: 'cannot launch' } : {}),
              },
            })),
          };
        case 'SetDesiredCapacity':
          now.desired = Number(input['DesiredCapacity']);
          return {};
        case 'StartInstanceRefresh': {
          const id = `r-${now.refreshes.length + 1}`;
          now.refreshes.push({ id, status: 'InProgress', percent: 0, startedMs: now.refreshes.length });
          return { InstanceRefreshId: id };
        }
        default: {
          const last = now.refreshes.at(-1);
          if (last !== undefined) last.status = 'Cancelling';
          return {};
        }
      }
    },
    {
      passed: () => {
        now.running += Math.sign(now.desired - now.running);
        for (const one of now.refreshes) {
          if (one.status === 'Cancelling') one.status = 'Cancelled';
          if (one.status !== 'InProgress') continue;
          one.percent += 50;
          if (one.percent >= 100) one.status = now.fails === true ? 'Failed' : 'Successful';
        }
      },
    },
  );
  return { now, world };
}

const resource = { is: 'auto-scaling-group', name: 'web' } as const;

function stageOf(params: JsonObject, more: Partial<Group> = {}): Promise<Stage> {
  const { now, world } = group(more);
  return Promise.resolve({
    params,
    context: world.contextOf(resource),
    world: () =>
      Promise.resolve({ desired: now.desired, refreshes: now.refreshes.map(({ id, status }) => [id, status]) }),
    restorable: () => Promise.resolve(now.desired),
    effects: () => Promise.resolve(world.writes()),
    remove: () => Promise.resolve(),
  });
}

const going = { refreshes: [{ id: 'r-1', status: 'InProgress', percent: 10, startedMs: 0 }] };

actionContract('aws.asg-set-capacity', {
  kind: asgSetCapacity,
  set: () => stageOf({ instances: 6 }),
  probeTells: true,
  refused: {
    'as many instances as there are': { instances: 4 },
    'more than the group may have': { instances: 9 },
    'fewer than the group may have': { instances: 1 },
    none: { instances: 0 },
  },
});

describe('the number of instances', () => {
  const tracking = { PolicyName: 'by-cpu', PolicyType: 'TargetTrackingScaling' };
  const predicting = (Mode: string) => ({
    ...{ PolicyName: 'by-week', PolicyType: 'PredictiveScaling', PredictiveScalingConfiguration: { Mode } },
  });
  const shown = async (more: Partial<Group>) => {
    const stage = await stageOf({ instances: 6 }, more);
    const observed = await asgSetCapacity.observe({ instances: 6 }, stage.context());
    try {
      return asgSetCapacity.preview({ instances: 6 }, observed).diff[0];
    } catch (thrown) {
      return String(thrown);
    }
  };

  test.each([
    ['a policy', { policies: [{ ...tracking, Enabled: true }] }, /would set it back: by-cpu/],
    ['a policy of which nothing more is said', { policies: [tracking] }, /would set it back: by-cpu/],
    ['a forecast that is acted on', { policies: [predicting('ForecastAndScale')] }, /would set it back: by-week/],
  ] as const)('is left to %s that sets it', async (_what, more, words) => {
    expect(await shown({ policies: [...more.policies] })).toMatch(words);
  });

  test.each([
    ['a policy that is off', { policies: [{ ...tracking, Enabled: false }] }],
    ['a forecast alone', { policies: [predicting('ForecastOnly')] }],
    ['a policy whose alarms are not heard', { policies: [tracking], suspended: ['AlarmNotification'] }],
  ])('is not left to %s', async (_what, more) => {
    expect(await shown(more)).toMatch(/4 → 6/);
  });
});

actionContract('aws.asg-instance-refresh', {
  kind: asgInstanceRefresh,
  set: () => stageOf({}),
  probeTells: true,
  refused: { 'half of them away at once and more': { minHealthyPercentage: 40 }, 'a template': { template: 'lt-1' } },
});

actionContract('aws.asg-instance-refresh-cancel', {
  kind: asgInstanceRefreshCancel,
  set: () => stageOf({}, structuredClone(going)),
  probeTells: true,
  refused: { 'a parameter': { id: 'r-1' } },
});

describe('acting on an Auto Scaling group', () => {
  test('a capacity waits until the instances are in service, and counts what is touched', async () => {
    const { now, world } = group();
    const context = world.contextOf(resource)();
    const observed = await asgSetCapacity.observe({ instances: 7 }, context);
    expect(observed.blast).toMatchObject({ touched: 3, total: 7, replicasAfter: 7, healthyNow: 4, healthyAfter: 4 });
    const before = asgSetCapacity.before({ instances: 7 }, observed);
    expect(await asgSetCapacity.run({ instances: 7 }, before, 'k', context)).toEqual({
      ...{ is: 'done', message: '7 of 7 instances are in service' },
    });
    expect(now.running).toBe(7);
  });

  test('what people suspended in the group is not asked for', async () => {
    const { world } = group({ suspended: ['Launch'] });
    const context = world.contextOf(resource)();
    const observed = await asgSetCapacity.observe({ instances: 6 }, context);
    expect(() => asgSetCapacity.preview({ instances: 6 }, observed)).toThrow(/Launch is suspended/);
    const less = await asgSetCapacity.observe({ instances: 3 }, context);
    expect(asgSetCapacity.preview({ instances: 3 }, less).describe).toContain('from 4 to 3');
  });

  test('a refresh that is under way holds every other act', async () => {
    const { world } = group(structuredClone(going));
    const context = world.contextOf(resource)();
    expect((await asgSetCapacity.observe({ instances: 6 }, context)).busy).toContain('InProgress');
    expect((await asgInstanceRefresh.observe({}, context)).busy).toContain('InProgress');
    expect((await asgInstanceRefreshCancel.observe({}, context)).busy).toBeUndefined();
  });

  test('a refresh that fails is a failure, with what AWS says of it', async () => {
    const { world } = group({ fails: true });
    const context = world.contextOf(resource)();
    const before = asgInstanceRefresh.before({}, await asgInstanceRefresh.observe({}, context));
    expect(await asgInstanceRefresh.run({}, before, 'k', context)).toMatchObject({
      is: 'failed',
      message: expect.stringContaining('cannot launch') as string,
    });
  });

  test('only one write is allowed, on this group alone', () => {
    const place = group().world.contextOf(resource)();
    const access = asgSetCapacity.awsAccess?.(place.service, {});
    expect(access?.act).toEqual([
      {
        actions: ['autoscaling:SetDesiredCapacity'],
        resources: ['arn:{partition}:autoscaling:eu-west-1:{account}:autoScalingGroup:*:autoScalingGroupName/web'],
      },
    ]);
  });
});
