import type { AwsResource, Place } from '../../domain/places.ts';
import type { Service, TelemetryBinding } from '../../domain/service.ts';
import { joinedByName } from '../../io/clients/cloud/places.ts';
import { oneLine } from '../../lib/text.ts';
import { signalsOf } from './signals.ts';
import type { Tagged } from './tagged.ts';
import type { Corner } from './watched.ts';

/** Services of what bears the tag. */
export function servicesOf(source: string, tag: string, found: readonly Tagged[]): readonly Service[] {
  const services: Service[] = [];
  const seen = new Set<string>();
  for (const { corner, arn, tags } of found) {
    const resource = resourceOf(arn);
    const name = nameOf(tags[tag] ?? '');
    if (resource === undefined || name === undefined || seen.has(arn)) continue;
    seen.add(arn);
    services.push(serviceOf(source, name, corner, resource, tags, tag));
  }
  return joinedByName(services);
}

/** What an ARN is, of those kinds that can be watched. */
export function resourceOf(arn: string): AwsResource | undefined {
  const [, , service = '', , , ...rest] = arn.split(':');
  const path = rest.join(':');
  const ecs = /^service\/([^/]+)\/([^/]+)$/.exec(path);
  if (service === 'ecs' && ecs !== null) return { is: 'ecs', cluster: ecs[1] ?? '', service: ecs[2] ?? '' };
  const lambda = /^function:([^:]+)$/.exec(path);
  if (service === 'lambda' && lambda !== null) return { is: 'lambda', function: lambda[1] ?? '' };
  const group = /autoScalingGroupName\/(.+)$/.exec(path);
  if (service === 'autoscaling' && group !== null) return { is: 'auto-scaling-group', name: group[1] ?? '' };
  const instance = /^instance\/(i-[0-9a-f]+)$/.exec(path);
  if (service === 'ec2' && instance !== null) return { is: 'instance', id: instance[1] ?? '' };
  const database = /^db:(.+)$/.exec(path);
  if (service === 'rds' && database !== null) return { is: 'database', id: database[1] ?? '' };
  const cluster = /^cluster:(.+)$/.exec(path);
  if (service === 'rds' && cluster !== null) return { is: 'database-cluster', id: cluster[1] ?? '' };
  return undefined;
}

// A tag's value is anybody's text: as a service's name only what a document could be called.
function nameOf(value: string): string | undefined {
  return /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(value) ? value : undefined;
}

function serviceOf(
  source: string,
  name: string,
  { region, account }: Corner,
  found: AwsResource,
  tags: Readonly<Record<string, string>>,
  tag: string,
): Service {
  const prefix = tag.slice(0, tag.lastIndexOf('/') + 1);
  const own = (key: string): string | undefined => (prefix === '' ? undefined : tags[`${prefix}${key}`]);
  const alias = own('alias');
  const resource = found.is === 'lambda' && alias !== undefined ? { ...found, alias: oneLine(alias, 128) } : found;
  const place: Place = { on: 'aws', aws: { source, ...(account === undefined ? {} : { account }), region, resource } };
  const telemetry: Readonly<Record<string, TelemetryBinding>> = signalsOf(source, place.aws);
  const labels = Object.fromEntries(
    Object.entries(tags)
      .filter(([key]) => !key.startsWith('aws:') && !key.includes('/'))
      .slice(0, 50)
      .map(([key, value]) => [oneLine(key, 63), oneLine(value, 253)]),
  );
  return {
    name,
    labels: { ...labels, region, ...(account === undefined ? {} : { account }) },
    owner: { team: own('team') ?? labels['team'] ?? 'unowned', escalate: own('escalate') ?? 'default' },
    dependsOn: (own('depends-on') ?? '').split(/[ ,]+/).filter((one) => nameOf(one) !== undefined && one !== name),
    runsOn: [place],
    telemetry,
    slos: [],
    origin: 'discovered',
  };
}
