import { afterAll, beforeAll, expect, test } from 'vitest';

import { asgSetCapacity } from '../../src/actions/aws/asg-set-capacity.ts';
import { codedeployRollback } from '../../src/actions/aws/codedeploy-rollback.ts';
import { ec2Reboot } from '../../src/actions/aws/ec2-reboot.ts';
import { rdsFailover } from '../../src/actions/aws/rds-failover.ts';
import { ssmRun } from '../../src/actions/aws/ssm-run.ts';
import type { Json } from '../../src/lib/json.ts';
import { actionContract, type Stage } from '../contract/action.ts';
import type { AwsHand } from './peers/moto.ts';
import { startAwsHands, type AwsHands } from './support/aws-hands.ts';

let hands: AwsHands;
let hand: AwsHand;
let image = '';
let stages = 0;

beforeAll(async () => {
  hands = await startAwsHands(['Shop-Restart']);
  ({ hand } = hands);
  const { Images } = await hand.ask('ec2', 'describe_images');
  image = (Images as readonly { ImageId: string }[])[0]?.ImageId ?? '';
  const content = JSON.stringify({
    ...{ schemaVersion: '2.2', description: 'Restart', parameters: { unit: { type: 'String' } } },
    mainSteps: [{ action: 'aws:runShellScript', name: 'go', inputs: { runCommand: ['systemctl restart {{ unit }}'] } }],
  });
  await hand.ask('ssm', 'create_document', { Name: 'Shop-Restart', Content: content, DocumentType: 'Command' });
}, 120_000);

afterAll(() => hands.close());

async function groupStage(): Promise<Stage> {
  const name = `web-${stages++}`;
  const launch = { LaunchConfigurationName: name, ImageId: image, InstanceType: 't3.micro' };
  await hand.ask('autoscaling', 'create_launch_configuration', launch);
  await hand.ask('autoscaling', 'create_auto_scaling_group', {
    ...{ AutoScalingGroupName: name, LaunchConfigurationName: name, AvailabilityZones: ['eu-west-1a'] },
    ...{ MinSize: 1, MaxSize: 5, DesiredCapacity: 2 },
  });
  return hands.stage({ is: 'auto-scaling-group', name }, { instances: 4 }, async () => {
    const answer = await hand.ask('autoscaling', 'describe_auto_scaling_groups', { AutoScalingGroupNames: [name] });
    return (answer['AutoScalingGroups'] as readonly { DesiredCapacity: number }[])[0]?.DesiredCapacity;
  });
}

async function instanceStage(params: Json): Promise<Stage> {
  const answer = await hand.ask('ec2', 'run_instances', { ImageId: image, MinCount: 1, MaxCount: 1 });
  const id = (answer['Instances'] as readonly { InstanceId: string }[])[0]?.InstanceId ?? '';
  return hands.stage({ is: 'instance', id }, params, async () => {
    const { Commands } = await hand.ask('ssm', 'list_commands', { InstanceId: id });
    return (Commands as readonly { Comment: string }[]).map(({ Comment }) => Comment);
  });
}

async function clusterStage(): Promise<Stage> {
  const id = `orders-${stages++}`;
  const engine = { DBClusterIdentifier: id, Engine: 'aurora-postgresql' };
  await hand.ask('rds', 'create_db_cluster', { ...engine, MasterUsername: 'root', MasterUserPassword: 'test-only-1' });
  for (const member of ['a', 'b'])
    await hand.ask('rds', 'create_db_instance', {
      ...{ ...engine, DBInstanceIdentifier: `${id}-${member}`, DBInstanceClass: 'db.r5.large' },
    });
  return hands.stage({ is: 'database-cluster', id }, {}, async () => {
    const { DBClusters } = await hand.ask('rds', 'describe_db_clusters', { DBClusterIdentifier: id });
    const [one] = DBClusters as readonly {
      DBClusterMembers: readonly { DBInstanceIdentifier: string; IsClusterWriter: boolean }[];
    }[];
    return one?.DBClusterMembers.find(({ IsClusterWriter }) => IsClusterWriter)?.DBInstanceIdentifier;
  });
}

actionContract('aws.asg-set-capacity', {
  kind: asgSetCapacity,
  set: groupStage,
  probeTells: true,
  refused: { 'as many as there are': { instances: 2 }, 'more than the group may have': { instances: 6 } },
});

test('the number of instances is left to an enabled scaling policy', async () => {
  const stage = await groupStage();
  const [place] = stage.context().service.runsOn;
  if (place?.on !== 'aws' || place.aws.resource.is !== 'auto-scaling-group') throw new Error('no group');
  await hand.ask('autoscaling', 'put_scaling_policy', {
    ...{ AutoScalingGroupName: place.aws.resource.name, PolicyName: 'by-cpu', PolicyType: 'TargetTrackingScaling' },
    TargetTrackingConfiguration: {
      ...{ PredefinedMetricSpecification: { PredefinedMetricType: 'ASGAverageCPUUtilization' }, TargetValue: 50 },
    },
  });
  const observed = await asgSetCapacity.observe({ instances: 4 }, stage.context());
  expect(() => asgSetCapacity.preview({ instances: 4 }, observed)).toThrow(/would set it back: by-cpu/);
});

actionContract('aws.ec2-reboot', {
  kind: ec2Reboot,
  set: () => instanceStage({}),
  probeTells: false,
  refused: { 'a parameter': { instance: 'i-1' } },
});

actionContract('aws.rds-failover', {
  kind: rdsFailover,
  set: clusterStage,
  probeTells: true,
  refused: { 'an instance that is nowhere': { to: 'nowhere' } },
});

actionContract('aws.ssm-run', {
  kind: ssmRun,
  set: () => instanceStage({ document: 'Shop-Restart', parameters: { unit: ['shop.service'] } }),
  probeTells: true,
  refused: {
    'a document that is not allowed': { document: 'AWS-UpdateSSMAgent' },
    'a parameter that the document does not take': { document: 'Shop-Restart', parameters: { host: ['a'] } },
  },
});

test('a deployment of CodeDeploy is made of the revision before; moto never carries one out, and that is not known', async () => {
  const group = { applicationName: 'shop', deploymentGroupName: 'web' };
  await hand.ask('codedeploy', 'create_application', { applicationName: 'shop', computePlatform: 'Server' });
  await hand.ask('codedeploy', 'create_deployment_group', {
    ...group,
    serviceRoleArn: 'arn:aws:iam::123456789012:role/x',
  });
  const revision = (key: string): Json => ({
    ...{ revisionType: 'S3', s3Location: { bucket: 'builds', key, bundleType: 'zip' } },
  });
  for (const key of ['v1.zip', 'v2.zip'])
    await hand.ask('codedeploy', 'create_deployment', { ...group, revision: revision(key) });
  const stage = hands.stage({ is: 'codedeploy', application: 'shop', group: 'web' }, {}, () => Promise.resolve());
  const context = stage.context(undefined, 1_000);
  const observed = await codedeployRollback.observe({}, context);
  // Every deployment is under way for good there, and none has succeeded: nothing can be gone back to.
  expect(observed.busy).toMatch(/of builds\/v2.zip is Created/);
  expect(() => codedeployRollback.preview({}, observed)).toThrow(/no other revision/);
  const before = { from: 'builds/v2.zip', to: 'builds/v1.zip' };
  expect(await codedeployRollback.run({}, before, 'k', context)).toMatchObject({ is: 'unknown' });
  expect(await stage.effects()).toBe(1);
  expect(await codedeployRollback.probe({}, before, context, 'k')).toMatchObject({ is: 'done' });
});
