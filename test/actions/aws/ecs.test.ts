import { describe, expect, test } from 'vitest';

import { ecsForceDeployment } from '../../../src/actions/aws/ecs-force-deployment.ts';
import { ecsRollback } from '../../../src/actions/aws/ecs-rollback.ts';
import { awsDocument } from '../../../src/agent/access/index.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { awsWorld } from '../../support/aws-operator.ts';

const resource = { is: 'ecs', cluster: 'shop', service: 'web' } as const;
const role = (name: string): string => `arn:aws:iam::123456789012:role/${name}`;
const toTasks = { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } };

/** A service on web:2, whose definitions name roles as given. */
function shop(roles: Readonly<Record<string, JsonObject>>) {
  const now = { definition: 'web:2' };
  const arn = (name: string): string => `arn:aws:ecs:eu-west-1:123456789012:task-definition/${name}`;
  const world = awsWorld(({ operation, input }): JsonObject => {
    switch (operation) {
      case 'DescribeServices':
        return {
          services: [
            {
              ...{ serviceArn: 'arn', status: 'ACTIVE', desiredCount: 2, runningCount: 2 },
              taskDefinition: arn(now.definition),
              deployments: [{ id: `of ${now.definition}`, status: 'PRIMARY', taskDefinition: arn(now.definition) }],
            },
          ],
        };
      case 'ListTaskDefinitions':
        return { taskDefinitionArns: [arn('web:2'), arn('web:1')] };
      case 'DescribeTaskDefinition': {
        const name = input['taskDefinition'] as string;
        return { taskDefinition: { containerDefinitions: [{ image: name }], ...roles[name] } };
      }
      default:
        now.definition = input['taskDefinition'] as string;
        return {};
    }
  });
  const passed = (): readonly unknown[] =>
    world.minted.flatMap(({ allow }) => allow.filter(({ actions }) => actions.includes('iam:PassRole')));
  return { now, world, passed };
}

describe('the roles that an ECS rollback passes', () => {
  test('are those of the definition that it sets, for act and undo, to ECS alone, and not for a look', async () => {
    const { now, world, passed } = shop({
      'web:1': { taskRoleArn: role('one'), executionRoleArn: role('pull') },
      'web:2': { taskRoleArn: role('service/two'), executionRoleArn: role('service/two') },
    });
    const context = world.contextOf(resource);
    const observed = await ecsRollback.observe({}, context());
    expect(passed()).toEqual([]);
    const before = ecsRollback.before({}, observed);
    expect(await ecsRollback.run({}, before, 'k', context())).toMatchObject({ is: 'done' });
    expect(now.definition).toBe('web:1');
    const pass = (...resources: string[]): object => ({ actions: ['iam:PassRole'], resources, condition: toTasks });
    expect(passed()).toEqual([pass(role('one'), role('pull'))]);
    await ecsRollback.undo({}, before, 'undo-k', context());
    expect(now.definition).toBe('web:2');
    expect(passed()).toEqual([pass(role('one'), role('pull')), pass(role('service/two'))]);
  });

  test('are none where the definition names none, and a name alone is a role of the account', async () => {
    const bare = shop({});
    await ecsRollback.run({}, { from: 'web:2', to: 'web:1' }, 'k', bare.world.contextOf(resource)());
    expect([bare.now.definition, bare.passed()]).toEqual(['web:1', []]);
    const named = shop({ 'web:1': { taskRoleArn: 'one' } });
    await ecsRollback.run({}, { from: 'web:2', to: 'web:1' }, 'k', named.world.contextOf(resource)());
    expect(named.passed()).toMatchObject([{ resources: ['arn:{partition}:iam::{account}:role/one'] }]);
  });

  test('are never a pattern: a definition that names one is not set', async () => {
    const { now, world, passed } = shop({ 'web:1': { taskRoleArn: 'arn:aws:iam::123456789012:role/*' } });
    const result = await ecsRollback.run({}, { from: 'web:2', to: 'web:1' }, 'k', world.contextOf(resource)());
    expect(result).toMatchObject({ is: 'failed' });
    expect([now.definition, passed()]).toEqual(['web:2', []]);
  });

  test('are every role under the same condition in the printed policy, and of no other action', () => {
    const { service } = shop({}).world.contextOf(resource)();
    const needs = [ecsRollback, ecsForceDeployment].map((kind) => kind.awsAccess?.(service, {}).act ?? []);
    expect(needs.map((all) => all.some(({ actions }) => actions.includes('iam:PassRole')))).toEqual([true, false]);
    expect(awsDocument(needs.flat())['Statement']).toEqual([
      { Effect: 'Allow', Action: ['ecs:UpdateService'], Resource: [expect.stringContaining('service/shop/web')] },
      {
        ...{ Effect: 'Allow', Action: ['iam:PassRole'], Resource: ['arn:{partition}:iam::{account}:role/*'] },
        Condition: toTasks,
      },
    ]);
  });
});
