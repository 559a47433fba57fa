import { azureResourceName, type AzureResource } from '../../domain/places.ts';
import type { ActionKind } from '../../domain/ports/action.ts';
import { swap, type Swap } from '../swap.ts';
import { accessOf, placeOf, reachOf, targetOf, type Asks, type PlaceOf, type Reach } from './place.ts';

/** What the hands of Azure need, as every kind says it. */
export const needs: readonly string[] = ['in Azure, the rights that "watchkeeper permissions azure" prints for it'];

/** An action that takes one setting of one resource of Azure from one value to another. */
export interface SwapSpec<P, K extends AzureResource['is']> extends Omit<
  Swap<P, Reach<K>>,
  'needs' | 'rights' | 'target' | 'nameOf' | 'reach'
> {
  readonly is: K;
  readonly asks: (place: PlaceOf<K>) => Asks;
}

/** Makes an action of it: each look and each act with a token of its own. */
export function swapAction<P extends object, K extends AzureResource['is']>(spec: SwapSpec<P, K>): ActionKind {
  const { is, asks, ...rest } = spec;
  const at = (service: Parameters<typeof placeOf>[0]): PlaceOf<K> => placeOf(service, is);
  return swap<P, Reach<K>>({
    ...rest,
    needs,
    rights: { azureAccess: (service) => accessOf(at(service), asks(at(service))) },
    target: (service) => targetOf(at(service), service),
    nameOf: (service) => azureResourceName(at(service).resource),
    reach: (context, key) => reachOf(at(context.service), asks(at(context.service)), context, key),
  });
}
