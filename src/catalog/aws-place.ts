import * as z from 'zod';

import type { AwsPlace, AwsResource, Place } from '../domain/places.ts';

const name = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[A-Za-z0-9][\w.+=,@:/-]*$/, 'must be a name as AWS takes it');

const shape = z.strictObject({
  source: z.string().max(63).default('aws').describe('The id of the aws source that sees it.'),
  account: name.exactOptional().describe('Which of its accounts; not needed where there is one.'),
  region: z.string().regex(/^[a-z]{2}(-[a-z]+){1,2}-\d$/, 'must be a region such as eu-west-1'),
  ecs: z.strictObject({ cluster: name, service: name }).exactOptional(),
  lambda: z
    .strictObject({ function: name, alias: name.exactOptional() })
    .exactOptional()
    .describe('A function; with the alias that callers use, it can be put back to an earlier version.'),
  autoScalingGroup: name.exactOptional(),
  instance: name.exactOptional(),
  database: name.exactOptional(),
  databaseCluster: name.exactOptional(),
  codedeploy: z.strictObject({ application: name, group: name }).exactOptional(),
  stack: name.exactOptional(),
});

/** `{region: eu-west-1, ecs: {cluster: shop, service: web}}`: one resource of AWS; `source` is the aws source's id. */
export const awsPlace = shape
  .refine((written) => resources(written).length === 1, {
    message:
      'must name exactly one resource: ecs, lambda, autoScalingGroup, instance, database, databaseCluster, codedeploy or stack',
  })
  .describe('A resource of AWS');

/** The place that a checked `aws:` block means. */
export function placeInAws(written: z.output<typeof shape>): Place {
  const [resource] = resources(written);
  // The schema has made sure that there is exactly one.
  if (resource === undefined) throw new Error('an aws place without a resource');
  const { source, account, region } = written;
  const aws: AwsPlace = { source, ...(account === undefined ? {} : { account }), region, resource };
  return { on: 'aws', aws };
}

function resources(written: z.output<typeof shape>): readonly AwsResource[] {
  const { ecs, lambda, autoScalingGroup, instance, database, databaseCluster, codedeploy, stack } = written;
  return [
    ...(ecs === undefined ? [] : [{ is: 'ecs', ...ecs } as const]),
    ...(lambda === undefined ? [] : [{ is: 'lambda', ...lambda } as const]),
    ...(autoScalingGroup === undefined ? [] : [{ is: 'auto-scaling-group', name: autoScalingGroup } as const]),
    ...(instance === undefined ? [] : [{ is: 'instance', id: instance } as const]),
    ...(database === undefined ? [] : [{ is: 'database', id: database } as const]),
    ...(databaseCluster === undefined ? [] : [{ is: 'database-cluster', id: databaseCluster } as const]),
    ...(codedeploy === undefined ? [] : [{ is: 'codedeploy', ...codedeploy } as const]),
    ...(stack === undefined ? [] : [{ is: 'stack', name: stack } as const]),
  ];
}
