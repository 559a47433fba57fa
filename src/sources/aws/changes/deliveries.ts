import * as z from 'zod';

import type { AwsReader } from '../../../domain/ports/aws.ts';
import { awsResourceName } from '../../../domain/places.ts';
import { digest } from '../../../lib/canonical.ts';
import type { Found } from '../../../io/clients/cloud/change-desk.ts';
import { faultOfError, type ReadFault } from '../../../io/clients/http-reader.ts';
import { oneLine } from '../../../lib/text.ts';
import type { Watched } from '../watched.ts';
import { placeKey } from './rollouts.ts';

/** What a look at deliveries gave: changes since a time, and why some places are not known. */
export interface DeliveryLook {
  readonly changes: readonly Found[];
  readonly faults: ReadonlyMap<Watched, ReadFault>;
}

/** Reads what CodeDeploy, CloudFormation and Auto Scaling did since a time; each keeps that past itself. */
export async function lookAtDeliveries(
  source: string,
  watched: readonly Watched[],
  reader: AwsReader,
  sinceMs: number,
  signal: AbortSignal,
): Promise<DeliveryLook> {
  const faults = new Map<Watched, ReadFault>();
  const all = await Promise.all(
    watched.map(async (of): Promise<readonly Found[]> => {
      const read = readers[of.place.resource.is];
      if (read === undefined) return [];
      try {
        return (await read({ source, of, reader, sinceMs, signal })).filter(({ atMs }) => atMs >= sinceMs);
      } catch (thrown) {
        faults.set(of, faultOfError(thrown));
        return [];
      }
    }),
  );
  return { changes: all.flat(), faults };
}

interface Asked {
  readonly source: string;
  readonly of: Watched;
  readonly reader: AwsReader;
  readonly sinceMs: number;
  readonly signal: AbortSignal;
}

const readers: Readonly<Record<string, ((asked: Asked) => Promise<readonly Found[]>) | undefined>> = {
  codedeploy: deploymentsOf,
  stack: stackOf,
  'auto-scaling-group': activitiesOf,
};

const revision = z
  .object({
    revisionType: z.string().nullish(),
    s3Location: z
      .object({ bucket: z.string().nullish(), key: z.string().nullish(), version: z.string().nullish() })
      .nullish(),
    gitHubLocation: z.object({ repository: z.string().nullish(), commitId: z.string().nullish() }).nullish(),
    string: z.object({ sha256: z.string().nullish() }).nullish(),
    appSpecContent: z.object({ sha256: z.string().nullish() }).nullish(),
  })
  .nullish();
const listed = z.object({ deployments: z.array(z.string()).default([]) });
const detailed = z.object({
  deploymentsInfo: z
    .array(
      z.object({
        deploymentId: z.string(),
        createTime: z.number(),
        creator: z.string().nullish(),
        status: z.string().nullish(),
        revision,
        previousRevision: revision,
        rollbackInfo: z.object({ rollbackTriggeringDeploymentId: z.string().nullish() }).nullish(),
      }),
    )
    .default([]),
});

async function deploymentsOf({ source, of, reader, sinceMs, signal }: Asked): Promise<readonly Found[]> {
  const { resource, region, account } = of.place;
  if (resource.is !== 'codedeploy') return [];
  const corner = { region, ...(account === undefined ? {} : { account }), service: 'codedeploy' } as const;
  const input = {
    ...{ applicationName: resource.application, deploymentGroupName: resource.group },
    createTimeRange: { start: new Date(sinceMs) },
  };
  const list = listed.parse(await reader.ask({ ...corner, operation: 'ListDeployments', input }, signal));
  // BatchGetDeployments takes 25.
  const deploymentIds = list.deployments.slice(0, 25);
  if (deploymentIds.length === 0) return [];
  const got = await reader.ask({ ...corner, operation: 'BatchGetDeployments', input: { deploymentIds } }, signal);
  return detailed.parse(got).deploymentsInfo.map((one): Found => {
    const from = revisionText(one.previousRevision);
    const isBack = (one.rollbackInfo?.rollbackTriggeringDeploymentId ?? '') !== '';
    return {
      ...{ region, source, service: of.service, what: awsResourceName(resource), atMs: one.createTime },
      id: digest(['aws-codedeploy', of.service, placeKey(of), one.deploymentId]),
      kind: isBack ? 'rollback' : 'deploy',
      ...(from === undefined ? {} : { from }),
      to: revisionText(one.revision) ?? one.deploymentId,
      ...(one.creator ? { actor: oneLine(one.creator, 100) } : {}),
      ref: one.deploymentId,
      attributes: { region, status: one.status ?? '' },
    };
  });
}

function revisionText(one: z.infer<typeof revision>): string | undefined {
  const { s3Location: s3, gitHubLocation: git, string, appSpecContent } = one ?? {};
  const text =
    (s3?.key && `${s3.bucket ?? ''}/${s3.key}${s3.version ? `@${s3.version}` : ''}`) ||
    (git?.commitId && `${git.repository ?? ''}@${git.commitId}`) ||
    (string?.sha256 ?? appSpecContent?.sha256);
  return text ? oneLine(text, 300) : undefined;
}

const stacks = z.object({
  Stacks: z
    .array(z.object({ StackStatus: z.string(), LastUpdatedTime: z.number().nullish(), CreationTime: z.number() }))
    .default([]),
});

async function stackOf({ source, of, reader, signal }: Asked): Promise<readonly Found[]> {
  const { resource, region, account } = of.place;
  if (resource.is !== 'stack') return [];
  const call = { region, ...(account === undefined ? {} : { account }), service: 'cloudformation' } as const;
  const answer = await reader.ask(
    { ...call, operation: 'DescribeStacks', input: { StackName: resource.name } },
    signal,
  );
  return stacks.parse(answer).Stacks.map((one): Found => {
    const atMs = one.LastUpdatedTime ?? one.CreationTime;
    return {
      ...{ region, source, service: of.service, what: awsResourceName(resource), atMs },
      id: digest(['aws-stack', of.service, placeKey(of), atMs]),
      kind: one.StackStatus.includes('ROLLBACK') ? 'rollback' : 'deploy',
      to: one.StackStatus,
      attributes: { region },
    };
  });
}

const activities = z.object({
  Activities: z
    .array(
      z.object({
        ActivityId: z.string(),
        StartTime: z.number(),
        Cause: z.string().default(''),
        Description: z.string().nullish(),
      }),
    )
    .default([]),
});

async function activitiesOf({ source, of, reader, signal }: Asked): Promise<readonly Found[]> {
  const { resource, region, account } = of.place;
  if (resource.is !== 'auto-scaling-group') return [];
  const call = { region, ...(account === undefined ? {} : { account }), service: 'autoscaling' } as const;
  const input = { AutoScalingGroupName: resource.name, MaxRecords: 50 };
  const answer = await reader.ask({ ...call, operation: 'DescribeScalingActivities', input }, signal);
  return activities.parse(answer).Activities.map((one): Found => {
    // "… increasing the capacity from 2 to 4." is how it says it.
    const [, from, to] = /capacity from (\d+) to (\d+)/.exec(one.Cause) ?? [];
    return {
      ...{ region, source, service: of.service, what: awsResourceName(resource), atMs: one.StartTime },
      id: digest(['aws-scaling', of.service, placeKey(of), one.ActivityId]),
      kind: /unhealthy|health-check|health check/i.test(one.Cause) ? 'restart' : 'scale',
      ...(from === undefined ? {} : { from }),
      to: to ?? oneLine(one.Description ?? one.Cause, 120),
      actor: 'autoscaling.amazonaws.com',
      attributes: { region, cause: oneLine(one.Cause, 300) },
    };
  });
}
