import * as z from 'zod';

import type { GcpPlace, GcpResource, Place } from '../domain/places.ts';

const name = z.string().regex(/^[a-z]([a-z0-9-]{0,96}[a-z0-9])?$/, 'must be a name as Google Cloud takes it');

const shape = z.strictObject({
  source: z.string().max(63).default('gcp').describe('The id of the gcp source that sees it.'),
  project: name.exactOptional().describe('Which of its projects; not needed where there is one.'),
  location: z
    .string()
    .regex(
      /^[a-z]+-[a-z]+\d{1,2}(-[a-z])?$/,
      'must be a region such as europe-west1, or a zone such as europe-west1-b',
    ),
  run: name.exactOptional().describe('A service of Cloud Run.'),
  instanceGroup: name.exactOptional().describe('A managed instance group.'),
  instance: name.exactOptional().describe('An instance of Compute Engine.'),
  sql: name.exactOptional().describe('An instance of Cloud SQL.'),
  deploy: z.strictObject({ pipeline: name, target: name }).exactOptional().describe('A target of Cloud Deploy.'),
});

/** `{location: europe-west1, run: web}`: one resource of Google Cloud; `source` is the gcp source's id. */
export const gcpPlace = shape
  .refine((written) => resources(written).length === 1, {
    message: 'must name exactly one resource: run, instanceGroup, instance, sql or deploy',
  })
  .refine(({ instance, location }) => instance === undefined || /-[a-z]$/.test(location), {
    message: 'an instance is in a zone, such as europe-west1-b',
  })
  .describe('A resource of Google Cloud');

/** The place that a checked `gcp:` block means. */
export function placeInGcp(written: z.output<typeof shape>): Place {
  const [resource] = resources(written);
  // The schema has made sure that there is exactly one.
  if (resource === undefined) throw new Error('a gcp place without a resource');
  const { source, project, location } = written;
  const gcp: GcpPlace = { source, ...(project === undefined ? {} : { project }), location, resource };
  return { on: 'gcp', gcp };
}

function resources(written: z.output<typeof shape>): readonly GcpResource[] {
  const { run, instanceGroup, instance, sql, deploy } = written;
  return [
    ...(run === undefined ? [] : [{ is: 'run', service: run } as const]),
    ...(instanceGroup === undefined ? [] : [{ is: 'instance-group', name: instanceGroup } as const]),
    ...(instance === undefined ? [] : [{ is: 'instance', name: instance } as const]),
    ...(sql === undefined ? [] : [{ is: 'sql', instance: sql } as const]),
    ...(deploy === undefined ? [] : [{ is: 'deploy', ...deploy } as const]),
  ];
}
