import type { Change, ChangeKind } from '../../../domain/change.ts';
import { gcpResourceName } from '../../../domain/places.ts';
import type { Found, Seen } from '../../../io/clients/cloud/change-desk.ts';
import { digest } from '../../../lib/canonical.ts';
import { oneLine } from '../../../lib/text.ts';
import type { Watched } from '../watched.ts';
import type { AuditEvent } from './audit.ts';

const kinds: readonly (readonly [RegExp, ChangeKind])[] = [
  [/setiampolicy|patchinstanceconfig|updateuser|insertuser/i, 'config'],
  [/reset$|restart|recreateinstances|failover|stop$|start$/i, 'restart'],
  [/resize/i, 'scale'],
  [/setinstancetemplate/i, 'deploy'],
  [/createrelease|createrollout|rollbacktarget/i, 'deploy'],
];
// Seen on the resource itself, with from and to, or in its own list of operations: the event says who.
const seenThere: Readonly<Partial<Record<Watched['place']['resource']['is'], RegExp>>> = {
  run: /Services\.(Update|Replace|Create)Service$/i,
  'instance-group': /instancegroupmanagers\.(patch|update|resize|setinstancetemplate)$/i,
  deploy: /CreateRollout$|RollbackTarget$/i,
  sql: /./,
};

/** Audit events as the desk of changes takes them: changes of their own, and who made what is seen elsewhere. */
export function fromEvents(
  source: string,
  events: readonly AuditEvent[],
  watched: readonly Watched[],
): Pick<Seen, 'recorded' | 'who'> {
  const abouts = events.flatMap((event) => watched.flatMap((of) => (isAbout(event, of) ? [{ event, of }] : [])));
  const onlyWho = ({ event, of }: (typeof abouts)[number]): boolean =>
    seenThere[of.place.resource.is]?.test(event.method) === true;
  return {
    recorded: abouts.filter((one) => !onlyWho(one)).map(({ event, of }) => changeOf(source, event, of)),
    who: abouts.filter(onlyWho).map(({ event, of }) => ({
      ...{ service: of.service, region: of.place.location, atMs: event.atMs, who: whoDid(event) },
      // A group says neither when nor from what: at the first look nothing of it has been seen.
      ...(of.place.resource.is === 'instance-group' ? { otherwise: changeOf(source, event, of) } : {}),
    })),
  };
}

function isAbout({ project, service, resource }: AuditEvent, { place, project: home }: Watched): boolean {
  if (project !== home) return false;
  const { resource: is, location } = place;
  const ends = (...parts: readonly string[]): boolean => `/${resource}`.endsWith(`/${parts.join('/')}`);
  switch (is.is) {
    case 'run':
      // The older API names no location: a service of that name in another region would be taken for it.
      return service === 'run.googleapis.com' && ends('services', is.service) && isHere(resource, location);
    case 'instance-group':
      return (
        service === 'compute.googleapis.com' && ends('instanceGroupManagers', is.name) && isHere(resource, location)
      );
    case 'instance':
      return service === 'compute.googleapis.com' && ends(location, 'instances', is.name);
    case 'sql':
      return /^(sqladmin|cloudsql)\./.test(service) && ends('instances', is.instance);
    case 'deploy':
      return (
        service === 'clouddeploy.googleapis.com' &&
        `${resource}/`.includes(`/deliveryPipelines/${is.pipeline}/`) &&
        isHere(resource, location)
      );
  }
}

function isHere(resource: string, location: string): boolean {
  const said = /\/(?:locations|zones|regions)\/([^/]+)/.exec(resource)?.[1];
  return said === undefined || said === location;
}

function changeOf(source: string, event: AuditEvent, { service, place }: Watched): Found {
  const name = event.method.slice(event.method.lastIndexOf('.') + 1);
  return {
    ...{ source, service, region: place.location, what: gcpResourceName(place.resource), atMs: event.atMs },
    id: digest(['gcp-audit', event.id, service]),
    kind: kinds.find(([words]) => words.test(name))?.[1] ?? 'infrastructure',
    to: oneLine(name, 120),
    ...whoDid(event),
    attributes: { event: oneLine(event.method, 200), location: place.location },
  };
}

function whoDid({ actor, ours, id }: AuditEvent): Pick<Change, 'actor' | 'ref'> {
  return ours === undefined ? { actor, ref: oneLine(id, 200) } : { actor: 'watchkeeper', ref: ours };
}
