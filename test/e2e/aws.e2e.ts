import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { IncidentView, StatusView } from '../../src/agent/index.ts';
import type { Json } from '../../src/lib/json.ts';
import { startAwsHand, startMoto, type AwsHand } from './peers/moto.ts';
import { until, type Peer } from './peers/peers.ts';
import { accountId, startAwsFront, underConditions, type AwsFront } from './support/aws-front.ts';
import { makeHome, startDaemon, type DaemonProcess, type Home } from './support/daemon.ts';
import { quick } from './support/operator.ts';
import { document } from './support/shop.ts';

const root = path.resolve(import.meta.dirname, '../..');
const role = `arn:aws:iam::${accountId}:role/watchkeeper-operator`;
const service = `arn:aws:ecs:eu-west-1:${accountId}:service/shop/web`;
const taskRole = (name: string): string => `arn:aws:iam::${accountId}:role/web-${name}`;
const func = `arn:aws:lambda:eu-west-1:${accountId}:function:pay`;

/**
 * The whole daemon with AWS as moto plays it, behind a front that keeps session policies and writes CloudTrail. Another
 * client, botocore, deploys and puts the measurements.
 */
describe('the daemon in AWS', () => {
  let moto: Peer;
  let hand: AwsHand;
  let judge: AwsHand;
  let ana: AwsHand;
  let front: AwsFront;
  let home: Home;
  let daemon: DaemonProcess;
  let measuring = true;
  let measured: Promise<void> = Promise.resolve();

  beforeAll(async () => {
    // What is started runs at once: moto has no tasks of its own.
    process.env['MOTO_ECS_SERVICE_RUNNING'] = '2';
    moto = await startMoto();
    hand = startAwsHand(moto.url);
    judge = startAwsHand(moto.url);
    front = await startAwsFront(moto.url, judge);
    ana = startAwsHand(front.url);
    await furnish(hand);
    home = makeHome();
    writeHome(home, front.url);
    measured = measure(hand, () => measuring);
    daemon = await startDaemon(home, {
      environment: { AWS_ACCESS_KEY_ID: 'daemon', AWS_SECRET_ACCESS_KEY: 'daemon', AWS_EC2_METADATA_DISABLED: 'true' },
      readyWithinMs: 60_000,
    });
    await until('it knows what is usual', () => knows(daemon), 120_000);
  }, 300_000);

  afterAll(async () => {
    measuring = false;
    await measured;
    await daemon.stop();
    for (const one of [hand, judge, ana]) one.close();
    await front.close();
    await moto.stop();
    home.remove();
  });

  test('a bad ECS deployment is detected, diagnosed by who made it, taken back, verified and recorded', async () => {
    await ana.ask('ecs', 'update_service', { cluster: 'shop', service: 'web', taskDefinition: 'web:2' });
    const view = await becomes(daemon, 'web', 'it is over');
    const change = view.file?.diagnosis;
    expect(change?.cause).toBe('change');
    expect(JSON.stringify(view)).toContain('"actor":"ana"');
    expect(
      view.executions.map(({ plan, status, verification }) => [plan.runbook.name, status, verification?.status]),
    ).toEqual([['aws-ecs-roll-back-bad-deploy', 'succeeded', 'passed']]);
    expect(view.executions[0]?.plan.steps[0]?.diff).toEqual([
      'aws/eu-west-1/ecs/shop/web task definition: web:2 → web:1',
      'image: shop/web:v2 → shop/web:v1',
    ]);
    expect(await runningOf(hand)).toEqual({ web: 'web:1', pay: '1' });
    const types = (await daemon.ledger()).map(({ entry }) => entry.type);
    for (const type of ['decision', 'step-intent', 'step-outcome']) expect(types).toContain(type);
  }, 240_000);

  test('a bad Lambda version is detected, diagnosed and taken back from its alias', async () => {
    await ana.ask('lambda', 'update_alias', { FunctionName: 'pay', Name: 'live', FunctionVersion: '2' });
    const view = await becomes(daemon, 'pay', 'it is over');
    expect(view.file?.diagnosis?.cause).toBe('change');
    expect(
      view.executions.map(({ plan, status, verification }) => [plan.runbook.name, status, verification?.status]),
    ).toEqual([['aws-lambda-roll-back-bad-version', 'succeeded', 'passed']]);
    expect(await runningOf(hand)).toEqual({ web: 'web:1', pay: '1' });
  }, 240_000);

  test('each act had a credential of its own, which allowed its calls on its resource and nothing else', async () => {
    const acts = front.minted.filter(({ role: of, name }) => of === role && name !== 'watchkeeper-look');
    expect(new Set(acts.map(({ name }) => name)).size).toBe(2);
    expect(front.called.filter(({ allowed }) => !allowed)).toEqual([]);
    const writes = front.called.filter(({ action }) => /Update/.test(action));
    expect(writes.map(({ action, resource }) => `${action} ${resource}`)).toEqual([
      `ecs:UpdateService ${service}`,
      `lambda:UpdateAlias ${func}`,
    ]);
    // Judged by moto's evaluator of IAM policies, which is none of ours.
    const may = async (
      policy: string | undefined,
      action: string,
      resource: string,
      passedTo = 'ecs-tasks.amazonaws.com',
    ): Promise<boolean> => {
      const holding = underConditions(policy ?? '{}', { 'iam:PassedToService': passedTo });
      const { answer } = await judge.ask('iam-policy', 'judge', { policy: holding, action, resource });
      return answer === 'PERMITTED';
    };
    const [ecs, lambda] = [/iam:PassRole/, /lambda:UpdateAlias/].map(
      (act) => acts.find(({ policy = '' }) => act.test(policy))?.policy,
    );
    for (const [policy, allowed] of [
      [ecs, `ecs:UpdateService ${service}`],
      [lambda, `lambda:UpdateAlias ${func}`],
    ] as const)
      for (const [action, resource] of [
        ['ecs:UpdateService', service],
        ['ecs:UpdateService', service.replace('/web', '/other')],
        ['ecs:DeleteService', service],
        ['lambda:UpdateAlias', func],
        ['lambda:UpdateAlias', func.replace('pay', 'other')],
        ['lambda:UpdateFunctionCode', func],
        ['iam:CreateUser', '*'],
        ['sts:AssumeRole', '*'],
      ] as const)
        expect([action, resource, await may(policy, action, resource)]).toEqual([
          action,
          resource,
          `${action} ${resource}` === allowed,
        ]);
    // Of roles, those of the task definition that is set alone, and to ECS alone.
    expect(await may(ecs, 'iam:PassRole', taskRole('v1'))).toBe(true);
    expect(await may(ecs, 'iam:PassRole', taskRole('pull'))).toBe(true);
    expect(await may(ecs, 'iam:PassRole', taskRole('v2'))).toBe(false);
    expect(await may(ecs, 'iam:PassRole', taskRole('v1'), 'lambda.amazonaws.com')).toBe(false);
    expect(await may(lambda, 'iam:PassRole', taskRole('v1'))).toBe(false);
    // Looks cannot write at all.
    for (const { policy } of front.minted.filter(({ role: of, name }) => of === role && name === 'watchkeeper-look'))
      for (const [action, resource] of [
        ['ecs:UpdateService', service],
        ['lambda:UpdateAlias', func],
      ] as const)
        expect(await may(policy, action, resource)).toBe(false);
  });

  test('permissions aws prints policies that are enough for all of it, and for no other resource', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [path.join(root, 'dist/main.js'), 'permissions', 'aws', '--output', 'json'],
      { cwd: home.folder, env: { PATH: process.env['PATH'], HOME: home.folder }, timeout: 60_000 },
    );
    const { operators } = JSON.parse(stdout) as { readonly operators: readonly { role: string; policy: Json }[] };
    expect(operators.map((one) => one.role)).toEqual([role]);
    const policy = JSON.stringify(operators[0]?.policy);
    const used = new Set(front.called.map(({ action, resource }) => `${action} ${resource}`));
    for (const one of used) {
      const [action = '', resource = ''] = one.split(' ');
      expect([one, (await judge.ask('iam-policy', 'judge', { policy, action, resource }))['answer']]).toEqual([
        one,
        'PERMITTED',
      ]);
    }
    const other = { policy, action: 'ecs:UpdateService', resource: service.replace('/web', '/other') };
    expect((await judge.ask('iam-policy', 'judge', other))['answer']).toBe('NEUTRAL');
  });
});

async function furnish(hand: AwsHand): Promise<void> {
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
  };
  await hand.ask('iam', 'create_role', {
    ...{ RoleName: 'watchkeeper-operator', AssumeRolePolicyDocument: JSON.stringify(trust) },
  });
  await hand.ask('ecs', 'create_cluster', { clusterName: 'shop' });
  for (const version of ['v1', 'v2'])
    await hand.ask('ecs', 'register_task_definition', {
      ...{ family: 'web', containerDefinitions: [{ name: 'web', image: `shop/web:${version}`, memory: 128 }] },
      ...{ taskRoleArn: taskRole(version), executionRoleArn: taskRole('pull') },
    });
  await hand.ask('ecs', 'create_service', {
    ...{ cluster: 'shop', serviceName: 'web', taskDefinition: 'web:1', desiredCount: 2 },
  });
  const made = await hand.ask('iam', 'create_role', { RoleName: 'run', AssumeRolePolicyDocument: '{}' });
  const code = { ZipFile: { $bytes: emptyZip } };
  await hand.ask('lambda', 'create_function', {
    ...{ FunctionName: 'pay', Runtime: 'nodejs22.x', Handler: 'index.handler', Code: code, Publish: true },
    Role: (made['Role'] as { readonly Arn: string }).Arn,
  });
  await hand.ask('lambda', 'create_alias', { FunctionName: 'pay', Name: 'live', FunctionVersion: '1' });
  await hand.ask('lambda', 'update_function_code', { FunctionName: 'pay', ...code, Publish: true });
}

// Errors a second, as what runs makes them: the second version of either fails three times in five.
async function measure(hand: AwsHand, going: () => boolean): Promise<void> {
  for (let beat = 0; going(); beat++) {
    const { web, pay } = await runningOf(hand);
    const noise = 0.002 * (1 + Math.sin(beat * 2.3));
    const point = (name: string, isBad: boolean): Json => ({
      ...{
        MetricName: name,
        Value: (isBad ? 0.6 : 0.01) + noise,
        StorageResolution: 1,
        Timestamp: Math.floor(Date.now() / 1_000) - 1,
      },
    });
    await hand.ask('cloudwatch', 'put_metric_data', {
      Namespace: 'Shop',
      MetricData: [point('web_errors', web !== 'web:1'), point('pay_errors', pay !== '1')],
    });
    await new Promise((resolve) => setTimeout(resolve, 1_000 - (Date.now() % 1_000) + 100));
  }
}

async function runningOf(hand: AwsHand): Promise<{ readonly web: string; readonly pay: string }> {
  const { services } = await hand.ask('ecs', 'describe_services', { cluster: 'shop', services: ['web'] });
  const [web] = services as readonly { readonly taskDefinition: string }[];
  const alias = await hand.ask('lambda', 'get_alias', { FunctionName: 'pay', Name: 'live' });
  return {
    web: (web?.taskDefinition ?? '').split('/').at(-1) ?? '',
    pay: JSON.stringify(alias['FunctionVersion']).replaceAll('"', ''),
  };
}

function writeHome(home: Home, endpoint: string): void {
  const metric = (name: string): Json => ({
    ...{ source: 'aws', unit: 'ratio', period: '1s' },
    metric: { namespace: 'Shop', name, stat: 'Average' },
  });
  home.write('watchkeeper.yaml', {
    resources: { services: 'resources', inherit: [] },
    sources: [
      {
        ...{ id: 'aws', kind: 'aws', regions: ['eu-west-1'], endpoint, discover: false },
        ...{ interval: '1s', sweep: '1s', settle: '2s', dollarsPerDay: 100 },
      },
    ],
    operators: { aws: [{ source: 'aws', accounts: [{ name: 'default', roleArn: role }], endpoint }] },
    defaults: { autonomy: 'act' },
    incidents: { grace: '2s', patience: '2s' },
  });
  home.write(
    'resources/web.yaml',
    document('Service', 'web', {
      runsOn: [{ aws: { region: 'eu-west-1', ecs: { cluster: 'shop', service: 'web' } } }],
      telemetry: { errors: metric('web_errors') },
    }),
  );
  home.write(
    'resources/pay.yaml',
    document('Service', 'pay', {
      runsOn: [{ aws: { region: 'eu-west-1', lambda: { function: 'pay', alias: 'live' } } }],
      telemetry: { errors: metric('pay_errors') },
    }),
  );
  home.write(
    'resources/policy.yaml',
    document('Policy', 'aws', {
      allow: [
        {
          actions: ['aws.ecs-rollback', 'aws.lambda-alias-rollback'],
          autonomy: 'act',
          when: 'diagnosis.confidence >= 0.7',
        },
      ],
    }),
  );
  for (const kind of ['runbooks', 'detectors'])
    for (const file of readdirSync(path.join(root, kind, 'aws')).filter((name) => !name.endsWith('.test.yaml')))
      home.write(path.join('resources', kind, file), quick(readFileSync(path.join(root, kind, 'aws', file), 'utf8')));
  const regression = readFileSync(path.join(root, 'detectors/error-regression.yaml'), 'utf8');
  home.write('resources/detectors/error-regression.yaml', quick(regression));
}

async function knows(daemon: DaemonProcess): Promise<boolean> {
  const { services } = await daemon.get<StatusView>('/api/v1/status');
  return ['web', 'pay'].every((name) =>
    services.some(
      (one) =>
        one.name === name && one.signals.some(({ signal, recent }) => signal === 'errors' && recent.length >= 25),
    ),
  );
}

async function becomes(daemon: DaemonProcess, name: string, what: string): Promise<IncidentView> {
  let found: IncidentView | undefined;
  try {
    await until(
      `${name}: ${what}`,
      async () => {
        const brief = (await daemon.incidents()).find(({ services }) => services.includes(name));
        found = brief && (await daemon.incident(brief.id));
        return found?.executions.some(({ endedAtMs }) => endedAtMs !== undefined) === true;
      },
      200_000,
    );
  } catch (thrown) {
    throw new Error(
      `${String(thrown)}\n${JSON.stringify(found, undefined, 1).slice(0, 6_000)}\n${daemon.said().slice(-4_000)}`,
    );
  }
  if (found === undefined) throw new Error('there is no incident');
  return found;
}

// A zip archive with nothing in it: the end record alone.
const emptyZip = Buffer.from('504b0506000000000000000000000000000000000000', 'hex').toString('base64');
