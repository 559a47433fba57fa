import { azureResourcePath, type AzurePlace } from '../../domain/places.ts';
import type { Service } from '../../domain/service.ts';
import { tenantOf } from '../../io/clients/azure/graph.ts';
import type { AzureConfig } from './schema.ts';

/** A place of a service in this source. */
export interface Watched {
  readonly service: string;
  readonly place: AzurePlace;
}

/** Where metrics are asked for: a region of a subscription. */
export interface Corner {
  /** The subscription's name; absent where there is only one. */
  readonly subscription?: string;
  readonly region: string;
}

/** Everything of the services that lies in this source. */
export function watchedPlaces(source: string, services: readonly Service[]): readonly Watched[] {
  return services.flatMap(({ name, runsOn }) =>
    runsOn.flatMap((place) =>
      place.on === 'azure' && place.azure.source === source ? [{ service: name, place: place.azure }] : [],
    ),
  );
}

/** The name of a subscription as calls carry it: absent where there is only one. */
export function named(subscription: string | undefined): { readonly subscription?: string } {
  return subscription === undefined ? {} : { subscription };
}

/** As which subscription a workspace of a service is asked: of the tenant that is said, or of that of the service's place. */
export function workspaceHome(
  source: string,
  { subscriptions }: Pick<AzureConfig, 'subscriptions'>,
  services: readonly Service[],
  { service, said }: { readonly service: string; readonly said: string | undefined },
): { readonly subscription?: string } {
  const own = services.filter(({ name }) => name === service);
  return named(tenantOf(subscriptions, said ?? watchedPlaces(source, own)[0]?.place.subscription));
}

/** The whole id of a place, in small letters: Azure does not tell capitals apart, and writes them differently. */
export function idOf(place: AzurePlace, { subscriptions }: Pick<AzureConfig, 'subscriptions'>): string {
  const known = subscriptions.find(({ name }) => name === place.subscription) ?? subscriptions[0];
  return `/subscriptions/${known?.id ?? ''}${azureResourcePath(place)}`.toLowerCase();
}

/** The name of the subscription with an id, as places have it. */
export function nameOfSubscription(
  id: string,
  { subscriptions }: Pick<AzureConfig, 'subscriptions'>,
): { readonly subscription?: string } {
  const known = subscriptions.find((one) => one.id.toLowerCase() === id.toLowerCase());
  return subscriptions.length > 1 ? named(known?.name) : {};
}
