import { describe, expect, it } from 'vitest';

import type { Service } from '../../../src/domain/service.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { Change } from '../../../src/domain/change.ts';
import { createChangeDesk } from '../../../src/io/clients/cloud/change-desk.ts';
import { gathered, type Looks } from '../../../src/sources/aws/changes/gather.ts';
import { lookAtDeliveries } from '../../../src/sources/aws/changes/deliveries.ts';
import type { Memory } from '../../../src/sources/aws/changes/rollouts.ts';
import { createTrail } from '../../../src/sources/aws/changes/trail.ts';
import type { EcsState } from '../../../src/sources/aws/look/ecs.ts';
import { watchedPlaces, type Watched } from '../../../src/sources/aws/watched.ts';
import type { AwsResource } from '../../../src/domain/places.ts';
import { fakeAws } from './fake-aws.ts';

const minute = 60_000;
const t0 = Date.UTC(2026, 10, 28, 12, 0, 0);
const never = new AbortController().signal;
const corner = { region: 'eu-west-1' };

function watched(resource: AwsResource): Watched {
  const service: Service = {
    ...{ name: 'web', labels: {}, owner: { team: 'x', escalate: 'default' }, dependsOn: [], slos: [], telemetry: {} },
    ...{ origin: 'declared', runsOn: [{ on: 'aws', aws: { source: 'aws', ...corner, resource } }] },
  };
  const [one] = watchedPlaces('aws', [service]);
  if (one === undefined) throw new Error('it is nowhere');
  return one;
}

const web = watched({ is: 'ecs', cluster: 'shop', service: 'web' });

/** A record as CloudTrail's reference has it. */
function record(name: string, inside: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    ...{ EventId: `${name}-1`, EventName: name, EventSource: 'ecs.amazonaws.com', EventTime: t0, Resources: [] },
    CloudTrailEvent: JSON.stringify({
      userIdentity: { type: 'AssumedRole', arn: 'arn:aws:sts::123456789012:assumed-role/deploy/run-17' },
      requestParameters: { cluster: 'shop', service: 'web', taskDefinition: 'web:2' },
      ...inside,
    }),
    ...more,
  };
}

function state(taskDefinition: string, deployment: string, createdMs: number): EcsState {
  const primary = {
    ...{ id: deployment, status: 'PRIMARY', taskDefinition, desired: 2, running: 2, pending: 0, failedTasks: 0 },
    ...{ rolloutState: 'IN_PROGRESS', reason: '', createdMs },
  };
  return { arn: 'a', desired: 2, running: 2, pending: 0, taskDefinition, deployments: [primary], primary, said: '' };
}

function seen(more: Partial<Looks> = {}): Looks {
  const nothing = { states: new Map(), faults: new Map() };
  return { watched: [web], ecs: nothing, lambda: nothing, delivered: [], events: [], ...more };
}

function ecs(one: EcsState): Looks['ecs'] {
  return { states: new Map([[web, one]]), faults: new Map() };
}

function deskOfAws(): { take(looks: Looks, nowMs: number): readonly Change[] } {
  const desk = createChangeDesk();
  const memory: Memory = new Map();
  return { take: (looks, nowMs) => desk.take(gathered('aws', looks, memory, nowMs), nowMs) };
}

describe('changes in AWS', () => {
  it('tells each write event once, though they come late and are read again', async () => {
    const aws = fakeAws(() => ({ Events: [record('DeleteService', {})] }));
    const trail = createTrail('aws', aws, minute);
    const first = await trail.look([corner], t0 + minute, never);
    expect(first.events).toMatchObject([{ name: 'DeleteService', actor: 'deploy/run-17' }]);
    expect((await trail.look([corner], t0 + 2 * minute, never)).events).toEqual([]);
    const start = (call = 0): number => (aws.asked[call]?.input['StartTime'] as Date).getTime();
    expect(start(1)).toBe(t0 + minute - 15 * minute);
  });

  it('reads an event that is delivered late and lies behind a page of known ones, and says where its pages end', async () => {
    const of = (id: string): JsonObject => record('DeleteService', {}, { EventId: id });
    let pages: JsonObject[][] = [[of('a'), of('b')]];
    const aws = fakeAws(({ input }): JsonObject => {
      const at = Number(input['NextToken'] ?? 0);
      return { Events: pages[at] ?? [], ...(at + 1 < pages.length ? { NextToken: String(at + 1) } : {}) };
    });
    const trail = createTrail('aws', aws, minute);
    await trail.look([corner], t0, never);
    pages = [[of('a'), of('b')], [of('late')]];
    const { events, gaps } = await trail.look([corner], t0 + minute, never);
    expect([events.map(({ id }) => id), gaps]).toEqual([['late'], []]);
    pages = Array.from({ length: 30 }, (_none, at) => [of(`${at}`)]);
    const before = aws.asked.length;
    const busy = await trail.look([corner], t0 + 2 * minute, never);
    expect([busy.events.length, aws.asked.length - before]).toEqual([10, 10]);
    expect(busy.gaps).toMatchObject([{ reason: 'partial', signal: 'changes' }]);
  });

  it('leaves out what was refused or only read, and bears records that are no JSON', async () => {
    const events = [
      record('UpdateService', { errorCode: 'AccessDenied' }),
      record('DescribeServices', { readOnly: true }, { EventId: 'b' }),
      record('UpdateService', {}, { EventId: 'c', CloudTrailEvent: '{"userIdentity' }),
    ];
    const { events: told, gaps } = await createTrail(
      'aws',
      fakeAws(() => ({ Events: events })),
      minute,
    ).look([corner], t0, never);
    expect(told.map(({ id, actor }) => [id, actor])).toEqual([['c', 'unknown']]);
    expect(gaps).toEqual([]);
  });

  it('says that changes are not known where CloudTrail does not answer, and reads on from there', async () => {
    let away = true;
    const aws = fakeAws(() =>
      away ? new WatchkeeperError('unreachable', 'it is away') : { Events: [record('DeleteService', {})] },
    );
    const trail = createTrail('aws', aws, minute);
    expect((await trail.look([corner], t0, never)).gaps).toMatchObject([{ reason: 'unreachable', signal: 'changes' }]);
    away = false;
    expect((await trail.look([corner], t0 + 5 * minute, never)).events).toHaveLength(1);
  });

  it('tells who made a rollout when CloudTrail comes later, under the same id', async () => {
    const desk = deskOfAws();
    expect(desk.take(seen({ ecs: ecs(state('web:1', 'd1', t0 - 24 * 3_600_000)) }), t0)).toEqual([]);
    const [rollout] = desk.take(seen({ ecs: ecs(state('web:2', 'd2', t0 + 30_000)) }), t0 + minute);
    expect(rollout).toMatchObject({ kind: 'deploy', from: 'web:1', to: 'web:2', atMs: t0 + 30_000 });
    expect(rollout?.actor).toBeUndefined();
    const aws = fakeAws(() => ({ Events: [record('UpdateService', {}, { EventTime: t0 + 29_000 })] }));
    const { events } = await createTrail('aws', aws, minute).look([corner], t0 + 6 * minute, never);
    const later = desk.take(seen({ ecs: ecs(state('web:2', 'd2', t0 + 30_000)), events }), t0 + 6 * minute);
    expect(later).toEqual([{ ...rollout, actor: 'deploy/run-17', ref: 'UpdateService-1' }]);
    expect(desk.take(seen({ ecs: ecs(state('web:2', 'd2', t0 + 30_000)) }), t0 + 7 * minute)).toEqual([]);
  });

  it('tells what was done to a function before the first look, which it shows no more, once and by its event', async () => {
    const pay = watched({ is: 'lambda', function: 'pay', alias: 'live' });
    const requestParameters = { functionName: 'pay', name: 'live', functionVersion: '7' };
    const fromLambda = { EventSource: 'lambda.amazonaws.com' };
    const update = (id: string, atMs: number): JsonObject =>
      record('UpdateAlias20150331', { requestParameters }, { EventId: id, EventTime: atMs, ...fromLambda });
    const other = { functionName: 'pay', name: 'beta', functionVersion: '7' };
    let events = [
      update('before', t0 - 5 * minute),
      // Neither changes what runs behind the alias.
      record(
        'UpdateAlias20150331',
        { requestParameters: other },
        { EventId: 'beta', EventTime: t0 - minute, ...fromLambda },
      ),
      record(
        'UpdateFunctionCode20150331v2',
        { requestParameters },
        { EventId: 'code', EventTime: t0 - minute, ...fromLambda },
      ),
    ];
    const trail = createTrail(
      'aws',
      fakeAws(() => ({ Events: events })),
      60 * minute,
    );
    const desk = deskOfAws();
    const look = async (version: string, atMs: number): Promise<readonly Change[]> => {
      const lambda = { states: new Map([[pay, { version, canary: {} }]]), faults: new Map() };
      const { events: told } = await trail.look([corner], atMs, never);
      return desk.take(seen({ watched: [pay], lambda, events: told }), atMs);
    };
    const first = await look('7', t0);
    expect(first).toMatchObject([{ kind: 'deploy', to: 'UpdateAlias', actor: 'deploy/run-17', atMs: t0 - 5 * minute }]);
    expect(first[0]?.from).toBeUndefined();
    expect(first[0]?.attributes['toldBy']).toBe('audit-log');
    // One of that time which is delivered only now as well; one of later is seen on the function itself.
    events = [update('after', t0 + 90_000), update('late', t0 - 2 * minute), ...events];
    expect(await look('7', t0 + minute)).toMatchObject([{ to: 'UpdateAlias', ref: 'late' }]);
    expect(await look('8', t0 + 2 * minute)).toMatchObject([{ from: '7', to: '8', ref: 'after' }]);
    expect(await look('8', t0 + 3 * minute)).toEqual([]);
  });

  it('knows our own act by the name of its session', async () => {
    const arn = 'arn:aws:sts::123456789012:assumed-role/operator/watchkeeper-0f3a';
    const aws = fakeAws(() => ({ Events: [record('UpdateService', { userIdentity: { type: 'AssumedRole', arn } })] }));
    const { events } = await createTrail('aws', aws, minute).look([corner], t0, never);
    const desk = deskOfAws();
    desk.take(seen({ ecs: ecs(state('web:2', 'd1', t0 - 24 * 3_600_000)) }), t0);
    const told = desk.take(seen({ ecs: ecs(state('web:1', 'd2', t0)), events }), t0 + minute);
    expect(told).toMatchObject([{ kind: 'rollback', actor: 'watchkeeper', ref: '0f3a' }]);
  });

  it('does not take the event of another service, region or cluster for its own', async () => {
    const other = [
      record('DeleteService', { requestParameters: { cluster: 'shop', service: 'web-2' } }),
      record('DeleteService', { requestParameters: { cluster: 'other', service: 'web' } }, { EventId: 'b' }),
      record('DeleteFunction', {}, { EventId: 'c', EventSource: 'lambda.amazonaws.com' }),
    ];
    const desk = deskOfAws();
    const trail = createTrail(
      'aws',
      fakeAws(() => ({ Events: other })),
      minute,
    );
    const { events } = await trail.look([corner, { region: 'us-east-1' }], t0, never);
    expect(desk.take(seen({ events }), t0)).toEqual([]);
  });

  it('reads deployments of CodeDeploy from one revision to another', async () => {
    const of = watched({ is: 'codedeploy', application: 'shop', group: 'web' });
    const s3 = (key: string): JsonObject => ({ revisionType: 'S3', s3Location: { bucket: 'builds', key } });
    const aws = fakeAws(({ operation }) =>
      operation === 'ListDeployments'
        ? { deployments: ['d-1'] }
        : {
            deploymentsInfo: [
              {
                ...{ deploymentId: 'd-1', createTime: t0, creator: 'user', status: 'Failed' },
                ...{ revision: s3('v2.zip'), previousRevision: s3('v1.zip') },
              },
            ],
          },
    );
    const { changes } = await lookAtDeliveries('aws', [of], aws, t0 - minute, never);
    expect(changes).toMatchObject([
      { kind: 'deploy', from: 'builds/v1.zip', to: 'builds/v2.zip', ref: 'd-1', atMs: t0 },
    ]);
  });

  it('reads what Auto Scaling did and why, and what became of a stack', async () => {
    const group = watched({ is: 'auto-scaling-group', name: 'web' });
    const stack = watched({ is: 'stack', name: 'web' });
    const cause = 'a user request explicitly set group desired capacity changing the desired capacity from 2 to 4.';
    const aws = fakeAws(({ service }) =>
      service === 'autoscaling'
        ? { Activities: [{ ActivityId: 'a', StartTime: t0, Cause: cause }] }
        : { Stacks: [{ StackStatus: 'UPDATE_ROLLBACK_COMPLETE', LastUpdatedTime: t0, CreationTime: 0 }] },
    );
    const { changes } = await lookAtDeliveries('aws', [group, stack], aws, t0 - minute, never);
    expect(changes).toMatchObject([
      { kind: 'scale', from: '2', to: '4' },
      { kind: 'rollback', to: 'UPDATE_ROLLBACK_COMPLETE' },
    ]);
  });
});
