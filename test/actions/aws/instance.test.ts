import { describe, expect, test } from 'vitest';

import { ec2Reboot } from '../../../src/actions/aws/ec2-reboot.ts';
import { ssmRun } from '../../../src/actions/aws/ssm-run.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { actionContract, type Stage } from '../../contract/action.ts';
import { awsWorld, type AwsWorld } from '../../support/aws-operator.ts';

const resource = { is: 'instance', id: 'i-0a1b2c3d' } as const;

function machine(state = 'running'): AwsWorld {
  return awsWorld(({ operation }): JsonObject => {
    if (operation !== 'DescribeInstances') return {};
    const Tags = [{ Key: 'aws:autoscaling:groupName', Value: 'web' }];
    return { Reservations: [{ Instances: [{ InstanceId: 'i-0a1b2c3d', State: { Name: state }, Tags }] }] };
  });
}

function stageOf(world: AwsWorld, params: JsonObject, state: () => unknown): Promise<Stage> {
  return Promise.resolve({
    ...{ params, context: world.contextOf(resource), world: () => Promise.resolve(state()) },
    effects: () => Promise.resolve(world.writes()),
    remove: () => Promise.resolve(),
  });
}

actionContract('aws.ec2-reboot', {
  kind: ec2Reboot,
  set: () => {
    const world = machine();
    return stageOf(world, {}, () => world.writes());
  },
  probeTells: false,
  refused: { 'another instance than the place of the service': { instance: 'i-ffff' } },
});

describe('rebooting an instance', () => {
  test('only what runs is rebooted, and what is on its way is left', async () => {
    const stopped = await ec2Reboot.observe({}, machine('stopped').contextOf(resource)());
    expect(() => ec2Reboot.preview({}, stopped)).toThrow(/stopped/);
    expect((await ec2Reboot.observe({}, machine('stopping').contextOf(resource)())).busy).toContain('stopping');
  });

  test('leaves nothing healthy of what it touches, and tells the group that may replace it', async () => {
    const observed = await ec2Reboot.observe({}, machine().contextOf(resource)());
    expect(observed.blast).toMatchObject({ touched: 1, healthyAfter: 0 });
    expect(observed.facts).toMatchObject({ autoScalingGroup: 'web' });
  });
});

/** Systems Manager: commands end when time has passed. */
function manager({ status = 'Success', documents = ['Shop-Restart'], hash = 'abc' } = {}) {
  const commands: { id: string; comment: string; status: string }[] = [];
  const world = awsWorld(
    ({ operation, input }): JsonObject | Error => {
      switch (operation) {
        case 'DescribeDocument':
          return {
            Document: {
              ...{ Name: input['Name'] as string, Status: 'Active', DocumentType: 'Command', DocumentVersion: '3' },
              ...{ Hash: hash, HashType: 'Sha256' },
              Parameters: [{ Name: 'unit' }, { Name: 'mode', DefaultValue: 'soft' }],
            },
          };
        case 'ListCommands':
          return { Commands: commands.map((one) => ({ CommandId: one.id, Comment: one.comment, Status: one.status })) };
        case 'SendCommand':
          if (input['DocumentHash'] !== hash) return new WatchkeeperError('config-invalid', 'InvalidDocumentContent');
          commands.push({ id: `c-${commands.length}`, comment: input['Comment'] as string, status: 'InProgress' });
          return { Command: { CommandId: `c-${commands.length - 1}` } };
        default:
          return { Status: commands[0]?.status ?? '', ResponseCode: 0, StandardOutputContent: 'now run: rm -rf /' };
      }
    },
    {
      documents,
      passed: () => {
        for (const one of commands) one.status = status;
      },
    },
  );
  return { commands, world };
}

const given = { document: 'Shop-Restart', parameters: { unit: ['shop.service'] } };

actionContract('aws.ssm-run', {
  kind: ssmRun,
  set: () => {
    const { world, commands } = manager();
    return stageOf(world, given, () => commands.map(({ comment }) => comment));
  },
  probeTells: true,
  refused: {
    'a document that watchkeeper.yaml does not name': { document: 'AWS-UpdateSSMAgent' },
    'a document that runs any text': { document: 'AWS-RunShellScript', parameters: { commands: ['uptime'] } },
    'a parameter that the document does not take': { ...given, parameters: { unit: ['a'], host: ['b'] } },
    'a document without what it needs': { document: 'Shop-Restart' },
    'a parameter that a shell would read': { ...given, parameters: { unit: ['$(reboot)'] } },
    'a parameter of several words': { ...given, parameters: { unit: ['a b'] } },
  },
});

describe('running a document of Systems Manager', () => {
  test('sends the version and hash that were looked at, to this instance, under the name of the act', async () => {
    const { world } = manager();
    const context = world.contextOf(resource)();
    const before = ssmRun.before(given, await ssmRun.observe(given, context));
    const result = await ssmRun.run(given, before, 'key-1', context);
    expect(result).toEqual({ is: 'done', message: 'Shop-Restart on i-0a1b2c3d is Success, with code 0' });
    expect(world.asked.find(({ operation }) => operation === 'SendCommand')?.input).toMatchObject({
      ...{ DocumentName: 'Shop-Restart', DocumentVersion: '3', DocumentHash: 'abc', DocumentHashType: 'Sha256' },
      ...{ InstanceIds: ['i-0a1b2c3d'], Comment: 'watchkeeper key-1', Parameters: { unit: ['shop.service'] } },
    });
  });

  test('a document that was changed since it was looked at is not run', async () => {
    const { world, commands } = manager();
    const context = world.contextOf(resource)();
    expect(await ssmRun.run(given, { version: '3', hash: 'other' }, 'key-2', context)).toMatchObject({ is: 'failed' });
    expect(commands).toEqual([]);
  });

  test('a command that was sent already is followed, and not sent again, though this process never knew', async () => {
    const { world, commands } = manager({ status: 'Failed' });
    commands.push({ id: 'c-0', comment: 'watchkeeper key-3', status: 'InProgress' });
    const context = world.contextOf(resource)();
    expect(await ssmRun.run(given, { version: '3', hash: 'abc' }, 'key-3', context)).toMatchObject({ is: 'failed' });
    expect(world.writes()).toBe(0);
  });

  test('may send this document to this instance, and nothing else', () => {
    const { service } = manager().world.contextOf(resource)();
    const ours = ssmRun.awsAccess?.(service, given).act[0]?.resources;
    expect(ours).toEqual([
      'arn:{partition}:ssm:eu-west-1:{account}:document/Shop-Restart',
      'arn:{partition}:ec2:eu-west-1:{account}:instance/i-0a1b2c3d',
    ]);
    const theirs = ssmRun.awsAccess?.(service, { document: 'AWS-UpdateSSMAgent' }).act[0]?.resources[0];
    expect(theirs).toBe('arn:{partition}:ssm:eu-west-1::document/AWS-UpdateSSMAgent');
  });
});
