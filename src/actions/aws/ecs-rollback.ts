import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { oneLine } from '../../lib/text.ts';
import type { AwsSession } from '../../domain/ports/aws.ts';
import {
  ecsAccess,
  ecsFacts,
  readService,
  revisionName,
  rollingBlast,
  untilDeployed,
  whoElse,
  type EcsService,
} from './ecs.ts';
import { ecsRolesOf, passRole, passingRoles } from './ecs-roles.ts';
import { actSession } from './place.ts';
import { swapAction, type Reach, type SwapLook } from './swap.ts';

const revision = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,255}:\d{1,9}$/, 'must be a revision of a task definition, such as web:41');
const params = z.strictObject({
  /** The task definition to go back to. Default: the one that is being replaced, else the one before, of the same family. */
  toRevision: revision.exactOptional(),
  /** The one that is blamed. When another one is set by now, nothing is done. */
  from: revision.exactOptional(),
});
type Params = z.infer<typeof params>;

/** Puts an ECS service back to an earlier task definition, and waits until it is rolled out. */
export const ecsRollback = swapAction<Params, 'ecs'>({
  kind: 'aws.ecs-rollback',
  summary: 'Put an ECS service back to an earlier task definition and wait until it is rolled out',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'ecs',
  setting: 'task definition',
  access: ecsAccess,
  roleNeeds: () => [passRole(passingRoles)],
  look,
  read: async (reach) => ({ value: (await readService(reach)).taskDefinition }),
  write: async (reach, to, _now, key) => {
    const { place, context } = reach;
    const input = { cluster: place.resource.cluster, service: place.resource.service, taskDefinition: to };
    const session = await passingSession(reach, to, key);
    await session.ask({ service: 'ecs', operation: 'UpdateService', input }, context.signal);
  },
  finish: untilDeployed,
});

// Whoever sets a task definition passes its roles to ECS: what was minted before it was read does not allow that.
async function passingSession(reach: Reach<'ecs'>, to: string, key: string): Promise<AwsSession> {
  const { place, session, context } = reach;
  const roles = await ecsRolesOf(to, reach);
  if (roles.length === 0) return session;
  const { look: reads, act } = ecsAccess(place);
  return actSession(place, { look: reads, act: [...act, passRole(roles)] }, key, context);
}

async function look(given: Params, reach: Reach<'ecs'>): Promise<SwapLook> {
  const found = await readService(reach);
  const { taskDefinition, controller } = found;
  const earlier = await earlierOf(found, reach);
  const to = given.toRevision ?? replaced(found) ?? earlier[0];
  const blamed = given.from === taskDefinition;
  const busy = whoElse(found, blamed);
  const base = {
    now: { value: taskDefinition },
    facts: { ...ecsFacts(found), revisions: earlier.length + 1, candidates: [...earlier] },
    blast: rollingBlast(found, reach.place.resource.service),
    ...(busy === undefined ? {} : { busy }),
  };
  if (controller !== 'ECS')
    return { ...base, to: { refused: `${controller} deploys it: its task definition is not ours to set` } };
  if (given.from !== undefined && !blamed)
    return { ...base, to: { refused: `${given.from} is blamed, and ${taskDefinition} is set by now` } };
  if (to === undefined) return { ...base, to: { refused: `there is no task definition before ${taskDefinition}` } };
  const [was, will] = await Promise.all([imagesOf(taskDefinition, reach), imagesOf(to, reach)]);
  if (will === undefined) return { ...base, to: { refused: `task definition ${to} is gone` } };
  return {
    ...base,
    to,
    facts: { ...base.facts, image: was ?? '', toImage: will },
    diff: [`image: ${was ?? '?'} → ${will}`],
  };
}

function replaced({ deployments, primary, taskDefinition }: EcsService): string | undefined {
  const others = deployments.filter(({ status, id }) => status === 'ACTIVE' && id !== primary?.id);
  const [newest] = others.sort((a, b) => b.createdAt - a.createdAt);
  const name = newest === undefined ? undefined : revisionName(newest.taskDefinition);
  return name === taskDefinition ? undefined : name;
}

// Revisions of the family that can still be run, below the one that is set; the highest first.
async function earlierOf(
  { taskDefinition }: EcsService,
  { session, context }: Reach<'ecs'>,
): Promise<readonly string[]> {
  const [family = '', current = '0'] = taskDefinition.split(':');
  const input = { familyPrefix: family, status: 'ACTIVE', sort: 'DESC', maxResults: 100 };
  const answer = await session.ask({ service: 'ecs', operation: 'ListTaskDefinitions', input }, context.signal);
  const { taskDefinitionArns } = z.object({ taskDefinitionArns: z.array(z.string()).default([]) }).parse(answer);
  return taskDefinitionArns
    .map(revisionName)
    .filter((name) => name.startsWith(`${family}:`) && numberOf(name) < Number(current))
    .sort((a, b) => numberOf(b) - numberOf(a));
}

function numberOf(name: string): number {
  return Number(name.slice(name.lastIndexOf(':') + 1));
}

const definition = z.object({
  taskDefinition: z
    .object({
      status: z.string().default('ACTIVE'),
      containerDefinitions: z.array(z.object({ image: z.string().default('') })).default([]),
    })
    .optional(),
});

// Undefined when it is gone; an inactive one cannot be set any more.
async function imagesOf(name: string, { session, context }: Reach<'ecs'>): Promise<string | undefined> {
  try {
    const input = { taskDefinition: name };
    const answer = await session.ask({ service: 'ecs', operation: 'DescribeTaskDefinition', input }, context.signal);
    const { taskDefinition: found } = definition.parse(answer);
    if (found === undefined || found.status !== 'ACTIVE') return undefined;
    return oneLine(found.containerDefinitions.map(({ image }) => image).join(', '), 300);
  } catch (thrown) {
    const { code } = WatchkeeperError.from(thrown);
    if (code === 'not-found' || code === 'config-invalid') return undefined;
    throw thrown;
  }
}
