import * as z from 'zod';

import type { AwsReader } from '../../../domain/ports/aws.ts';
import { faultOfError, type ReadFault } from '../../../io/clients/http-reader.ts';
import { cornerName, type Corner, type Watched } from '../watched.ts';

/** One deployment of an ECS service, as it tells of it. */
export interface EcsDeployment {
  readonly id: string;
  readonly status: string;
  /** `web:41`: the family and revision of its task definition. */
  readonly taskDefinition: string;
  readonly desired: number;
  readonly running: number;
  readonly pending: number;
  readonly failedTasks: number;
  readonly rolloutState: string;
  readonly reason: string;
  readonly createdMs: number;
}

/** An ECS service as it is now. */
export interface EcsState {
  readonly arn: string;
  readonly desired: number;
  readonly running: number;
  readonly pending: number;
  /** What it is meant to run: `web:41`. Under CodeDeploy there are no deployments of its own, and this alone tells. */
  readonly taskDefinition: string;
  readonly deployments: readonly EcsDeployment[];
  readonly primary?: EcsDeployment;
  /** Its newest word: `(service web) was unable to place a task …`. */
  readonly said: string;
}

const deployment = z.object({
  id: z.string().default(''),
  status: z.string().default(''),
  taskDefinition: z.string().default(''),
  desiredCount: z.number().default(0),
  runningCount: z.number().default(0),
  pendingCount: z.number().default(0),
  failedTasks: z.number().default(0),
  rolloutState: z.string().default(''),
  rolloutStateReason: z.string().default(''),
  createdAt: z.number().default(0),
});

/** The answer to DescribeServices, as far as it is used. */
export const servicesAnswer = z.object({
  services: z
    .array(
      z.object({
        serviceArn: z.string(),
        serviceName: z.string(),
        status: z.string().default(''),
        desiredCount: z.number().default(0),
        runningCount: z.number().default(0),
        pendingCount: z.number().default(0),
        taskDefinition: z.string().default(''),
        deployments: z.array(deployment).default([]),
        events: z.array(z.object({ message: z.string().optional(), createdAt: z.number().optional() })).default([]),
        deploymentController: z.object({ type: z.string().optional() }).optional(),
        schedulingStrategy: z.string().optional(),
      }),
    )
    .default([]),
});

/** `web:41` of a task definition's ARN. */
export function revisionName(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

/** What a look at ECS gave: each place's state, or why it is not known. */
export interface EcsLook {
  readonly states: ReadonlyMap<Watched, EcsState>;
  readonly faults: ReadonlyMap<Watched, ReadFault>;
}

// DescribeServices takes so many.
const perCall = 10;

/** Looks at every ECS service among the places. What cannot be read is a fault of its own; the rest stands. */
export async function lookAtEcs(watched: readonly Watched[], reader: AwsReader, signal: AbortSignal): Promise<EcsLook> {
  const states = new Map<Watched, EcsState>();
  const faults = new Map<Watched, ReadFault>();
  await Promise.all(
    callsOf(watched).map(async ({ corner, cluster, of }) => {
      const input = { cluster, services: of.map(({ name }) => name) };
      try {
        const answer = await reader.ask({ ...corner, service: 'ecs', operation: 'DescribeServices', input }, signal);
        const parsed = servicesAnswer.safeParse(answer);
        for (const { one, name } of of) {
          const found = parsed.data?.services.find(({ serviceName }) => serviceName === name);
          if (found !== undefined) states.set(one, stateOf(found));
          else if (parsed.success)
            faults.set(one, {
              reason: 'missing',
              message: `there is no ECS service ${cluster}/${name} in ${cornerName(corner)}`,
            });
          else faults.set(one, { reason: 'malformed', message: 'ECS answered what is no answer to DescribeServices' });
        }
      } catch (thrown) {
        for (const { one } of of) faults.set(one, faultOfError(thrown));
      }
    }),
  );
  return { states, faults };
}

interface Call {
  readonly corner: Corner;
  readonly cluster: string;
  readonly of: { readonly one: Watched; readonly name: string }[];
}

function callsOf(watched: readonly Watched[]): readonly Call[] {
  const calls: Call[] = [];
  const open = new Map<string, Call>();
  for (const one of watched) {
    const { resource, region, account } = one.place;
    if (resource.is !== 'ecs') continue;
    const corner = { region, ...(account === undefined ? {} : { account }) };
    const key = `${cornerName(corner)} ${resource.cluster}`;
    let call = open.get(key);
    if (call === undefined || call.of.length >= perCall) {
      call = { corner, cluster: resource.cluster, of: [] };
      open.set(key, call);
      calls.push(call);
    }
    call.of.push({ one, name: resource.service });
  }
  return calls;
}

function stateOf(found: z.infer<typeof servicesAnswer>['services'][number]): EcsState {
  const deployments = found.deployments.map((one): EcsDeployment => ({
    id: one.id,
    status: one.status,
    taskDefinition: revisionName(one.taskDefinition),
    desired: one.desiredCount,
    running: one.runningCount,
    pending: one.pendingCount,
    failedTasks: one.failedTasks,
    rolloutState: one.rolloutState,
    reason: one.rolloutStateReason,
    createdMs: one.createdAt,
  }));
  const primary = deployments.find(({ status }) => status === 'PRIMARY');
  const newest = [...found.events].sort((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0))[0];
  return {
    arn: found.serviceArn,
    desired: found.desiredCount,
    running: found.runningCount,
    pending: found.pendingCount,
    taskDefinition: revisionName(found.taskDefinition) || (primary?.taskDefinition ?? ''),
    deployments,
    ...(primary === undefined ? {} : { primary }),
    said: newest?.message ?? '',
  };
}
