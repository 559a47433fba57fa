import { awsResourceName, type AwsResource } from '../../domain/places.ts';
import type { ActionContext, ActionKind, AwsAccess } from '../../domain/ports/action.ts';
import type { AwsSession, AwsStatement } from '../../domain/ports/aws.ts';
import type { Service } from '../../domain/service.ts';
import { swap, type Swap } from '../swap.ts';
import { actSession, lookSession, placeOf, targetOf, type PlaceOf } from './place.ts';

export { type Setting, type SwapLook } from '../swap.ts';

/** Where and with what credentials something is done. */
export interface Reach<K extends AwsResource['is']> {
  readonly place: PlaceOf<K>;
  readonly session: AwsSession;
  readonly context: ActionContext;
}

/** An action that takes one setting of one resource of AWS from one value to another. */
export interface SwapSpec<P, K extends AwsResource['is']> extends Omit<
  Swap<P, Reach<K>>,
  'needs' | 'rights' | 'target' | 'nameOf' | 'reach'
> {
  /** The kind of resource that it is for, or several. */
  readonly is: K | readonly K[];
  readonly access: (place: PlaceOf<K>) => AwsAccess;
  /** What the role that sessions are minted from needs besides to act, where an act narrows it by what it read. */
  readonly roleNeeds?: (place: PlaceOf<K>) => readonly AwsStatement[];
}

/** Makes an action of it: each look and each act with a session minted for it. */
export function swapAction<P extends object, K extends AwsResource['is']>(spec: SwapSpec<P, K>): ActionKind {
  const { is, access, roleNeeds, ...rest } = spec;
  return swap<P, Reach<K>>({
    ...rest,
    needs: ['in AWS, the calls that "watchkeeper permissions aws" prints for it'],
    rights: {
      awsAccess: (service: Service) => {
        const place = placeOf(service, is);
        const { look, act } = access(place);
        return { look, act: [...act, ...(roleNeeds?.(place) ?? [])] };
      },
    },
    target: (service) => targetOf(placeOf(service, is), service),
    nameOf: (service) => awsResourceName(placeOf(service, is).resource),
    reach: async (context, key) => {
      const place = placeOf(context.service, is);
      const rights = access(place);
      const session = await (key === undefined
        ? lookSession(place, rights, context)
        : actSession(place, rights, key, context));
      return { place, context, session };
    },
  });
}
