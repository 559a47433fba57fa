import * as z from 'zod';

import type { CloudHost, CloudHostsQuery } from '../../../domain/ports/cloud-hosts.ts';
import type { GcpReader } from '../../../domain/ports/gcp.ts';
import type { JsonObject } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import { gcpConnection, readProjects } from './config.ts';

/** Of a source's whole block: where its machines are. */
export const gcpScope = z.object({ ...gcpConnection, projects: readProjects });

// What an answer is read for (Compute Engine API v1, instances.aggregatedList). Whatever is not as it says is not a host.
const text = z.string().min(1).max(1_024);
const instance = z.object({
  id: z.union([z.string(), z.number()]).transform(String),
  name: z.string().regex(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/),
  status: z.string(),
  labels: z.record(z.string(), z.string()).default({}),
  machineType: z.string().default(''),
  networkInterfaces: z
    .array(
      z.object({
        networkIP: text.optional(),
        accessConfigs: z.array(z.object({ natIP: text.optional() })).default([]),
      }),
    )
    .default([]),
  disks: z
    .array(z.object({ guestOsFeatures: z.array(z.object({ type: z.string().default('') })).default([]) }))
    .default([]),
});
const page = z.object({
  items: z.record(z.string(), z.object({ instances: z.array(z.unknown()).default([]) })).default({}),
  nextPageToken: z.string().optional(),
});

/** The running instances of Compute Engine in all projects of a source that bear the labels. */
export async function gcpHosts(
  reader: GcpReader,
  scope: z.output<typeof gcpScope>,
  { tags }: CloudHostsQuery,
  signal: AbortSignal,
): Promise<readonly CloudHost[]> {
  const found = await Promise.all(scope.projects.map(({ id }) => listed(reader, id, tags, signal)));
  return found.flat();
}

async function listed(
  reader: GcpReader,
  project: string,
  tags: CloudHostsQuery['tags'],
  signal: AbortSignal,
): Promise<readonly CloudHost[]> {
  const hosts: CloudHost[] = [];
  let token: string | undefined;
  do {
    const params = {
      ...{ project, filter: 'status = "RUNNING"', maxResults: 500 },
      ...(token === undefined ? {} : { pageToken: token }),
    };
    const answer = await reader.ask(
      { service: 'compute', method: 'instances.aggregatedList', params, project },
      signal,
    );
    const { items, nextPageToken } = page.parse(answer);
    for (const [zone, { instances }] of Object.entries(items))
      hosts.push(...instances.flatMap((one) => hostOf(one as JsonObject, project, zone.replace(/^zones\//, ''), tags)));
    token = nextPageToken === '' ? undefined : nextPageToken;
  } while (token !== undefined && hosts.length <= limits.cloudHosts);
  return hosts;
}

function hostOf(found: JsonObject, project: string, zone: string, tags: CloudHostsQuery['tags']): readonly CloudHost[] {
  const parsed = instance.safeParse(found);
  if (!parsed.success) return [];
  const { id, name, status, labels, machineType, networkInterfaces, disks } = parsed.data;
  const bears = Object.entries(tags).every(([key, value]) =>
    value === '*' ? labels[key] !== undefined : labels[key] === value,
  );
  if (status !== 'RUNNING' || !bears) return [];
  const [network] = networkInterfaces;
  const [access] = network?.accessConfigs ?? [];
  return [
    {
      ...{ id, name, tags: labels },
      ...(network?.networkIP === undefined ? {} : { privateAddress: network.networkIP }),
      ...(access?.natIP === undefined ? {} : { publicAddress: access.natIP }),
      os: disks.some(({ guestOsFeatures }) => guestOsFeatures.some(({ type }) => type === 'WINDOWS'))
        ? 'windows'
        : 'linux',
      place: {
        ...{ project, zone, region: zone.replace(/-[a-z]$/, '') },
        ...(machineType === '' ? {} : { instance_type: machineType.slice(machineType.lastIndexOf('/') + 1) }),
      },
    },
  ];
}
