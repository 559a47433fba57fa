import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { oneLine } from '../../lib/text.ts';
import type { ActionResult, AwsAccess } from '../../domain/ports/action.ts';
import type { BlastRadius } from '../../domain/remediation.ts';
import type { PlaceOf } from './place.ts';
import type { Reach } from './swap.ts';

const deployment = z.object({
  id: z.string().default(''),
  status: z.string().default(''),
  taskDefinition: z.string().default(''),
  rolloutState: z.string().default(''),
  rolloutStateReason: z.string().default(''),
  failedTasks: z.number().default(0),
  createdAt: z.number().default(0),
});
const services = z.object({
  services: z
    .array(
      z.object({
        serviceArn: z.string(),
        status: z.string().default(''),
        desiredCount: z.number(),
        runningCount: z.number().default(0),
        pendingCount: z.number().default(0),
        taskDefinition: z.string().default(''),
        deployments: z.array(deployment).default([]),
        deploymentController: z.object({ type: z.string().optional() }).nullish(),
        deploymentConfiguration: z.object({ minimumHealthyPercent: z.number().nullish() }).nullish(),
        schedulingStrategy: z.string().default('REPLICA'),
      }),
    )
    .default([]),
});

/** An ECS service as a hand sees it. */
export interface EcsService extends Omit<z.infer<typeof services>['services'][number], 'taskDefinition'> {
  /** `web:42`. */
  readonly taskDefinition: string;
  readonly primary?: z.infer<typeof deployment>;
  /** ECS, CODE_DEPLOY or EXTERNAL. */
  readonly controller: string;
}

/** What acting on an ECS service needs: UpdateService on this one, and reads. */
export function ecsAccess({ region, resource: { cluster, service } }: PlaceOf<'ecs'>): AwsAccess {
  const arn = `arn:{partition}:ecs:${region}:{account}:service/${cluster}/${service}`;
  return {
    look: [
      { actions: ['ecs:DescribeServices'], resources: [arn] },
      // These know no resource.
      { actions: ['ecs:DescribeTaskDefinition', 'ecs:ListTaskDefinitions'], resources: ['*'] },
    ],
    act: [{ actions: ['ecs:UpdateService'], resources: [arn] }],
  };
}

/** Reads the service. @throws `not-found` when there is none, or it is being removed. */
export async function readService({ place, session, context }: Reach<'ecs'>): Promise<EcsService> {
  const { cluster, service } = place.resource;
  const input = { cluster, services: [service] };
  const answer = await session.ask({ service: 'ecs', operation: 'DescribeServices', input }, context.signal);
  const [found] = services.parse(answer).services;
  if (found === undefined || (found.status !== '' && found.status !== 'ACTIVE'))
    throw new WatchkeeperError('not-found', `there is no ECS service ${cluster}/${service} in ${place.region}`);
  const primary = found.deployments.find(({ status }) => status === 'PRIMARY');
  return {
    ...found,
    taskDefinition: revisionName(found.taskDefinition),
    ...(primary === undefined ? {} : { primary }),
    controller: found.deploymentController?.type ?? 'ECS',
  };
}

/** `web:41` of an ARN. */
export function revisionName(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

/** How many tasks a rolling deployment may take away at once, by the service's own configuration. */
export function rollingBlast(found: EcsService, name: string): BlastRadius {
  const { desiredCount: total, runningCount: healthyNow } = found;
  const least = Math.ceil((total * (found.deploymentConfiguration?.minimumHealthyPercent ?? 100)) / 100);
  const away = Math.max(0, Math.min(total, total - least));
  return {
    ...{ touched: Math.max(1, away), total: Math.max(1, total), healthyNow },
    healthyAfter: Math.max(0, healthyNow - away),
    ...{ targets: [name], dependents: [] },
  };
}

/** Who else deploys: a rollout under way that is not the one that is blamed. */
export function whoElse({ primary, deployments }: EcsService, blamed: boolean): string | undefined {
  const underWay = deployments.length > 1 || primary?.rolloutState === 'IN_PROGRESS';
  if (blamed || !underWay || primary === undefined || primary.rolloutState === 'FAILED') return undefined;
  return `a deployment of ${revisionName(primary.taskDefinition)} is under way`;
}

/** Facts of the service that every action of it tells. */
export function ecsFacts(found: EcsService): Readonly<Record<string, string | number>> {
  return {
    ...{ taskDefinition: found.taskDefinition, controller: found.controller, scheduling: found.schedulingStrategy },
    ...{ desired: found.desiredCount, running: found.runningCount, pending: found.pendingCount },
    ...{ rollout: found.primary?.rolloutState ?? '', failedTasks: found.primary?.failedTasks ?? 0 },
  };
}

/** Waits until the newest deployment is complete, within the act's own time. */
export async function untilDeployed(reach: Reach<'ecs'>, what: string): Promise<ActionResult> {
  const { clock } = reach.context.io;
  const untilMs = clock.monotonicMs() + reach.context.timeoutMs * 0.9;
  for (;;) {
    const { primary, desiredCount, runningCount, deployments } = await readService(reach);
    if (primary?.rolloutState === 'FAILED')
      return {
        is: 'failed',
        message: `${what} was rolled out and failed: ${oneLine(primary.rolloutStateReason, 300)}`,
      };
    const steady = deployments.length <= 1 && runningCount >= desiredCount;
    if (steady && (primary === undefined || primary.rolloutState === '' || primary.rolloutState === 'COMPLETED'))
      return { is: 'done', message: `${what} is rolled out: ${runningCount} of ${desiredCount} tasks run` };
    if (clock.monotonicMs() + limits.awsPollMs > untilMs)
      return { is: 'failed', message: `${what} was set, but ${runningCount} of ${desiredCount} tasks ran in time` };
    await clock.sleep(limits.awsPollMs, reach.context.signal);
  }
}
