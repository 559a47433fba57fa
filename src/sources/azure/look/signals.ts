import type { SignalQuery } from '../../../domain/ports/source.ts';
import { azureResourceName } from '../../../domain/places.ts';
import type { ResourceState } from '../../../domain/telemetry.ts';
import { placeLabels } from '../../../io/clients/cloud/places.ts';
import { ofService, stateSeries } from '../../../io/clients/cloud/state-signals.ts';
import { typedQuery, type StateQuery } from '../schema.ts';
import type { AzureState } from './state.ts';
import type { Look } from './states.ts';

/** What the looks say of the signals that are bound to a state: a sample of now, or a gap. */
export function stateSignals(
  source: string,
  signals: readonly SignalQuery[],
  look: Look,
  nowMs: number,
): ReturnType<typeof stateSeries> {
  return stateSeries(source, signals, nowMs, (service, query) => {
    const parsed = typedQuery.parse(query);
    if (!parsed.ok || !('state' in parsed.value)) return undefined;
    const wanted = parsed.value.state;
    return {
      values: ofService(look.states, service).map(([{ place }, state]) => ({
        labels: placeLabels({ on: 'azure', azure: place }),
        ...{ v: valueOf(wanted, state), note: state.said },
      })),
      faults: ofService(look.faults, service).map(([{ place }, fault]) => ({
        ...fault,
        labels: placeLabels({ on: 'azure', azure: place }),
      })),
      otherwise: `${service} is nothing in this source that tells its state`,
    };
  });
}

function valueOf(wanted: StateQuery['state'], { availability, isFailing, replicas }: AzureState): number {
  if (wanted === 'availability') return availability;
  return wanted === 'replicas' ? replicas : Number(isFailing);
}

/** What the looks say as facts, shown to people and kept as evidence. */
export function resourceStates({ states }: Look, nowMs: number): readonly ResourceState[] {
  return [...states].map(([{ service, place }, state]): ResourceState => ({
    ...{ kind: `azure-${place.resource.is}`, id: azureResourceName(place.resource), service, atMs: nowMs },
    attributes: { region: place.region, ...state.facts, said: state.said },
  }));
}
