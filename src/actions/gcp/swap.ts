import { gcpResourceName, type GcpResource } from '../../domain/places.ts';
import type { ActionContext, ActionKind, GcpAccess } from '../../domain/ports/action.ts';
import type { GcpSession } from '../../domain/ports/gcp.ts';
import type { Service } from '../../domain/service.ts';
import { swap, type Swap } from '../swap.ts';
import { placeOf, targetOf, type PlaceOf } from './place.ts';

export { type Setting, type SwapLook } from '../swap.ts';

/** Where and with what credentials something is done. */
export interface Reach<K extends GcpResource['is']> {
  readonly place: PlaceOf<K>;
  readonly session: GcpSession;
  readonly context: ActionContext;
}

/** An action that takes one setting of one resource of Google Cloud from one value to another. */
export interface SwapSpec<P, K extends GcpResource['is']> extends Omit<
  Swap<P, Reach<K>>,
  'needs' | 'rights' | 'target' | 'nameOf' | 'reach'
> {
  readonly is: K;
  readonly access: (place: PlaceOf<K>) => GcpAccess;
  /** What it needs besides the roles that are printed. */
  readonly besides?: readonly string[];
}

/** Makes an action of it: each look and each act with a session of its own. */
export function swapAction<P extends object, K extends GcpResource['is']>(spec: SwapSpec<P, K>): ActionKind {
  const { is, access, besides = [], ...rest } = spec;
  return swap<P, Reach<K>>({
    ...rest,
    needs: ['in Google Cloud, the roles that "watchkeeper permissions gcp" prints for it', ...besides],
    rights: { gcpAccess: (service: Service) => access(placeOf(service, is)) },
    target: (service) => targetOf(placeOf(service, is), service),
    nameOf: (service) => gcpResourceName(placeOf(service, is).resource),
    reach: (context, key) => {
      const place = placeOf(context.service, is);
      const { look, act } = access(place);
      const { source, project } = place;
      const session = context.io.gcp.session({
        ...{ source, ...(project === undefined ? {} : { project }) },
        ...(key === undefined ? { allow: look } : { allow: [...look, ...act], act: key }),
      });
      return Promise.resolve({ place, context, session });
    },
  });
}
