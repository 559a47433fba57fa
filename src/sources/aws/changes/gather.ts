import type { Found, Seen } from '../../../io/clients/cloud/change-desk.ts';
import type { EcsLook } from '../look/ecs.ts';
import type { LambdaLook } from '../look/lambda.ts';
import type { Watched } from '../watched.ts';
import { changeOfEvent, isAbout, onlySaysWho, whoDid } from './events.ts';
import { ecsChanges, lambdaChanges, type Memory } from './rollouts.ts';
import type { TrailEvent } from './trail.ts';

/** What was seen in one look. */
export interface Looks {
  readonly watched: readonly Watched[];
  readonly ecs: EcsLook;
  readonly lambda: LambdaLook;
  readonly delivered: readonly Found[];
  readonly events: readonly TrailEvent[];
}

/** What one look saw, as the desk of changes takes it. `memory` is what the look before left. */
export function gathered(source: string, looks: Looks, memory: Memory, nowMs: number): Seen {
  const abouts = looks.events.flatMap((event) =>
    looks.watched.flatMap((of) => (isAbout(event, of) ? [{ event, of }] : [])),
  );
  return {
    found: [
      ...ecsChanges(source, looks.ecs, memory, nowMs),
      ...lambdaChanges(source, looks.lambda, memory, nowMs),
      ...looks.delivered,
    ],
    recorded: abouts.flatMap(({ event, of }) => {
      const change = onlySaysWho(event, of) ? undefined : changeOfEvent(source, event, of);
      return change === undefined ? [] : [{ ...change, region: of.place.region }];
    }),
    who: abouts.flatMap(({ event, of }) =>
      onlySaysWho(event, of)
        ? [{ service: of.service, region: event.corner.region, atMs: event.atMs, who: whoDid(event) }]
        : [],
    ),
  };
}
