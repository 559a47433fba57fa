import { afterAll, beforeAll, expect, test } from 'vitest';

import { awsHandsReports, type AwsHandsReport } from '../../src/agent/offline/aws.ts';
import { systemClock, systemRandom } from '../../src/io/index.ts';
import { serviceOn } from '../support/aws-operator.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { startAwsHand, startMoto, type AwsHand } from './peers/moto.ts';
import type { Peer } from './peers/peers.ts';
import { accountId, startAwsFront, type AwsFront } from './support/aws-front.ts';

type Told = Parameters<typeof awsHandsReports>;

let moto: Peer;
let hand: AwsHand;
let judge: AwsHand;
let front: AwsFront;
/** What the operator's role may do. */
let rolePolicy = '';
const roleArn = `arn:aws:iam::${accountId}:role/operator`;

beforeAll(async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'daemon';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'daemon';
  moto = await startMoto();
  hand = startAwsHand(moto.url);
  judge = startAwsHand(moto.url);
  front = await startAwsFront(moto.url, judge, () => rolePolicy);
  await hand.ask('iam', 'create_role', { RoleName: 'operator', AssumeRolePolicyDocument: '{}' });
}, 120_000);

afterAll(async () => {
  for (const one of [hand, judge]) one.close();
  await front.close();
  await moto.stop();
});

/** One runbook that scales one ECS service, and a role to do it with. */
async function report(
  statements: readonly object[],
  step: object = { action: 'aws.ecs-scale', written: { tasks: 3 } },
): Promise<AwsHandsReport | undefined> {
  rolePolicy = JSON.stringify({ Version: '2012-10-17', Statement: statements });
  const service = serviceOn({ is: 'ecs', cluster: 'shop', service: 'web' });
  const connection = { source: 'aws', endpoint: front.url, accounts: [{ name: 'prod', roleArn }], documents: [] };
  const config = { operators: { aws: [connection] }, sources: [] } as unknown as Told[0];
  const runbook = { services: {}, steps: [step] };
  const resources = { runbooks: [runbook], services: [service] } as unknown as Told[1];
  const secrets = { resolve: () => Promise.reject(new Error('no secrets here')) };
  const ambient = { clock: systemClock, random: systemRandom, log: recordingLog(), secrets };
  const [one] = await awsHandsReports(config, resources, ambient, new AbortController().signal, 30_000);
  return one;
}

const web = `arn:aws:ecs:us-east-1:${accountId}:service/shop/web`;
const here = web.replace('us-east-1', 'eu-west-1');
const reads = {
  ...{ Effect: 'Allow', Resource: '*' },
  Action: [
    'ecs:DescribeServices',
    'ecs:DescribeTaskDefinition',
    'ecs:ListTaskDefinitions',
    'application-autoscaling:DescribeScalableTargets',
  ],
};

test('a role that may do what the runbooks need is told as such', async () => {
  const told = await report([reads, { Effect: 'Allow', Action: 'ecs:UpdateService', Resource: here }]);
  expect(told).toEqual({
    ...{ what: 'operator', id: 'aws/prod', kind: 'aws', ok: true },
    message: 'may do what the runbooks in force need',
  });
});

test('what is missing is named, of the very resource', async () => {
  const told = await report([reads, { Effect: 'Allow', Action: 'ecs:UpdateService', Resource: web }]);
  expect(told).toMatchObject({ ok: false, message: 'may not ecs:UpdateService' });
  expect(told?.fix).toContain('permissions aws');
});

test('a role that may do nearly anything is told, and fails nothing', async () => {
  const told = await report([{ Effect: 'Allow', Action: '*', Resource: '*' }]);
  expect(told?.ok).toBe(true);
  expect(told?.message).toMatch(/^may iam:CreateUser, .* which no runbook needs$/);
});

test('a role that may pass only the roles of its tasks, and to ECS alone, is told so and is right', async () => {
  const update = { Effect: 'Allow', Action: 'ecs:UpdateService', Resource: here };
  const pass = (resource: string, service?: string): object => ({
    ...{ Effect: 'Allow', Action: 'iam:PassRole', Resource: resource },
    ...(service === undefined ? {} : { Condition: { StringEquals: { 'iam:PassedToService': service } } }),
  });
  const rollback = { action: 'aws.ecs-rollback', written: {} };
  const every = `arn:aws:iam::${accountId}:role/*`;
  const told = await report([reads, update, pass(every, 'ecs-tasks.amazonaws.com')], rollback);
  expect(told).toMatchObject({ ok: true, message: 'may do what the runbooks in force need' });
  const narrow = await report([reads, update, pass(`arn:aws:iam::${accountId}:role/web`)], rollback);
  expect(narrow).toMatchObject({
    ok: true,
    message: expect.stringMatching(/^may pass only some roles to ECS/) as string,
  });
  const other = await report([reads, update, pass(every, 'lambda.amazonaws.com')], rollback);
  expect(other?.message).toMatch(/iam:PassRole/);
  const wide = await report([reads, update, pass('*')], rollback);
  expect(wide?.message).toBe('may iam:PassRole, which no runbook needs');
});

test('only IAM was asked, by a session that may do nothing else', () => {
  expect(new Set(front.called.map(({ action }) => action))).toEqual(new Set(['iam:SimulatePrincipalPolicy']));
  expect(front.minted.every(({ policy = '' }) => policy.includes('iam:SimulatePrincipalPolicy'))).toBe(true);
});
