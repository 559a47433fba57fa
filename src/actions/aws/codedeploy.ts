import * as z from 'zod';

import type { AwsValue } from '../../domain/ports/aws.ts';
import { oneLine } from '../../lib/text.ts';
import type { Reach } from './swap.ts';

/** One deployment, as a hand sees it. */
export interface Deployment {
  readonly id: string;
  readonly status: string;
  /** As changes call it: `bucket/key@version`, `owner/repo@commit`, a hash; else the deployment's own id. */
  readonly revisionName: string;
  /** What CreateDeployment takes to deploy it again. */
  readonly revision?: Readonly<Record<string, AwsValue>>;
  readonly createdMs: number;
  /** Instances, tasks or functions that it is about. */
  readonly instances: number;
  readonly config: string;
  readonly error: string;
}

const text = z.string().nullish();
const revision = z.object({
  revisionType: text,
  s3Location: z.object({ bucket: text, key: text, version: text, eTag: text, bundleType: text }).nullish(),
  gitHubLocation: z.object({ repository: text, commitId: text }).nullish(),
  string: z.object({ content: text, sha256: text }).nullish(),
  appSpecContent: z.object({ content: text, sha256: text }).nullish(),
});
const listed = z.object({ deployments: z.array(z.string()).default([]) });
const detailed = z.object({
  deploymentsInfo: z
    .array(
      z.object({
        ...{ deploymentId: z.string(), status: z.string().default(''), createTime: z.number().default(0) },
        ...{ revision: revision.nullish(), deploymentConfigName: text },
        deploymentOverview: z.record(z.string(), z.number().nullish()).nullish(),
        errorInformation: z.object({ code: text, message: text }).nullish(),
      }),
    )
    .default([]),
});
// BatchGetDeployments takes so many.
const most = 25;

/** The newest deployments of the group, the newest first. */
export async function readDeployments({
  place,
  session,
  context,
}: Reach<'codedeploy'>): Promise<readonly Deployment[]> {
  const { application, group } = place.resource;
  const ask = (operation: string, input: Readonly<Record<string, AwsValue>>) =>
    session.ask({ service: 'codedeploy', operation, input }, context.signal);
  const list = listed.parse(await ask('ListDeployments', { applicationName: application, deploymentGroupName: group }));
  // The newest come first, a hundred of them.
  const deploymentIds = list.deployments.slice(0, most);
  if (deploymentIds.length === 0) return [];
  const { deploymentsInfo } = detailed.parse(await ask('BatchGetDeployments', { deploymentIds }));
  return deploymentsInfo
    .map((one): Deployment => {
      const location = one.revision ?? undefined;
      return {
        ...{ id: one.deploymentId, status: one.status, createdMs: one.createTime },
        revisionName: nameOf(location) ?? one.deploymentId,
        ...(location === undefined ? {} : { revision: withoutNulls(location) as Readonly<Record<string, AwsValue>> }),
        instances: Object.values(one.deploymentOverview ?? {}).reduce<number>((sum, count) => sum + (count ?? 0), 0),
        config: one.deploymentConfigName ?? '',
        error: one.errorInformation?.message ?? '',
      };
    })
    .sort((a, b) => b.createdMs - a.createdMs);
}

/** Whether it has not ended yet. */
export function isGoing({ status }: Deployment): boolean {
  return !['Succeeded', 'Failed', 'Stopped'].includes(status);
}

// The same words as the source gives changes, so that a change's `from` and `to` can be given as parameters.
function nameOf(one: z.infer<typeof revision> | undefined): string | undefined {
  const { s3Location: s3, gitHubLocation: git, string, appSpecContent } = one ?? {};
  const words =
    (s3?.key && `${s3.bucket ?? ''}/${s3.key}${s3.version ? `@${s3.version}` : ''}`) ||
    (git?.commitId && `${git.repository ?? ''}@${git.commitId}`) ||
    (string?.sha256 ?? appSpecContent?.sha256);
  return words ? oneLine(words, 300) : undefined;
}

function withoutNulls(value: object): object {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
      inner === null || inner === undefined
        ? []
        : [[key, typeof inner === 'object' ? withoutNulls(inner) : inner] as const],
    ),
  );
}
