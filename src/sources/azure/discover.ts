import * as z from 'zod';

import type { AzureReader } from '../../domain/ports/azure.ts';
import type { AzurePlace, AzureResource } from '../../domain/places.ts';
import type { Service } from '../../domain/service.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { joinedByName } from '../../io/clients/cloud/places.ts';
import { oneLine } from '../../lib/text.ts';
import { graphRows } from '../../io/clients/azure/graph.ts';
import { kqlList, kqlText } from './kql.ts';
import type { AzureConfig } from './schema.ts';
import { signalsOf } from './signals.ts';
import { nameOfSubscription } from './watched.ts';

const kinds: Readonly<Record<string, (name: string, tags: Tags) => AzureResource>> = {
  'microsoft.app/containerapps': (name) => ({ is: 'container-app', name }),
  'microsoft.web/sites': (name, tags) => ({
    ...{ is: 'web-app', name },
    ...(tags['slot'] === undefined ? {} : { slot: oneLine(tags['slot'], 60) }),
  }),
  'microsoft.compute/virtualmachinescalesets': (name) => ({ is: 'scale-set', name }),
  'microsoft.compute/virtualmachines': (name) => ({ is: 'virtual-machine', name }),
  'microsoft.sql/servers/failovergroups': (name) => ({ is: 'failover-group', server: '', name }),
};

/** Our tags, by what follows the prefix. */
type Tags = Readonly<Record<string, string>>;

const row = z.object({
  id: z.string(),
  name: z.string(),
  type: z.string(),
  location: z.string(),
  resourceGroup: z.string(),
  subscriptionId: z.string(),
  tags: z.record(z.string(), z.string()).nullish(),
});
type Row = z.infer<typeof row>;

/** Services by their tag, in all subscriptions at once. A list that is not whole fails: half a catalog would end services. */
export async function discoverServices(
  source: string,
  config: AzureConfig,
  reader: AzureReader,
  signal: AbortSignal,
): Promise<readonly Service[]> {
  const query = [
    'resources',
    `| where type in~ ${kqlList(Object.keys(kinds))}`,
    `| where isnotempty(tags[${kqlText(config.tag)}])`,
    '| project id, name, type, location, resourceGroup, subscriptionId, tags',
    '| order by id asc',
  ].join('\n');
  const { rows, truncated } = await graphRows(config, reader, query, signal);
  if (truncated)
    throw new WatchkeeperError(
      'too-large',
      `${source}: Azure has more tagged resources than are read: the list is not whole`,
    );
  const services: Service[] = [];
  for (const one of rows) {
    const parsed = row.safeParse(one);
    const service = parsed.success ? serviceOf(source, config, parsed.data) : undefined;
    if (service === undefined) continue;
    services.push(service);
  }
  return joinedByName(services);
}

// A tag's value is anybody's text: as a service's name only what a document could be called.
function nameOf(value: string | undefined): string | undefined {
  return value !== undefined && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(value) && value.length <= 253
    ? value
    : undefined;
}

function serviceOf(source: string, config: AzureConfig, found: Row): Service | undefined {
  const all = found.tags ?? {};
  const prefix = config.tag.slice(0, config.tag.lastIndexOf('-') + 1);
  const own: Tags = Object.fromEntries(
    Object.entries(all).flatMap(([key, value]) =>
      prefix !== '' && key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
    ),
  );
  const name = nameOf(all[config.tag]);
  const resource = kinds[found.type.toLowerCase()]?.(found.name, own);
  if (name === undefined || resource === undefined) return undefined;
  const place: AzurePlace = {
    ...{ source, ...nameOfSubscription(found.subscriptionId, config), region: found.location.toLowerCase() },
    ...{ resourceGroup: found.resourceGroup, resource: withServer(resource, found.id) },
  };
  const labels = Object.fromEntries(
    Object.entries(all)
      .filter(([key]) => !key.startsWith('hidden-') && !(prefix !== '' && key.startsWith(prefix)))
      .slice(0, 50)
      .map(([key, value]) => [oneLine(key, 63), oneLine(value, 253)]),
  );
  return {
    name,
    labels: { ...labels, region: place.region, ...nameOfSubscription(found.subscriptionId, config) },
    owner: { team: own['team'] ?? labels['team'] ?? 'unowned', escalate: own['escalate'] ?? 'default' },
    dependsOn: (own['depends-on'] ?? '').split(/[ ,]+/).filter((one) => nameOf(one) !== undefined && one !== name),
    runsOn: [{ on: 'azure', azure: place }],
    telemetry: signalsOf(source, place),
    slos: [],
    origin: 'discovered',
  };
}

function withServer(resource: AzureResource, id: string): AzureResource {
  if (resource.is !== 'failover-group') return resource;
  return { ...resource, server: /\/servers\/([^/]+)\//i.exec(id)?.[1] ?? '' };
}
