import type { Change } from '../../../domain/change.ts';
import { limits } from '../../../lib/limits.ts';
import type { EcsLook } from '../look/ecs.ts';
import type { LambdaLook } from '../look/lambda.ts';
import type { Watched } from '../watched.ts';
import { changeOfEvent, isAbout, onlySaysWho, whoDid } from './events.ts';
import { ecsChanges, lambdaChanges, type Found, type Memory } from './rollouts.ts';
import type { TrailEvent } from './trail.ts';

/** What was seen in one look. */
export interface Seen {
  readonly watched: readonly Watched[];
  readonly ecs: EcsLook;
  readonly lambda: LambdaLook;
  readonly delivered: readonly Found[];
  readonly events: readonly TrailEvent[];
}

/** Makes one list of changes of everything that tells of them. */
export interface ChangeDesk {
  /**
   * Changes that are new, and once more those of which it is known only now who made them: CloudTrail is minutes late.
   */
  take(seen: Seen, nowMs: number): readonly Change[];
  between(services: ReadonlySet<string>, fromMs: number, untilMs: number): readonly Change[];
}

// A rollout begins with the call that asked for it.
const sameWithinMs = 10 * 60_000;
const keptMs = 24 * 3_600_000;

/** Makes it over nothing. */
export function createChangeDesk(source: string): ChangeDesk {
  const memory: Memory = new Map();
  const given = new Map<string, Found>();
  let whoSaid: { readonly event: TrailEvent; readonly of: Watched }[] = [];
  return {
    take: (seen, nowMs) => {
      const told: Change[] = [];
      for (const event of seen.events)
        for (const of of seen.watched) {
          if (!isAbout(event, of)) continue;
          if (onlySaysWho(event, of)) whoSaid.push({ event, of });
          else {
            const change = changeOfEvent(source, event, of);
            if (change !== undefined && !given.has(change.id)) {
              given.set(change.id, { ...change, of });
              told.push(change);
            }
          }
        }
      const found = [
        ...ecsChanges(source, seen.ecs, memory, nowMs),
        ...lambdaChanges(source, seen.lambda, memory, nowMs),
        ...seen.delivered,
      ];
      for (const one of found) if (!given.has(one.id)) given.set(one.id, one);
      const fresh = new Set(found.map(({ id }) => id));
      for (const [id, one] of given) {
        const who = one.actor === undefined ? nearest(one, whoSaid) : undefined;
        const whole = who === undefined ? one : { ...one, ...whoDid(who), ...whenOf(one, who) };
        if (who !== undefined) given.set(id, whole);
        if (who === undefined && !fresh.has(id)) continue;
        const { of: _place, isBounded: _bound, ...change } = whole;
        if (!told.some((other) => other.id === id)) told.push(change);
      }
      whoSaid = whoSaid.filter(({ event }) => event.atMs > nowMs - 2 * 3_600_000).slice(-1_000);
      for (const [id, { atMs }] of given) if (atMs < nowMs - keptMs || given.size > 10_000) given.delete(id);
      return told.slice(0, limits.changesPerCollect);
    },
    between: (services, fromMs, untilMs) =>
      [...given.values()].flatMap(({ of: _place, isBounded: _bound, ...change }) =>
        services.has(change.service) && change.atMs >= fromMs && change.atMs <= untilMs ? [change] : [],
      ),
  };
}

function whenOf({ atMs, isBounded }: Found, { atMs: calledMs }: TrailEvent): Pick<Change, 'atMs'> {
  return { atMs: isBounded === true ? calledMs : atMs };
}

function nearest(
  change: Found,
  said: readonly { readonly event: TrailEvent; readonly of: Watched }[],
): TrailEvent | undefined {
  const near = said.filter(
    ({ event, of }) =>
      of.service === change.service &&
      event.corner.region === change.of.place.region &&
      Math.abs(event.atMs - change.atMs) <= sameWithinMs,
  );
  const distance = ({ event }: { readonly event: TrailEvent }): number => Math.abs(event.atMs - change.atMs);
  return near.sort((a, b) => distance(a) - distance(b))[0]?.event;
}
