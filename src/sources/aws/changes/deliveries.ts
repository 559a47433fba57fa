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
        const partial = (message: string): void => void faults.set(of, { reason: 'partial', message });
        return (await read({ source, of, reader, sinceMs, partial, signal })).filter(({ atMs }) => atMs >= sinceMs);
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
  /** Says that there is more than was read. */
  readonly partial: (message: string) => void;
  readonly signal: AbortSignal;
}

const readers: Readonly<Record<string, ((asked: Asked) => Promise<readonly Found[]>) | undefined>> = {
  codedeploy: deploymentsOf,
  stack: stackOf,
  'auto-scaling-group': activitiesOf,
};

// Of one place in one look: a few minutes' worth, but two hours' at the first look.
const mostDeployments = 200;
const mostActivities = 500;

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
const listed = z.object({ deployments: z.array(z.string()).default([]), nextToken: z.string().nullish() });
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

// What is deployed of itself is nobody's call; of anything else CloudTrail knows who asked for it.
const creators: Readonly<Record<string, string>> = {
  autoscaling: 'autoscaling.amazonaws.com',
  codeDeployRollback: 'codedeploy.amazonaws.com',
  CodeDeployAutoUpdate: 'codedeploy.amazonaws.com',
};

async function deploymentsOf({ source, of, reader, sinceMs, partial, signal }: Asked): Promise<readonly Found[]> {
  const { resource, region, account } = of.place;
  if (resource.is !== 'codedeploy') return [];
  const corner = { region, ...(account === undefined ? {} : { account }), service: 'codedeploy' } as const;
  const input = {
    ...{ applicationName: resource.application, deploymentGroupName: resource.group },
    createTimeRange: { start: new Date(sinceMs) },
  };
  const ids: string[] = [];
  let next: string | undefined;
  do {
    const page = { ...input, ...(next === undefined ? {} : { nextToken: next }) };
    const list = listed.parse(await reader.ask({ ...corner, operation: 'ListDeployments', input: page }, signal));
    ids.push(...list.deployments);
    next = list.nextToken || undefined;
  } while (next !== undefined && ids.length < mostDeployments);
  if (next !== undefined || ids.length > mostDeployments)
    partial(`CodeDeploy has more than ${mostDeployments} deployments of ${of.service}: the first were read`);
  const infos: Deployed[] = [];
  // BatchGetDeployments takes 25.
  for (let at = 0; at < Math.min(ids.length, mostDeployments); at += 25) {
    const deploymentIds = ids.slice(at, at + 25);
    const got = await reader.ask({ ...corner, operation: 'BatchGetDeployments', input: { deploymentIds } }, signal);
    infos.push(...detailed.parse(got).deploymentsInfo);
  }
  return infos.flatMap((one): readonly Found[] => {
    const from = revisionText(one.previousRevision);
    const to = revisionText(one.revision) ?? one.deploymentId;
    // A new instance of a group gets what the others have.
    if (one.creator === 'autoscaling' && (from ?? to) === to) return [];
    const actor = creators[one.creator ?? ''];
    const isBack = (one.rollbackInfo?.rollbackTriggeringDeploymentId ?? '') !== '';
    const attributes = { region, status: one.status ?? '', deployment: one.deploymentId };
    const change: Found = {
      ...{ region, source, service: of.service, what: awsResourceName(resource), atMs: one.createTime },
      id: digest(['aws-codedeploy', of.service, placeKey(of), one.deploymentId]),
      kind: isBack ? 'rollback' : 'deploy',
      ...(from === undefined ? {} : { from }),
      ...{ to, ref: one.deploymentId },
      ...(actor === undefined ? {} : { actor }),
      attributes: one.creator ? { ...attributes, creator: oneLine(one.creator, 100) } : attributes,
    };
    return [change];
  });
}

type Deployed = z.infer<typeof detailed>['deploymentsInfo'][number];

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
  NextToken: z.string().nullish(),
});
type Activity = z.infer<typeof activities>['Activities'][number];

async function activitiesOf({ source, of, reader, sinceMs, partial, signal }: Asked): Promise<readonly Found[]> {
  const { resource, region, account } = of.place;
  if (resource.is !== 'auto-scaling-group') return [];
  const call = { region, ...(account === undefined ? {} : { account }), service: 'autoscaling' } as const;
  const all: Activity[] = [];
  let next: string | undefined;
  do {
    const page = next === undefined ? {} : { NextToken: next };
    const input = { AutoScalingGroupName: resource.name, MaxRecords: 100, ...page };
    const answer = await reader.ask({ ...call, operation: 'DescribeScalingActivities', input }, signal);
    const { Activities, NextToken } = activities.parse(answer);
    all.push(...Activities);
    // Those under way come first, then the newest.
    next = (Activities.at(-1)?.StartTime ?? 0) < sinceMs ? undefined : NextToken || undefined;
  } while (next !== undefined && all.length < mostActivities);
  if (next !== undefined)
    partial(`Auto Scaling did more than ${mostActivities} things with ${of.service}: the newest were read`);
  return all.map((one): Found => {
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
