import type { SignalQuery } from '../../../domain/ports/source.ts';
import type { ResourceState } from '../../../domain/telemetry.ts';
import { placeLabels } from '../../../io/clients/cloud/places.ts';
import { ofService, stateSeries } from '../../../io/clients/cloud/state-signals.ts';
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
): ReturnType<typeof stateSeries> {
  return stateSeries(source, signals, nowMs, (service, query) => {
    const parsed = typedQuery.parse(query);
    if (!parsed.ok || !('state' in parsed.value)) return undefined;
    const wanted = parsed.value.state;
    return {
      values: ofService(look.states, service).map(([{ place }, state]) => ({
        labels: placeLabels({ on: 'aws', aws: place }),
        ...{ v: valueOf(wanted, state), note: state.primary?.reason ?? state.said },
      })),
      faults: ofService(look.faults, service).map(([{ place }, fault]) => ({
        ...fault,
        labels: placeLabels({ on: 'aws', aws: place }),
      })),
      otherwise: `${service} is no ECS service in this source`,
    };
  });
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
