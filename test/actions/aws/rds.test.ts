import { describe, expect, test } from 'vitest';

import { rdsFailover } from '../../../src/actions/aws/rds-failover.ts';
import type { AwsResource } from '../../../src/domain/places.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { actionContract, type Stage } from '../../contract/action.ts';
import { awsWorld } from '../../support/aws-operator.ts';

const cluster = { is: 'database-cluster', id: 'orders' } as const;
const instance = { is: 'database', id: 'orders' } as const;

/** A cluster of three, and an instance in two zones; what is asked is done when time has passed. */
function databases({ statuses = ['available', 'available', 'available'], multiAz = true } = {}) {
  const now = { writer: 'orders-a', zone: 'eu-west-1a', status: 'available', wish: '' };
  const other = (): string => (now.zone === 'eu-west-1a' ? 'eu-west-1b' : 'eu-west-1a');
  const names = ['orders-a', 'orders-b', 'orders-c'];
  const world = awsWorld(
    ({ operation, input }): JsonObject => {
      switch (operation) {
        case 'DescribeDBClusters':
          return {
            DBClusters: [
              {
                Status: now.status,
                DBClusterMembers: names.map((name, at) => ({
                  ...{ DBInstanceIdentifier: name, IsClusterWriter: name === now.writer, PromotionTier: 3 - at },
                })),
              },
            ],
          };
        case 'DescribeDBInstances':
          return input['DBInstanceIdentifier'] === undefined
            ? {
                DBInstances: names.map((name, at) => ({
                  ...{ DBInstanceIdentifier: name, DBInstanceStatus: statuses[at] ?? '' },
                })),
              }
            : {
                DBInstances: [
                  {
                    ...{ DBInstanceIdentifier: 'orders', DBInstanceStatus: now.status, MultiAZ: multiAz },
                    ...{ AvailabilityZone: now.zone, SecondaryAvailabilityZone: multiAz ? other() : null },
                  },
                ],
              };
        case 'FailoverDBCluster':
          now.writer = input['TargetDBInstanceIdentifier'] as string;
          now.status = 'failing-over';
          return {};
        default:
          now.zone = other();
          now.status = 'rebooting';
          return {};
      }
    },
    {
      passed: () => {
        now.status = 'available';
      },
    },
  );
  return { now, world };
}

function stageOf(resource: AwsResource): Promise<Stage> {
  const { now, world } = databases();
  return Promise.resolve({
    params: {},
    context: world.contextOf(resource),
    world: () => Promise.resolve([now.writer, now.zone]),
    restorable: () => Promise.resolve([now.writer, now.zone]),
    effects: () => Promise.resolve(world.writes()),
    remove: () => Promise.resolve(),
  });
}

actionContract('aws.rds-failover of a cluster', {
  kind: rdsFailover,
  set: () => stageOf(cluster),
  probeTells: true,
  refused: {
    'the writer that is': { to: 'orders-a' },
    'an instance of another cluster': { to: 'payments-a' },
    'no name of an instance': { to: 'orders-b; drop' },
  },
});

actionContract('aws.rds-failover of an instance in two zones', {
  kind: rdsFailover,
  set: () => stageOf(instance),
  probeTells: true,
  refused: { 'an instance of a cluster': { to: 'orders-b' } },
});

describe('failing a database over', () => {
  test('goes to the available reader that is promoted first, and waits until the cluster is available', async () => {
    const { world } = databases({ statuses: ['available', 'available', 'creating'] });
    const context = world.contextOf(cluster)();
    const observed = await rdsFailover.observe({}, context);
    expect(observed.facts['to']).toBe('orders-b');
    expect(observed.blast).toMatchObject({ touched: 1, total: 3, healthyNow: 2, healthyAfter: 1 });
    expect(await rdsFailover.run({}, rdsFailover.before({}, observed), 'k', context)).toEqual({
      ...{ is: 'done', message: 'the writer is orders-b, and the database available' },
    });
  });

  test('is refused where nothing stands by', async () => {
    const alone = databases({ statuses: ['available', 'creating', 'failed'] }).world.contextOf(cluster)();
    const observed = await rdsFailover.observe({}, alone);
    expect(() => rdsFailover.preview({}, observed)).toThrow(/no reader is available/);
    const single = databases({ multiAz: false }).world.contextOf(instance)();
    const seen = await rdsFailover.observe({}, single);
    expect(() => rdsFailover.preview({}, seen)).toThrow(/not Multi-AZ/);
  });

  test('may be done to this cluster alone, and to whichever of its instances is named', () => {
    const { service } = databases().world.contextOf(cluster)();
    expect(rdsFailover.awsAccess?.(service, {}).act).toEqual([
      {
        actions: ['rds:FailoverDBCluster'],
        resources: [
          'arn:{partition}:rds:eu-west-1:{account}:cluster:orders',
          'arn:{partition}:rds:eu-west-1:{account}:db:*',
        ],
      },
    ]);
  });
});
