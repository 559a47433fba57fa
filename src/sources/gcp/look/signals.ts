import { gcpResourceName } from '../../../domain/places.ts';
import type { SignalQuery } from '../../../domain/ports/source.ts';
import type { ResourceState } from '../../../domain/telemetry.ts';
import { placeLabels } from '../../../io/clients/cloud/places.ts';
import { ofService, stateSeries } from '../../../io/clients/cloud/state-signals.ts';
import { oneLine } from '../../../lib/text.ts';
import { typedQuery, type StateQuery } from '../schema.ts';
import type { Watched } from '../watched.ts';
import type { GroupState } from './groups.ts';
import type { Look, RunState } from './run.ts';

type Value = { readonly v: number; readonly note: string } | undefined;

/** What the looks say of the signals that are bound to a state: a sample of now, or a gap. */
export function stateSignals(
  source: string,
  signals: readonly SignalQuery[],
  run: Look<RunState>,
  groups: Look<GroupState>,
  nowMs: number,
): ReturnType<typeof stateSeries> {
  return stateSeries(source, signals, nowMs, (service, query) => {
    const parsed = typedQuery.parse(query);
    if (!parsed.ok || !('state' in parsed.value)) return undefined;
    const wanted = parsed.value.state;
    const all = [
      ...ofService(run.states, service).map(([one, state]) => [one, ofRun(wanted, state)] as const),
      ...ofService(groups.states, service).map(([one, state]) => [one, ofGroup(wanted, state)] as const),
    ];
    return {
      values: all.flatMap(([{ place }, value]) => {
        const labels = placeLabels({ on: 'gcp', gcp: place });
        return value === undefined ? [] : [{ labels, ...value }];
      }),
      faults: ofService([...run.faults, ...groups.faults], service).map(([{ place }, fault]) => ({
        ...fault,
        labels: placeLabels({ on: 'gcp', gcp: place }),
      })),
      otherwise: `${service} is nothing here that tells of ${wanted}`,
    };
  });
}

function ofRun(wanted: StateQuery['state'], { isFailing, said }: RunState): Value {
  return wanted === 'rollout_failing' ? { v: isFailing ? 1 : 0, note: said } : undefined;
}

function ofGroup(wanted: StateQuery['state'], { size, settled, unhealthy }: GroupState): Value {
  if (wanted === 'size') return { v: size, note: '' };
  if (wanted === 'unhealthy' && unhealthy !== undefined) return { v: unhealthy, note: '' };
  // None wanted is none missing.
  if (wanted === 'availability') return { v: size === 0 ? 1 : Math.min(1, settled / size), note: '' };
  return undefined;
}

/** What the looks say as facts, shown to people and kept as evidence. */
export function resourceStates(run: Look<RunState>, groups: Look<GroupState>, nowMs: number): readonly ResourceState[] {
  const about = ({ service, place }: Watched, kind: string): Omit<ResourceState, 'attributes'> => ({
    ...{ kind, id: gcpResourceName(place.resource), service, atMs: nowMs },
  });
  return [
    ...[...run.states].map(([one, state]): ResourceState => ({
      ...about(one, 'run-service'),
      attributes: {
        ...{ location: one.place.location, serving: state.serving, created: state.created, ready: state.ready },
        ...{ failing: state.isFailing, said: oneLine(state.said, 300) },
      },
    })),
    ...[...groups.states].map(([one, state]): ResourceState => ({
      ...about(one, 'instance-group'),
      attributes: { location: one.place.location, ...state },
    })),
  ];
}
