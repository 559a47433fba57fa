import { unseen, type Found, type Seen } from '../../../io/clients/cloud/change-desk.ts';
import type { EcsLook } from '../look/ecs.ts';
import type { LambdaLook } from '../look/lambda.ts';
import type { Watched } from '../watched.ts';
import { changeOfEvent, changesWhatRuns, isAbout, onlySaysWho, whoDid } from './events.ts';
import { ecsChanges, isSeenThere, lambdaChanges, type Memory } from './rollouts.ts';
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
  const abouts = looks.events
    .toSorted((a, b) => a.atMs - b.atMs)
    .flatMap((event) => looks.watched.flatMap((of) => (isAbout(event, of) ? [{ event, of }] : [])));
  const found = [
    ...ecsChanges(source, looks.ecs, memory, nowMs),
    ...lambdaChanges(source, looks.lambda, memory, nowMs),
    ...looks.delivered,
  ];
  // What happened before the first look is told by its event, or by nothing.
  const saysWho = ({ event, of }: (typeof abouts)[number]): boolean =>
    onlySaysWho(event, of) && (isSeenThere(of, event.atMs, memory) || !changesWhatRuns(event, of));
  return {
    found,
    recorded: abouts.flatMap(({ event, of }) => {
      const change = saysWho({ event, of }) ? undefined : changeOfEvent(source, event, of);
      if (change === undefined) return [];
      const attributes = onlySaysWho(event, of) ? { ...change.attributes, ...unseen } : change.attributes;
      return [{ ...change, attributes, region: of.place.region }];
    }),
    who: abouts.flatMap(({ event, of }) =>
      saysWho({ event, of })
        ? [{ service: of.service, region: event.corner.region, atMs: event.atMs, who: whoDid(event) }]
        : [],
    ),
  };
}
