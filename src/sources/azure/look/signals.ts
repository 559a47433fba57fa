import type { SignalQuery } from '../../../domain/ports/source.ts';
import { azureResourceName } from '../../../domain/places.ts';
import { seriesKey, type Gap, type ResourceState, type Series } from '../../../domain/telemetry.ts';
import { typedQuery, type StateQuery } from '../schema.ts';
import type { AzureState } from './state.ts';
import type { Look } from './states.ts';

/** What the looks say of the signals that are bound to a state: a sample of now, or a gap. */
export function stateSignals(
  source: string,
  signals: readonly SignalQuery[],
  look: Look,
  nowMs: number,
): { readonly series: readonly Series[]; readonly gaps: readonly Gap[] } {
  const series: Series[] = [];
  const gaps: Gap[] = [];
  for (const { service, signal, binding } of signals) {
    const parsed = typedQuery.parse(binding.query);
    if (!parsed.ok || !('state' in parsed.value)) continue;
    const wanted = parsed.value.state;
    const about = { source, service, signal, fromMs: nowMs, untilMs: nowMs };
    const states = [...look.states].filter(([one]) => one.service === service);
    const faults = [...look.faults].filter(([one]) => one.service === service);
    for (const [, fault] of faults) gaps.push({ ...about, ...fault });
    if (states.length + faults.length === 0)
      gaps.push({
        ...about,
        reason: 'unsupported',
        message: `${service} is nothing in this source that tells its state`,
      });
    for (const [one, state] of states) {
      const labels = states.length + faults.length > 1 ? { azure: azureResourceName(one.place.resource) } : {};
      const { unit, nature } = binding;
      series.push({
        ...{ key: seriesKey(service, signal, labels), source, service, signal, labels, unit, nature },
        samples: [{ tMs: nowMs, v: valueOf(wanted, state) }],
        ...(state.said === '' ? {} : { note: state.said.slice(0, 200) }),
      });
    }
  }
  return { series, gaps };
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
