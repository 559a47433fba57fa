import { azureResourceName, azureResourcePath, type AzurePlace, type AzureResource } from '../../domain/places.ts';
import type { ActionContext, AzureAccess } from '../../domain/ports/action.ts';
import type { AzureOperation, AzureSession } from '../../domain/ports/azure.ts';
import type { Target } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';
import type { JsonObject } from '../../lib/json.ts';
import { WatchkeeperError } from '../../lib/errors.ts';

/** A place whose resource is of one kind. */
export type PlaceOf<K extends AzureResource['is']> = AzurePlace & {
  readonly resource: Extract<AzureResource, { is: K }>;
};

/** What a kind asks of its resource, and of a part of it such as a slot: to look, and besides to act. */
export interface Asks {
  readonly look: readonly AzureOperation[];
  readonly act: readonly AzureOperation[];
  /** To look in the resource group around it. */
  readonly around?: readonly AzureOperation[];
  /** Below the resource: `/slots/staging`. Looked at as well; what acts on the resource acts on it too. */
  readonly part?: string;
}

/** Where and with what credentials something is done. */
export interface Reach<K extends AzureResource['is']> {
  readonly place: PlaceOf<K>;
  readonly context: ActionContext;
  /** Asks about the resource, or about a part of it. */
  ask(operation: AzureOperation, more?: Asking): Promise<JsonObject>;
}

/** What a call carries beside its resource. */
export interface Asking {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: JsonObject;
  /** The same list, further on. */
  readonly next?: string;
  readonly part?: string;
  /** Of the resource group around it instead. */
  readonly around?: boolean;
}

/** Where a service is in Azure. @throws `config-invalid` when it has no such place, or several: which is meant is not guessed. */
export function placeOf<K extends AzureResource['is']>(service: Service, is: K): PlaceOf<K> {
  const places = service.runsOn.flatMap((place) =>
    place.on === 'azure' && place.azure.resource.is === is ? [place.azure as PlaceOf<K>] : [],
  );
  const [place] = places;
  if (place !== undefined && places.length === 1) return place;
  const message =
    place === undefined
      ? `${service.name} has no ${is} in Azure`
      : `${service.name} has ${places.length} of ${is} in Azure: give each a Service of its own`;
  throw new WatchkeeperError('config-invalid', message);
}

/** What is acted on: named so that two subscriptions or resource groups are two targets. */
export function targetOf(place: AzurePlace, service: Service): Target {
  const { source, subscription, resourceGroup, resource } = place;
  const where = [source, subscription, resourceGroup].filter((part) => part !== undefined).join('/');
  return {
    kind: 'azure',
    id: `${where}/${azureResourceName(resource)}`,
    service: service.name,
    labels: service.labels,
  };
}

/** What a kind needs to be allowed at a place. */
export function accessOf(place: AzurePlace, { look, act, part, around }: Asks): AzureAccess {
  const on = azureResourcePath(place);
  const { source, subscription } = place;
  const both = (operations: readonly AzureOperation[]) => [
    { operations, on },
    ...(part === undefined ? [] : [{ operations, on: `${on}${part}` }]),
  ];
  const group = around === undefined ? [] : [{ operations: around, on: groupOf(place) }];
  const where = { source, ...(subscription === undefined ? {} : { subscription }) };
  return { ...where, look: [...both(look), ...group], act: both(act) };
}

/** A session at a place: to look alone, or with the key of an act to act. */
export async function reachOf<K extends AzureResource['is']>(
  place: PlaceOf<K>,
  asks: Asks,
  context: ActionContext,
  key?: string,
): Promise<Reach<K>> {
  const { look, act } = accessOf(place, asks);
  const { source, subscription, region } = place;
  const where = { source, region, ...(subscription === undefined ? {} : { subscription }) };
  const allow = key === undefined ? look : [...look, ...act];
  const session: AzureSession = await context.io.azure.session(
    { ...where, allow, name: key ?? 'look' },
    context.signal,
  );
  const on = azureResourcePath(place);
  return {
    place,
    context,
    ask: (operation, { part = '', around = false, ...more } = {}) =>
      session.ask({ operation, on: around ? groupOf(place) : `${on}${part}`, ...more }, context.signal),
  };
}

function groupOf({ resourceGroup }: AzurePlace): string {
  return `/resourceGroups/${resourceGroup}`;
}
