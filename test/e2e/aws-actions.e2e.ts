import { afterAll, beforeAll, expect, test } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import { makeOperatorIo } from '../../src/io/index.ts';
import type { Json } from '../../src/lib/json.ts';
import { actionContract, type Stage } from '../contract/action.ts';
import { recordingLog } from '../support/quiet-log.ts';
import type { AwsHand } from './peers/moto.ts';
import { accountId } from './support/aws-front.ts';
import { startAwsHands, type AwsHands } from './support/aws-hands.ts';

let hands: AwsHands;
let hand: AwsHand;
let stages = 0;

beforeAll(async () => {
  process.env['MOTO_ECS_SERVICE_RUNNING'] = '2';
  hands = await startAwsHands();
  ({ hand } = hands);
  await hand.ask('iam', 'create_role', { RoleName: 'run', AssumeRolePolicyDocument: '{}' });
  await hand.ask('ecs', 'create_cluster', { clusterName: 'shop' });
  for (const version of ['v1', 'v2'])
    await hand.ask('ecs', 'register_task_definition', {
      ...{ family: 'web', containerDefinitions: [{ name: 'web', image: `shop/web:${version}`, memory: 128 }] },
    });
}, 120_000);

afterAll(() => hands.close());

async function ecsStage(params: Json): Promise<Stage> {
  const name = `web-${stages++}`;
  await hand.ask('ecs', 'create_service', {
    ...{ cluster: 'shop', serviceName: name, taskDefinition: 'web:2', desiredCount: 2 },
  });
  return hands.stage({ is: 'ecs', cluster: 'shop', service: name }, params, async () => {
    const { services } = await hand.ask('ecs', 'describe_services', { cluster: 'shop', services: [name] });
    const [one] = services as readonly {
      taskDefinition: string;
      desiredCount: number;
      deployments: readonly { id: string }[];
    }[];
    return [one?.taskDefinition.split('/').at(-1), one?.desiredCount, one?.deployments.map(({ id }) => id)];
  });
}

async function lambdaStage(params: Json, weights?: Record<string, number>): Promise<Stage> {
  const name = `pay-${stages++}`;
  const code = { ZipFile: { $bytes: emptyZip } };
  await hand.ask('lambda', 'create_function', {
    ...{ FunctionName: name, Runtime: 'nodejs22.x', Handler: 'index.handler', Code: code, Publish: true },
    Role: `arn:aws:iam::${accountId}:role/run`,
  });
  await hand.ask('lambda', 'update_function_code', { FunctionName: name, ...code, Publish: true });
  await hand.ask('lambda', 'create_alias', {
    ...{ FunctionName: name, Name: 'live', FunctionVersion: '2' },
    ...(weights === undefined ? {} : { RoutingConfig: { AdditionalVersionWeights: weights } }),
  });
  return hands.stage({ is: 'lambda', function: name, alias: 'live' }, params, async () => {
    const { FunctionVersion } = await hand.ask('lambda', 'get_alias', { FunctionName: name, Name: 'live' });
    return FunctionVersion;
  });
}

function kindOf(name: string) {
  const kind = actionKinds[name];
  if (kind === undefined) throw new Error(`there is no ${name}`);
  return kind;
}

actionContract('aws.ecs-rollback', {
  kind: kindOf('aws.ecs-rollback'),
  set: () => ecsStage({ from: 'web:2' }),
  probeTells: true,
  refused: {
    'another revision is blamed than the one that is set': { from: 'web:1' },
    'a revision that is nowhere': { toRevision: 'web:77' },
    'the revision that is set already': { toRevision: 'web:2' },
    'a name that is no revision': { toRevision: 'web; rm -rf /' },
  },
});

actionContract('aws.ecs-scale', {
  kind: kindOf('aws.ecs-scale'),
  set: () => ecsStage({ tasks: 4 }),
  probeTells: true,
  refused: { 'as many tasks as there are': { tasks: 2 }, none: { tasks: 0 }, 'too many': { tasks: 100_000 } },
});

test('the number of tasks is left to Application Auto Scaling where that sets it, and not where it is suspended', async () => {
  const kind = kindOf('aws.ecs-scale');
  const stage = await ecsStage({ tasks: 4 });
  const [place] = stage.context().service.runsOn;
  if (place?.on !== 'aws' || place.aws.resource.is !== 'ecs') throw new Error('no service');
  const target = {
    ...{ ServiceNamespace: 'ecs', ResourceId: `service/shop/${place.aws.resource.service}` },
    ScalableDimension: 'ecs:service:DesiredCount',
  };
  await hand.ask('application-autoscaling', 'register_scalable_target', { ...target, MinCapacity: 1, MaxCapacity: 9 });
  const observed = await kind.observe({ tasks: 4 }, stage.context());
  expect(observed.facts).toMatchObject({ autoscaled: true });
  expect(() => kind.preview({ tasks: 4 }, observed)).toThrow(/Application Auto Scaling .*: from 1 to 9 tasks/);
  await hand.ask('application-autoscaling', 'register_scalable_target', {
    ...target,
    SuspendedState: {
      ...{ DynamicScalingInSuspended: true, DynamicScalingOutSuspended: true, ScheduledScalingSuspended: true },
    },
  });
  const suspended = await kind.observe({ tasks: 4 }, stage.context());
  expect(kind.preview({ tasks: 4 }, suspended).diff[0]).toMatch(/2 → 4/);
});

actionContract('aws.ecs-force-deployment', {
  kind: kindOf('aws.ecs-force-deployment'),
  set: () => ecsStage({}),
  probeTells: true,
  refused: { 'a parameter': { service: 'other' } },
});

actionContract('aws.lambda-alias-rollback', {
  kind: kindOf('aws.lambda-alias-rollback'),
  set: () => lambdaStage({ from: '2' }),
  probeTells: true,
  refused: {
    'another version is blamed than the one that is called': { from: '1' },
    'a version that is nowhere': { toVersion: '9' },
    'the version that is called already': { toVersion: '2' },
    'the code that was uploaded last': { toVersion: '$LATEST' },
  },
});

test('an alias that somebody else pointed meanwhile is left as it is', async () => {
  const kind = kindOf('aws.lambda-alias-rollback');
  const stage = await lambdaStage({});
  const observed = await kind.observe({}, stage.context());
  const before = kind.before({}, observed);
  const [place] = stage.context().service.runsOn;
  if (place?.on !== 'aws' || place.aws.resource.is !== 'lambda') throw new Error('no function');
  const { function: name } = place.aws.resource;
  await hand.ask('lambda', 'update_function_code', {
    FunctionName: name,
    ZipFile: { $bytes: emptyZip },
    Publish: true,
  });
  await hand.ask('lambda', 'update_alias', { FunctionName: name, Name: 'live', FunctionVersion: '3' });
  expect(await kind.run({}, before, 'k', stage.context())).toMatchObject({ is: 'failed' });
  expect(await stage.world()).toBe('3');
  expect(await kind.probe({}, before, stage.context(), 'k')).toMatchObject({ is: 'unknown' });
});

test('where no operator is named, nothing is done, and it says what to name', async () => {
  const kind = kindOf('aws.ecs-scale');
  const { context } = await ecsStage({});
  const bare = makeOperatorIo({ ...hands.io, log: recordingLog() }, '/usr/bin');
  await expect(kind.observe({ tasks: 4 }, { ...context(), io: bare })).rejects.toMatchObject({
    code: 'forbidden',
    fix: 'Name a role to act with in operators.aws for the source aws.',
  });
});

// A zip archive with nothing in it: the end record alone.
const emptyZip = Buffer.from('504b0506000000000000000000000000000000000000', 'hex').toString('base64');
