import type { Change } from '../../../domain/change.ts';
import { limits } from '../../../lib/limits.ts';

/** A change of a resource, before it is known who made it. */
export type Found = Change & {
  /** Where its resource is: a word that an audit log's records have as well. */
  readonly region: string;
  /** Its time is that of the look before, the earliest that it can have been: the resource does not say when. */
  readonly isBounded?: true;
};

/** What an audit log says of a change that is seen, with from and to, on the resource itself: who, and when. */
export interface Who {
  readonly service: string;
  readonly region: string;
  readonly atMs: number;
  readonly who: Pick<Change, 'actor' | 'ref'>;
  /** The change that it is when none is seen that it tells of: the same content in both slots, or a look too late. */
  readonly otherwise?: Found;
}

/** What a change of which only the audit log tells bears, where the like is usually seen on the resource itself. */
export const unseen = { toldBy: 'audit-log' } as const;

/** What one look saw. */
export interface Seen {
  readonly found: readonly Found[];
  /** Changes of which only the audit log tells; complete. */
  readonly recorded: readonly Found[];
  readonly who: readonly Who[];
}

/** Makes one list of changes of everything that tells of them. */
export interface ChangeDesk {
  /**
   * Changes that are new, those found once more as they are found, and those of which it is known only now who made them:
   * audit logs are minutes late.
   */
  take(seen: Seen, nowMs: number): readonly Change[];
  between(services: ReadonlySet<string>, fromMs: number, untilMs: number): readonly Change[];
}

// A rollout begins with the call that asked for it.
const sameWithinMs = 10 * 60_000;
// One deploy may be several calls.
const togetherMs = 2 * 60_000;
const keptMs = 24 * 3_600_000;

/** Makes it over nothing. */
export function createChangeDesk(): ChangeDesk {
  const given = new Map<string, Found>();
  const waiting = new Map<string, Found>();
  let said: readonly Who[] = [];
  return {
    take: ({ found, recorded, who: more }, nowMs) => {
      const told = new Map<string, Change>();
      said = [...said, ...more];
      for (const one of recorded)
        if (!given.has(one.id)) {
          given.set(one.id, one);
          told.set(one.id, changeOf(one));
        }
      for (const one of found) if (!given.has(one.id)) given.set(one.id, one);
      const fresh = new Set(found.map(({ id }) => id));
      for (const [id, one] of given) {
        const by = one.actor === undefined ? nearest(one, said) : undefined;
        const whole =
          by === undefined ? one : { ...one, ...by.who, ...(one.isBounded === true ? { atMs: by.atMs } : {}) };
        if (by !== undefined) given.set(id, whole);
        if (by === undefined && !fresh.has(id)) continue;
        if (!told.has(id)) told.set(id, changeOf(whole));
      }
      for (const { otherwise } of more)
        if (otherwise !== undefined && !given.has(otherwise.id)) waiting.set(otherwise.id, otherwise);
      for (const one of missed(waiting, given, nowMs)) told.set(one.id, changeOf(one));
      said = said.filter(({ atMs }) => atMs > nowMs - 2 * 3_600_000).slice(-1_000);
      for (const [id, { atMs }] of given) if (atMs < nowMs - keptMs || given.size > 10_000) given.delete(id);
      return [...told.values()].slice(0, limits.changesPerCollect);
    },
    between: (services, fromMs, untilMs) =>
      [...given.values()].flatMap((one) =>
        services.has(one.service) && one.atMs >= fromMs && one.atMs <= untilMs ? [changeOf(one)] : [],
      ),
  };
}

// Events whose change was not seen within their time: from now on they are changes of their own.
function missed(waiting: Map<string, Found>, given: Map<string, Found>, nowMs: number): readonly Found[] {
  const found: Found[] = [];
  for (const [id, event] of waiting) {
    const one: Found = { ...event, attributes: { ...event.attributes, ...unseen } };
    const isSeen = [...given.values()].some((other) => isMoveOf(one, other));
    if (!isSeen && nowMs < one.atMs + sameWithinMs) continue;
    waiting.delete(id);
    if (isSeen) continue;
    given.set(id, one);
    found.push(one);
  }
  return found;
}

function isMoveOf(event: Found, { service, region, kind, atMs, attributes }: Found): boolean {
  if (service !== event.service || region !== event.region) return false;
  const withinMs = attributes['toldBy'] === unseen.toldBy ? togetherMs : sameWithinMs;
  if (Math.abs(atMs - event.atMs) > withinMs) return false;
  if (kind === event.kind) return true;
  if (event.kind === 'scale') return false;
  return kind === 'deploy' || kind === 'rollback' || (kind === 'scale' && event.kind !== 'deploy');
}

function changeOf({ region: _region, isBounded: _bound, ...change }: Found): Change {
  return change;
}

function nearest(change: Found, said: readonly Who[]): Who | undefined {
  const distance = ({ atMs }: Who): number => Math.abs(atMs - change.atMs);
  return said
    .filter((one) => one.service === change.service && one.region === change.region && distance(one) <= sameWithinMs)
    .sort((a, b) => distance(a) - distance(b))[0];
}
