import type { AzureReader } from '../../../domain/ports/azure.ts';
import type { AzureResource } from '../../../domain/places.ts';
import { azureResourcePath } from '../../../domain/places.ts';
import { faultOfError, type ReadFault } from '../../../io/clients/http-reader.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import { named, type Watched } from '../watched.ts';
import { containerAppState } from './container-app.ts';
import { machineState, scaleSetState } from './machines.ts';
import type { AskOf, AzureState } from './state.ts';
import { webAppState } from './web-app.ts';

const kinds: Readonly<Record<AzureResource['is'], ((ask: AskOf) => Promise<AzureState>) | undefined>> = {
  'container-app': containerAppState,
  'web-app': webAppState,
  'scale-set': scaleSetState,
  'virtual-machine': machineState,
  // Only acted on: which server is primary is no sign of health.
  'failover-group': undefined,
};

/** What a look gave: each place's state, or why it is not known. */
export interface Look {
  readonly states: ReadonlyMap<Watched, AzureState>;
  readonly faults: ReadonlyMap<Watched, ReadFault>;
}

/** Looks at every place. What cannot be read is a fault of its own; the rest stands. */
export async function lookAt(watched: readonly Watched[], reader: AzureReader, signal: AbortSignal): Promise<Look> {
  const states = new Map<Watched, AzureState>();
  const faults = new Map<Watched, ReadFault>();
  await Promise.all(
    watched.map(async (one) => {
      const stateOf = kinds[one.place.resource.is];
      if (stateOf === undefined) return;
      const on = azureResourcePath(one.place);
      const group = `/resourceGroups/${one.place.resourceGroup}`;
      const ask: AskOf = (operation, query = {}, around) => {
        const where = { on: around === undefined ? on : group, ...around, ...named(one.place.subscription) };
        return reader.ask({ operation, query, ...where }, signal);
      };
      try {
        states.set(one, await stateOf(ask));
      } catch (thrown) {
        const isOurs = thrown instanceof WatchkeeperError;
        const message = `Azure answered what is not what it answers about a ${one.place.resource.is}`;
        faults.set(one, isOurs ? faultOfError(thrown) : { reason: 'malformed', message });
      }
    }),
  );
  return { states, faults };
}
