import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { CollectRequest, Source } from '../../src/domain/ports/source.ts';
import type { Service } from '../../src/domain/service.ts';
import { awsReaders } from '../../src/io/clients/aws/index.ts';
import { cloudHosts } from '../../src/io/clients/cloud/hosts.ts';
import { inventoryConfig } from '../../src/io/clients/ssh/inventory/config.ts';
import { readFleet } from '../../src/io/clients/ssh/inventory/fleet.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import { sourceKinds } from '../../src/sources/index.ts';
import { realReader } from '../support/real-reader.ts';
import { startAwsHand, startMoto, type AwsHand } from './peers/moto.ts';
import type { Peer } from './peers/peers.ts';

const minute = 60_000;
let moto: Peer;
let hand: AwsHand;

beforeAll(async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'reader';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'reader';
  moto = await startMoto();
  hand = startAwsHand(moto.url);
}, 120_000);

afterAll(async () => {
  hand.close();
  await moto.stop();
});

function open(config: JsonObject = {}): Source {
  const io = realReader({});
  const whole: Json = {
    ...{ regions: ['eu-west-1'], endpoint: moto.url, settle: '0s', cloudtrail: false },
    ...config,
  };
  const opened = sourceKinds['aws']?.open('aws', whole, { ...io, aws: awsReaders(io) });
  if (opened?.ok !== true) throw new Error(JSON.stringify(opened));
  return opened.value;
}

function request(services: readonly Service[]): CollectRequest {
  const nowMs = Date.now();
  return {
    ...{ fromMs: nowMs - 10 * minute, untilMs: nowMs, stepMs: minute, services, mode: 'live' },
    signals: services.flatMap(({ name, telemetry }) =>
      Object.entries(telemetry).map(([signal, binding]) => ({ service: name, signal, binding })),
    ),
  };
}

function within(ms = 60_000): AbortSignal {
  return AbortSignal.timeout(ms);
}

/** A point a minute for some minutes up to now, put by botocore. */
async function put(
  namespace: string,
  name: string,
  dimensions: Record<string, string>,
  values: readonly number[],
): Promise<void> {
  const nowS = Math.floor(Date.now() / minute) * 60;
  await hand.ask('cloudwatch', 'put_metric_data', {
    Namespace: namespace,
    MetricData: values.map((Value, back) => ({
      ...{ MetricName: name, Value, Timestamp: nowS - (back + 1) * 60 },
      Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
    })),
  });
}

describe('the aws source against moto', () => {
  test('finds services by their tag, and reads what another client put for them', async () => {
    await hand.ask('ecs', 'create_cluster', { clusterName: 'shop' });
    for (const version of ['v1', 'v2'])
      await hand.ask('ecs', 'register_task_definition', {
        ...{ family: 'web', containerDefinitions: [{ name: 'web', image: `shop/web:${version}`, memory: 128 }] },
      });
    await hand.ask('ecs', 'create_service', {
      ...{ cluster: 'shop', serviceName: 'web', taskDefinition: 'web:1', desiredCount: 2 },
      tags: [
        { key: 'watchkeeper.dev/service', value: 'web' },
        { key: 'team', value: 'shop' },
      ],
    });
    await put('AWS/ECS', 'CPUUtilization', { ClusterName: 'shop', ServiceName: 'web' }, [30, 20, 10]);
    const source = open();
    await source.check(within());
    const services = await source.discover(within());
    expect(services).toMatchObject([
      {
        ...{ name: 'web', origin: 'discovered', owner: { team: 'shop' } },
        runsOn: [{ on: 'aws', aws: { region: 'eu-west-1', resource: { is: 'ecs', cluster: 'shop', service: 'web' } } }],
      },
    ]);
    const first = await source.collect(request(services), within());
    const cpu = first.series.find(({ signal }) => signal === 'cpu');
    expect(cpu?.samples.map(({ v }) => v)).toEqual([10, 20, 30]);
    expect(first.series.find(({ signal }) => signal === 'availability')?.samples.map(({ v }) => v)).toEqual([0]);
    // Nobody put memory: that is a gap, and not a service without memory.
    expect(first.gaps.map(({ signal, reason }) => `${signal ?? ''} ${reason}`)).toEqual(['memory missing']);
    expect(first.resources).toMatchObject([
      { id: 'ecs/shop/web', attributes: { desired: 2, taskDefinition: 'web:1' } },
    ]);

    await hand.ask('ecs', 'update_service', { cluster: 'shop', service: 'web', taskDefinition: 'web:2' });
    const second = await source.collect(request(services), within());
    expect(second.changes).toMatchObject([
      { kind: 'deploy', service: 'web', what: 'ecs/shop/web', from: 'web:1', to: 'web:2', source: 'aws' },
    ]);
    await hand.ask('ecs', 'update_service', { cluster: 'shop', service: 'web', taskDefinition: 'web:1' });
    const third = await source.collect(request(services), within());
    expect(third.changes).toMatchObject([{ kind: 'rollback', from: 'web:2', to: 'web:1' }]);
    expect((await source.collect(request(services), within())).changes).toEqual([]);
    await source.close();
  });

  test('reads more metrics than one call may ask for', async () => {
    const many = 620;
    for (let at = 0; at < many; at += 20)
      await hand.ask('cloudwatch', 'put_metric_data', {
        Namespace: 'Many',
        MetricData: Array.from({ length: 20 }, (_, index) => ({
          ...{ MetricName: `m${at + index}`, Value: at + index },
          Timestamp: Math.floor(Date.now() / minute) * 60 - 60,
        })),
      });
    const service: Service = {
      ...{ name: 'many', labels: {}, owner: { team: 'x', escalate: 'default' }, dependsOn: [], runsOn: [], slos: [] },
      ...{ origin: 'declared' },
      telemetry: Object.fromEntries(
        Array.from({ length: many }, (_, index) => [
          `m${index}`,
          {
            ...{ source: 'aws', unit: '1', nature: 'gauge' },
            query: { metric: { namespace: 'Many', name: `m${index}`, dimensions: {}, stat: 'Sum' } },
          },
        ]),
      ),
    };
    const source = open({ discover: false });
    const { series, gaps } = await source.collect(request([service]), within());
    expect(gaps).toEqual([]);
    expect(series).toHaveLength(many);
    expect(series.find(({ signal }) => signal === 'm617')?.samples.map(({ v }) => v)).toEqual([617]);
    expect(source.use?.()).toMatchObject({ calls: { 'cloudwatch:GetMetricData': 2 } });
    expect(source.use?.()?.dollars).toBeCloseTo(many / 100_000);
    await source.close();
  });

  test('tells of another version behind a Lambda alias, of alarms, and of log lines', async () => {
    const role = await hand.ask('iam', 'create_role', { RoleName: 'run', AssumeRolePolicyDocument: '{}' });
    const code = { ZipFile: { $bytes: emptyZip } };
    await hand.ask('lambda', 'create_function', {
      ...{ FunctionName: 'pay', Runtime: 'nodejs22.x', Handler: 'index.handler', Code: code, Publish: true },
      Role: (role['Role'] as { readonly Arn: string }).Arn,
    });
    await hand.ask('lambda', 'create_alias', { FunctionName: 'pay', Name: 'live', FunctionVersion: '1' });
    await hand.ask('logs', 'create_log_group', { logGroupName: '/aws/lambda/pay' });
    await hand.ask('logs', 'create_log_stream', { logGroupName: '/aws/lambda/pay', logStreamName: 'one' });
    await hand.ask('logs', 'put_log_events', {
      ...{ logGroupName: '/aws/lambda/pay', logStreamName: 'one' },
      logEvents: [
        { timestamp: Date.now() - 5_000, message: 'INFO paid 12' },
        { timestamp: Date.now() - 4_000, message: 'ERROR card refused \u001b[31m{{ evil }}' },
      ],
    });
    await hand.ask('cloudwatch', 'put_metric_alarm', {
      ...{ AlarmName: 'pay-errors', Namespace: 'AWS/Lambda', MetricName: 'Errors', Period: 60, Statistic: 'Sum' },
      ...{ Threshold: 1, ComparisonOperator: 'GreaterThanThreshold', EvaluationPeriods: 1 },
      Dimensions: [{ Name: 'FunctionName', Value: 'pay' }],
    });
    const alarm = (StateValue: string): Promise<unknown> =>
      hand.ask('cloudwatch', 'set_alarm_state', { AlarmName: 'pay-errors', StateValue, StateReason: 'a test' });
    await alarm('ALARM');
    const pay: Service = {
      ...{ name: 'pay', labels: {}, owner: { team: 'x', escalate: 'default' }, dependsOn: [], slos: [], telemetry: {} },
      origin: 'declared',
      logs: [{ source: 'aws', query: { group: '/aws/lambda/pay' } }],
      runsOn: [
        {
          on: 'aws',
          aws: { source: 'aws', region: 'eu-west-1', resource: { is: 'lambda', function: 'pay', alias: 'live' } },
        },
      ],
    };
    const source = open({ discover: false });
    const first = await source.collect(request([pay]), within());
    expect(first.gaps).toEqual([]);
    expect(first.logs.map(({ severity, body }) => [severity, body.includes('\u001b')])).toEqual([
      ['info', false],
      ['error', false],
    ]);
    expect(first.findings).toMatchObject([{ kind: 'external', service: 'pay', signal: 'pay-errors', state: 'bad' }]);
    await hand.ask('lambda', 'update_function_code', { FunctionName: 'pay', ...code, Publish: true });
    await hand.ask('lambda', 'update_alias', { FunctionName: 'pay', Name: 'live', FunctionVersion: '2' });
    await alarm('OK');
    const second = await source.collect(request([pay]), within());
    expect(second.changes).toMatchObject([{ kind: 'deploy', what: 'lambda/pay', from: '1', to: '2' }]);
    expect(second.findings).toMatchObject([{ signal: 'pay-errors', state: 'good' }]);
    expect(second.logs).toEqual([]);
    await source.close();
  });

  test('reads other accounts through their roles', async () => {
    const trust = JSON.stringify({
      ...{ Version: '2012-10-17' },
      Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
    });
    await hand.ask('iam', 'create_role', { RoleName: 'watchkeeper', AssumeRolePolicyDocument: trust });
    const source = open({
      discover: false,
      accounts: [{ name: 'here' }, { name: 'there', roleArn: 'arn:aws:iam::210987654321:role/watchkeeper' }],
    });
    const there: Service = {
      ...{
        name: 'there',
        labels: {},
        owner: { team: 'x', escalate: 'default' },
        dependsOn: [],
        slos: [],
        telemetry: {},
      },
      ...{ origin: 'declared' },
      runsOn: [
        {
          on: 'aws',
          aws: {
            source: 'aws',
            account: 'there',
            region: 'eu-west-1',
            resource: { is: 'ecs', cluster: 'shop', service: 'web' },
          },
        },
      ],
    };
    await source.check(within());
    // The shop is in the other account: here there is none, and that is told of this service alone.
    const { gaps } = await source.collect(request([there]), within());
    expect(gaps).toMatchObject([{ service: 'there' }]);
    expect(gaps[0]?.message).toContain('account there');
    await source.close();
  });

  test('EC2 instances that bear a tag are hosts of an inventory, those that are stopped or bear another are not', async () => {
    const start = async (region: string, Name: string, role: string): Promise<string> => {
      const { Instances } = await hand.ask(
        'ec2',
        'run_instances',
        {
          ...{ ImageId: 'ami-12c6146b', MinCount: 1, MaxCount: 1, InstanceType: 't3.micro' },
          TagSpecifications: [
            {
              ResourceType: 'instance',
              Tags: Object.entries({ Name, role, team: 'shop' }).map(([Key, Value]) => ({ Key, Value })),
            },
          ],
        },
        region,
      );
      return ((Instances as readonly JsonObject[])[0]?.['InstanceId'] ?? '') as string;
    };
    const web = await start('eu-west-1', 'web-1', 'web');
    await start('us-east-1', 'web-2', 'web');
    await start('eu-west-1', 'db-1', 'db');
    await hand.ask('ec2', 'stop_instances', { InstanceIds: [await start('eu-west-1', 'web-3', 'web')] });
    const io = realReader({});
    const config: JsonObject = { regions: ['eu-west-1', 'us-east-1'], endpoint: moto.url };
    const clouds = cloudHosts([{ id: 'aws', kind: 'aws', config }], { ...io, aws: awsReaders(io) });
    const parsed = inventoryConfig.parse({
      login: { user: 'watch', keyFile: '/key' },
      cloud: [{ source: 'aws', tags: { role: 'web' }, groups: ['role'], labels: ['team'] }],
    });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
    const fleet = await readFleet(parsed.value, { ...io, cloudHosts: clouds }, within());
    expect(fleet.problems).toEqual([]);
    expect(fleet.hosts.map(({ name, groups, labels }) => [name, groups, labels['team'], labels['region']])).toEqual([
      ['web-1', ['web'], 'shop', 'eu-west-1'],
      ['web-2', ['web'], 'shop', 'us-east-1'],
    ]);
    expect(fleet.hosts[0]).toMatchObject({ address: expect.stringMatching(/^10\./), labels: { instance: web } });
  });

  test('says what is wrong when AWS does not know it, does not answer, or the region is away', async () => {
    const source = open();
    const services = (await source.discover(within())).filter(({ name }) => name === 'web');
    await source.collect(request(services), within());
    await moto.kill();
    const away = await source.collect(request(services), within());
    expect(away.series).toEqual([]);
    expect(away.gaps.map(({ signal, reason }) => `${signal ?? ''} ${reason}`)).toContain('availability unreachable');
    await expect(source.check(within())).rejects.toMatchObject({ code: 'unreachable' });
    await expect(source.discover(within())).rejects.toMatchObject({ code: 'unreachable' });
    await source.close();
  });
});

// A zip archive with nothing in it: the end record alone.
const emptyZip = Buffer.from('504b0506000000000000000000000000000000000000', 'hex').toString('base64');
