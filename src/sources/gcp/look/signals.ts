import { gcpResourceName } from '../../../domain/places.ts';
import type { SignalQuery } from '../../../domain/ports/source.ts';
import { seriesKey, type Gap, type ResourceState, type Series } from '../../../domain/telemetry.ts';
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
): { readonly series: readonly Series[]; readonly gaps: readonly Gap[] } {
  const series: Series[] = [];
  const gaps: Gap[] = [];
  for (const { service, signal, binding } of signals) {
    const parsed = typedQuery.parse(binding.query);
    if (!parsed.ok || !('state' in parsed.value)) continue;
    const wanted = parsed.value.state;
    const about = { source, service, signal, fromMs: nowMs, untilMs: nowMs };
    const faults = [...run.faults, ...groups.faults].filter(([one]) => one.service === service);
    for (const [, fault] of faults) gaps.push({ ...about, ...fault });
    const values = valuesOf(service, wanted, run, groups);
    if (values.length + faults.length === 0)
      gaps.push({ ...about, reason: 'unsupported', message: `${service} is nothing here that tells of ${wanted}` });
    for (const [one, value] of values) {
      if (value === undefined) continue;
      const name = gcpResourceName(one.place.resource);
      const labels = values.length + faults.length > 1 ? { resource: `${one.place.location}/${name}` } : {};
      const { unit, nature } = binding;
      series.push({
        ...{ key: seriesKey(service, signal, labels), source, service, signal, labels, unit, nature },
        samples: [{ tMs: nowMs, v: value.v }],
        ...(value.note === '' ? {} : { note: oneLine(value.note, 200) }),
      });
    }
  }
  return { series, gaps };
}

function valuesOf(
  service: string,
  wanted: StateQuery['state'],
  run: Look<RunState>,
  groups: Look<GroupState>,
): readonly (readonly [Watched, Value])[] {
  const all = [
    ...[...run.states].map(([one, state]) => [one, ofRun(wanted, state)] as const),
    ...[...groups.states].map(([one, state]) => [one, ofGroup(wanted, state)] as const),
  ];
  return all.filter(([one, value]) => one.service === service && value !== undefined);
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
