import type { SignalQuery } from '../../../domain/ports/source.ts';
import { seriesKey, type Gap, type ResourceState, type Series } from '../../../domain/telemetry.ts';
import { oneLine } from '../../../lib/text.ts';
import { typedQuery, type StateQuery } from '../schema.ts';
import { awsResourceName } from '../../../domain/places.ts';
import type { EcsLook, EcsState } from './ecs.ts';
import type { LambdaLook } from './lambda.ts';

/** What the looks say of the signals that are bound to a state: a sample of now, or a gap. */
export function stateSignals(
  source: string,
  signals: readonly SignalQuery[],
  look: EcsLook,
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
      gaps.push({ ...about, reason: 'unsupported', message: `${service} is no ECS service in this source` });
    for (const [one, state] of states) {
      const labels = states.length + faults.length > 1 ? { ecs: awsResourceName(one.place.resource) } : {};
      const v = valueOf(wanted, state);
      const { unit, nature } = binding;
      const note = oneLine(state.primary?.reason ?? state.said, 200);
      series.push({
        ...{ key: seriesKey(service, signal, labels), source, service, signal, labels, unit, nature },
        samples: [{ tMs: nowMs, v }],
        ...(note === '' ? {} : { note }),
      });
    }
  }
  return { series, gaps };
}

function valueOf(wanted: StateQuery['state'], { desired, running, primary, deployments }: EcsState): number {
  switch (wanted) {
    case 'availability':
      // None wanted is none missing.
      return desired === 0 ? 1 : Math.min(1, running / desired);
    case 'desired':
      return desired;
    case 'rollout_failing':
      return primary?.rolloutState === 'FAILED' || deployments.some(({ rolloutState }) => rolloutState === 'FAILED')
        ? 1
        : 0;
    case 'failed_tasks':
      return primary?.failedTasks ?? 0;
  }
}

/** What the looks say as facts, shown to people and kept as evidence. */
export function resourceStates(ecs: EcsLook, lambda: LambdaLook, nowMs: number): readonly ResourceState[] {
  return [
    ...[...ecs.states].map(([{ service, place }, state]): ResourceState => {
      const { primary } = state;
      return {
        ...{ kind: 'ecs-service', id: awsResourceName(place.resource), service, atMs: nowMs },
        attributes: {
          ...{ region: place.region, desired: state.desired, running: state.running, pending: state.pending },
          taskDefinition: state.taskDefinition,
          ...(primary === undefined
            ? {}
            : {
                rollout: primary.rolloutState,
                failedTasks: primary.failedTasks,
              }),
          said: oneLine(state.said, 300),
        },
      };
    }),
    ...[...lambda.states].map(([{ service, place }, { version, canary }]): ResourceState => ({
      ...{ kind: 'lambda-function', id: awsResourceName(place.resource), service, atMs: nowMs },
      attributes: { region: place.region, version, canary },
    })),
  ];
}
