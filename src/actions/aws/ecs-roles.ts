import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import type { AwsStatement } from '../../domain/ports/aws.ts';
import type { Reach } from './swap.ts';

const definition = z.object({
  taskDefinition: z.object({ taskRoleArn: z.string().nullish(), executionRoleArn: z.string().nullish() }).optional(),
});
const aRole = /^arn:[a-z-]+:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/;

/** Every role: which of them a task definition names is known only once it was read. */
export const passingRoles: readonly string[] = ['arn:{partition}:iam::{account}:role/*'];

/** To pass roles to ECS, for its tasks, and to no other service. */
export function passRole(roles: readonly string[]): AwsStatement {
  return {
    actions: ['iam:PassRole'],
    resources: roles,
    condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
  };
}

/** The roles that a task definition names: of its tasks, and of what starts them. */
export async function ecsRolesOf(name: string, { session, context }: Reach<'ecs'>): Promise<readonly string[]> {
  const input = { taskDefinition: name };
  const answer = await session.ask({ service: 'ecs', operation: 'DescribeTaskDefinition', input }, context.signal);
  const { taskRoleArn, executionRoleArn } = definition.parse(answer).taskDefinition ?? {};
  const roles = [taskRoleArn, executionRoleArn].flatMap((one) => (one ? [arnOf(one)] : []));
  return [...new Set(roles)].sort();
}

// A definition may name a role by its name alone. What is no role's ARN could say more in a policy than one role.
function arnOf(role: string): string {
  const arn = role.startsWith('arn:') ? role : `arn:{partition}:iam::{account}:role/${role}`;
  if (aRole.test(arn.replace('{partition}', 'aws').replace('{account}', '000000000000'))) return arn;
  throw new WatchkeeperError('conflict', 'the task definition names a role that is none');
}
