import { describe, expect, it } from 'vitest';

import type { AwsCall } from '../../../src/domain/ports/aws.ts';
import type { AwsResource } from '../../../src/domain/places.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { createChangeDesk } from '../../../src/io/clients/cloud/change-desk.ts';
import { lookAtDeliveries } from '../../../src/sources/aws/changes/deliveries.ts';
import { gathered } from '../../../src/sources/aws/changes/gather.ts';
import { createTrail } from '../../../src/sources/aws/changes/trail.ts';
import { watchedPlaces, type Watched } from '../../../src/sources/aws/watched.ts';
import { serviceOn } from '../../support/aws-operator.ts';
import { fakeAws } from './fake-aws.ts';

const minute = 60_000;
const t0 = Date.UTC(2026, 10, 28, 12, 0, 0);
const never = new AbortController().signal;
const s3 = (key: string): JsonObject => ({ revisionType: 'S3', s3Location: { bucket: 'builds', key } });

function placeOf(resource: AwsResource): Watched {
  const [one] = watchedPlaces('aws', [serviceOn(resource)]);
  if (one === undefined) throw new Error('it is nowhere');
  return one;
}

const app = placeOf({ is: 'codedeploy', application: 'shop', group: 'web' });
const group = placeOf({ is: 'auto-scaling-group', name: 'web' });

/** CodeDeploy with these deployments, a hundred a page. */
function codedeploy(all: readonly JsonObject[]) {
  return fakeAws(({ operation, input }: AwsCall): JsonObject => {
    if (operation === 'BatchGetDeployments') {
      const ids = input['deploymentIds'] as readonly string[];
      if (ids.length > 25) throw new Error('BatchGetDeployments takes 25');
      return { deploymentsInfo: all.filter(({ deploymentId }) => ids.includes(deploymentId as string)) };
    }
    const from = Number(input['nextToken'] ?? 0);
    const deployments = all.slice(from, from + 100).map(({ deploymentId }) => deploymentId as string);
    return from + 100 < all.length ? { deployments, nextToken: String(from + 100) } : { deployments };
  });
}

function deployment(id: string, creator: string, more: JsonObject = {}): JsonObject {
  return {
    ...{ deploymentId: id, createTime: t0, creator, status: 'Succeeded' },
    ...{ revision: s3('v2.zip'), previousRevision: s3('v1.zip'), ...more },
  };
}

describe('what AWS delivers by itself', () => {
  it('leaves it to CloudTrail who asked for a deployment, so that our own is known as ours', async () => {
    const { changes } = await lookAtDeliveries(
      'aws',
      [app],
      codedeploy([deployment('d-1', 'user')]),
      t0 - minute,
      never,
    );
    expect(changes[0]?.actor).toBeUndefined();
    expect(changes[0]?.attributes).toMatchObject({ creator: 'user', deployment: 'd-1' });
    const userIdentity = {
      ...{ type: 'AssumedRole', arn: 'arn:aws:sts::123456789012:assumed-role/operator/watchkeeper-0f3a' },
    };
    const requestParameters = { applicationName: 'shop', deploymentGroupName: 'web' };
    const event = {
      ...{ EventId: 'e', EventName: 'CreateDeployment', EventSource: 'codedeploy.amazonaws.com', EventTime: t0 },
      CloudTrailEvent: JSON.stringify({ userIdentity, requestParameters }),
    };
    const trail = createTrail(
      'aws',
      fakeAws(() => ({ Events: [event] })),
      minute,
    );
    const { events } = await trail.look([{ region: 'eu-west-1' }], t0 + minute, never);
    const nothing = { states: new Map(), faults: new Map() };
    const looks = { watched: [app], ecs: nothing, lambda: nothing, delivered: changes, events };
    const told = createChangeDesk().take(gathered('aws', looks, new Map(), t0 + minute), t0 + minute);
    expect(told).toMatchObject([{ kind: 'deploy', actor: 'watchkeeper', ref: '0f3a' }]);
  });

  it('names the service that deployed of itself, and tells no deploy of the same revision to a new instance', async () => {
    const aws = codedeploy([
      deployment('d-1', 'codeDeployRollback', { rollbackInfo: { rollbackTriggeringDeploymentId: 'd-0' } }),
      deployment('d-2', 'autoscaling', { previousRevision: s3('v2.zip') }),
      deployment('d-3', 'autoscaling', { previousRevision: null }),
      deployment('d-4', 'autoscaling'),
    ]);
    const { changes } = await lookAtDeliveries('aws', [app], aws, t0 - minute, never);
    expect(changes.map(({ ref, kind, actor }) => [ref, kind, actor])).toEqual([
      ['d-1', 'rollback', 'codedeploy.amazonaws.com'],
      ['d-4', 'deploy', 'autoscaling.amazonaws.com'],
    ]);
  });

  it('reads page after page, and says when there is more than it reads', async () => {
    const many = (count: number): JsonObject[] =>
      Array.from({ length: count }, (_none, at) => deployment(`d-${at}`, 'user'));
    const some = await lookAtDeliveries('aws', [app], codedeploy(many(130)), t0 - minute, never);
    expect([some.changes.length, some.faults.size]).toEqual([130, 0]);
    const all = await lookAtDeliveries('aws', [app], codedeploy(many(420)), t0 - minute, never);
    expect(all.changes).toHaveLength(200);
    expect([...all.faults.values()]).toMatchObject([{ reason: 'partial' }]);
  });

  it('reads what Auto Scaling did until it is older than what is asked for', async () => {
    let asked = 0;
    const every = (stepMs: number) =>
      fakeAws(({ input }): JsonObject => {
        asked++;
        const from = Number(input['NextToken'] ?? 0);
        const Activities = Array.from({ length: 100 }, (_none, at) => ({
          ...{ ActivityId: `a-${from + at}`, StartTime: t0 - (from + at) * stepMs, Cause: 'an instance was replaced' },
        }));
        return { Activities, NextToken: String(from + 100) };
      });
    const some = await lookAtDeliveries('aws', [group], every(6_000), t0 - 15 * minute, never);
    expect([some.changes.length, some.faults.size, asked]).toEqual([151, 0, 2]);
    const all = await lookAtDeliveries('aws', [group], every(1), t0 - 15 * minute, never);
    expect([all.changes.length, [...all.faults.values()][0]?.reason]).toEqual([500, 'partial']);
  });
});
