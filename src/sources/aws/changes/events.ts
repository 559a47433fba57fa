import type { Change, ChangeKind } from '../../../domain/change.ts';
import { awsResourceName, type AwsResource } from '../../../domain/places.ts';
import { digest } from '../../../lib/canonical.ts';
import type { Watched } from '../watched.ts';
import type { TrailEvent } from './trail.ts';

/** Which service of AWS the events of a resource come from. */
const sources: Readonly<Record<AwsResource['is'], string>> = {
  ecs: 'ecs.amazonaws.com',
  lambda: 'lambda.amazonaws.com',
  'auto-scaling-group': 'autoscaling.amazonaws.com',
  instance: 'ec2.amazonaws.com',
  database: 'rds.amazonaws.com',
  'database-cluster': 'rds.amazonaws.com',
  codedeploy: 'codedeploy.amazonaws.com',
  stack: 'cloudformation.amazonaws.com',
};

/** Events whose change is seen on the resource itself, with from and to: they say who, and when. */
const seenElsewhere: Readonly<Partial<Record<AwsResource['is'], readonly string[]>>> = {
  ecs: ['UpdateService'],
  lambda: ['UpdateAlias', 'UpdateFunctionCode'],
  codedeploy: ['CreateDeployment'],
};

const kinds: Readonly<Record<string, ChangeKind>> = {
  ...{ UpdateFunctionConfiguration: 'config', ModifyDBInstance: 'config', ModifyDBCluster: 'config' },
  ...{ ModifyDBParameterGroup: 'config', PutFunctionConcurrency: 'config', UpdateAutoScalingGroup: 'scale' },
  ...{ SetDesiredCapacity: 'scale', RebootInstances: 'restart', StopInstances: 'restart', RebootDBInstance: 'restart' },
  ...{
    FailoverDBCluster: 'restart',
    StartInstanceRefresh: 'deploy',
    CreateDeployment: 'deploy',
    UpdateStack: 'deploy',
  },
  ...{ ExecuteChangeSet: 'deploy', UpdateFunctionCode: 'deploy', UpdateAlias: 'deploy', UpdateService: 'deploy' },
};

// Publishing a version or a task definition changes nothing that runs.
const noChange: ReadonlySet<string> = new Set([
  'PublishVersion',
  'TagResource',
  'UntagResource',
  'AddPermission',
  'CreateAlias',
]);

/** Whether an event is about a place. */
export function isAbout(event: TrailEvent, { place }: Watched): boolean {
  const { resource, region, account } = place;
  if (event.corner.region !== region || (account !== undefined && event.corner.account !== account)) return false;
  if (event.source !== sources[resource.is]) return false;
  const has = (name: string): boolean => {
    for (const one of event.names)
      if (one === name || one.endsWith(`/${name}`) || one.endsWith(`:${name}`)) return true;
    return false;
  };
  switch (resource.is) {
    case 'ecs':
      return has(resource.service) && (has(resource.cluster) || has(`${resource.cluster}/${resource.service}`));
    case 'lambda':
      return has(resource.function);
    case 'codedeploy':
      return has(resource.application) && has(resource.group);
    case 'auto-scaling-group':
    case 'stack':
      return has(resource.name);
    default:
      return has(resource.id);
  }
}

/** Whether who did it is all that the event has to say: the change itself is read from the resource. */
export function onlySaysWho(event: TrailEvent, { place }: Watched): boolean {
  const { resource } = place;
  const known = seenElsewhere[resource.is] ?? [];
  if (resource.is === 'lambda' && resource.alias === undefined && event.name === 'UpdateAlias') return false;
  return known.includes(event.name);
}

/** Whether an event that only says who changes what runs there: what is uploaded behind an alias does not. */
export function changesWhatRuns({ name, names }: TrailEvent, { place: { resource } }: Watched): boolean {
  if (resource.is !== 'lambda' || resource.alias === undefined) return true;
  return name === 'UpdateAlias' && names.has(resource.alias);
}

/** An event as a change of a service; `undefined` for what changes nothing that runs. */
export function changeOfEvent(source: string, event: TrailEvent, { service, place }: Watched): Change | undefined {
  if (noChange.has(event.name)) return undefined;
  return {
    id: digest(['aws-trail', event.id, service]),
    kind: kinds[event.name] ?? 'infrastructure',
    service,
    atMs: event.atMs,
    what: awsResourceName(place.resource),
    to: event.name,
    ...whoDid(event),
    source,
    attributes: { event: event.name, region: place.region },
  };
}

/** Who did it, and the event, as a change tells them. Our own acts bear our name. */
export function whoDid(event: TrailEvent): Pick<Change, 'actor' | 'ref'> {
  if (event.ours !== undefined) return { actor: 'watchkeeper', ref: event.ours };
  return { actor: event.actor, ref: event.id };
}
