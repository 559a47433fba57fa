import { describe, expect, test } from 'vitest';

import { codedeployRollback } from '../../../src/actions/aws/codedeploy-rollback.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { actionContract, type Stage } from '../../contract/action.ts';
import { awsWorld } from '../../support/aws-operator.ts';

interface Deployed {
  readonly id: string;
  readonly key: string;
  status: string;
}

const resource = { is: 'codedeploy', application: 'shop', group: 'web' } as const;

/** A deployment group; what is created goes on for one look and then ends as `ends` says. */
function groupOf(deployments: Deployed[], ends = 'Succeeded') {
  const world = awsWorld(
    ({ operation, input }): JsonObject => {
      if (operation === 'ListDeployments') return { deployments: deployments.map(({ id }) => id).reverse() };
      if (operation === 'BatchGetDeployments')
        return {
          deploymentsInfo: deployments.map(({ id, key, status }, at) => ({
            ...{ deploymentId: id, status, createTime: at, deploymentConfigName: 'CodeDeployDefault.OneAtATime' },
            deploymentOverview: { Succeeded: 3, Failed: 1, Pending: 0 },
            revision: { revisionType: 'S3', s3Location: { bucket: 'builds', key, bundleType: 'zip', version: null } },
            errorInformation: status === 'Failed' ? { code: 'HEALTH_CONSTRAINTS', message: 'too many failed' } : null,
          })),
        };
      const { s3Location } = input['revision'] as unknown as { s3Location: { key: string } };
      deployments.push({ id: `d-${deployments.length + 1}`, key: s3Location.key, status: 'InProgress' });
      return { deploymentId: `d-${deployments.length}` };
    },
    {
      passed: () => {
        for (const one of deployments) if (one.status === 'InProgress') one.status = ends;
      },
    },
  );
  return { deployments, world };
}

const history = (): Deployed[] => [
  { id: 'd-1', key: 'v1.zip', status: 'Succeeded' },
  { id: 'd-2', key: 'v2.zip', status: 'Failed' },
  { id: 'd-3', key: 'v3.zip', status: 'Succeeded' },
];

function stageOf(params: JsonObject): Promise<Stage> {
  const { deployments, world } = groupOf(history());
  return Promise.resolve({
    params,
    context: world.contextOf(resource),
    world: () => Promise.resolve(deployments.map(({ id, status }) => [id, status])),
    restorable: () => Promise.resolve(deployments.at(-1)?.key),
    effects: () => Promise.resolve(world.writes()),
    remove: () => Promise.resolve(),
  });
}

actionContract('aws.codedeploy-rollback', {
  kind: codedeployRollback,
  set: () => stageOf({ from: 'builds/v3.zip' }),
  probeTells: true,
  refused: {
    'another revision is blamed than the one that is deployed': { from: 'builds/v1.zip' },
    'a revision that did not succeed': { toRevision: 'builds/v2.zip' },
    'a revision that is nowhere': { toRevision: 'builds/v9.zip' },
    'the revision that is deployed already': { toRevision: 'builds/v3.zip' },
    'a name that is no revision': { toRevision: 'builds/v1.zip; rm -rf /' },
  },
});

describe('taking a deployment of CodeDeploy back', () => {
  test('deploys the newest revision that succeeded before, whole, without a rollback of its own', async () => {
    const { world } = groupOf(history());
    const context = world.contextOf(resource)();
    const observed = await codedeployRollback.observe({ from: 'd-3' }, context);
    expect(observed.facts).toMatchObject({ now: 'builds/v3.zip', to: 'builds/v1.zip', candidates: ['builds/v1.zip'] });
    expect(observed.blast).toMatchObject({ touched: 4, total: 4, healthyAfter: 3 });
    await codedeployRollback.run({}, codedeployRollback.before({}, observed), 'k', context);
    expect(world.asked.find(({ operation }) => operation === 'CreateDeployment')?.input).toMatchObject({
      ...{ applicationName: 'shop', deploymentGroupName: 'web', description: 'watchkeeper k' },
      revision: { revisionType: 'S3', s3Location: { bucket: 'builds', key: 'v1.zip', bundleType: 'zip' } },
      autoRollbackConfiguration: { enabled: false },
    });
  });

  test('is held while a deployment is under way', async () => {
    const { world } = groupOf([...history(), { id: 'd-4', key: 'v4.zip', status: 'InProgress' }]);
    const observed = await codedeployRollback.observe({}, world.contextOf(resource)());
    expect(observed.busy).toBe('deployment d-4 of builds/v4.zip is InProgress');
  });

  test('fails with the words of CodeDeploy when the earlier revision cannot be deployed either', async () => {
    const { world } = groupOf(history(), 'Failed');
    const context = world.contextOf(resource)();
    const before = codedeployRollback.before({}, await codedeployRollback.observe({}, context));
    expect(await codedeployRollback.run({}, before, 'k', context)).toEqual({
      ...{ is: 'failed', message: 'deployment d-4 of builds/v1.zip is Failed: too many failed' },
    });
  });

  test('touches nothing when somebody deployed since the plan', async () => {
    const { deployments, world } = groupOf(history());
    const context = world.contextOf(resource)();
    const before = codedeployRollback.before({}, await codedeployRollback.observe({}, context));
    deployments.push({ id: 'd-4', key: 'v4.zip', status: 'Succeeded' });
    expect(await codedeployRollback.run({}, before, 'k', context)).toMatchObject({ is: 'failed' });
    expect(world.writes()).toBe(0);
  });
});
