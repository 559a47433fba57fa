import { WatchkeeperError } from '../../lib/errors.ts';
import { awsResourceName, type AwsPlace, type AwsResource } from '../../domain/places.ts';
import type { AwsAccess, ActionContext } from '../../domain/ports/action.ts';
import type { AwsSession, AwsStatement } from '../../domain/ports/aws.ts';
import type { Target } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';

/** A place whose resource is of one kind. */
export type PlaceOf<K extends AwsResource['is']> = AwsPlace & { readonly resource: Extract<AwsResource, { is: K }> };

/** Where a service is in AWS. @throws `config-invalid` when it has no such place, or several: which is meant is not guessed. */
export function placeOf<K extends AwsResource['is']>(service: Service, is: K | readonly K[]): PlaceOf<K> {
  const kinds: readonly string[] = typeof is === 'string' ? [is] : is;
  const places = service.runsOn.flatMap((place) =>
    place.on === 'aws' && kinds.includes(place.aws.resource.is) ? [place.aws as PlaceOf<K>] : [],
  );
  const [place] = places;
  if (place !== undefined && places.length === 1) return place;
  const message =
    place === undefined
      ? `${service.name} has no ${kinds.join(' or ')} in AWS`
      : `${service.name} has ${places.length} of ${kinds.join(' or ')} in AWS: give each a Service of its own`;
  throw new WatchkeeperError('config-invalid', message);
}

/** What is acted on: named so that two accounts or regions are two targets. */
export function targetOf(place: AwsPlace, service: Service): Target {
  const { source, account, region, resource } = place;
  const corner = [source, account, region].filter((part) => part !== undefined).join('/');
  return { kind: 'aws', id: `${corner}/${awsResourceName(resource)}`, service: service.name, labels: service.labels };
}

/** Credentials for one look: reads alone. */
export function lookSession(place: AwsPlace, { look }: AwsAccess, context: ActionContext): Promise<AwsSession> {
  return mint(place, look, 'look', context);
}

/** Credentials for one act: its reads and its writes, under the name of its key. */
export function actSession(
  place: AwsPlace,
  access: AwsAccess,
  key: string,
  context: ActionContext,
): Promise<AwsSession> {
  return mint(place, [...access.look, ...access.act], key, context);
}

function mint(
  { source, account, region }: AwsPlace,
  allow: readonly AwsStatement[],
  name: string,
  { io, signal }: ActionContext,
): Promise<AwsSession> {
  return io.aws.session({ source, ...(account === undefined ? {} : { account }), region, allow, name }, signal);
}
