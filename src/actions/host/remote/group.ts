import type { ActionContext } from '../../../domain/ports/action.ts';
import type { BlastRadius } from '../../../domain/remediation.ts';
import type { Facts } from './facts.ts';
import type { There } from './there.ts';
import { hostsThere, lookThere } from './trip.ts';
import type { Script } from './trip.ts';

/** At most so many other hosts are looked at; what is beyond counts as not healthy. */
const looked = 100;
const peerMs = 5_000;

/** The hosts of a place besides the one that is meant: how many there are in all, and how many of the others are well. */
export interface Group {
  readonly total: number;
  readonly healthyOthers: number;
}

/** Looks at the others of a group now, at the same time; one that does not answer is not healthy. */
export async function groupOf(
  there: There,
  script: Script,
  isHealthy: (facts: Facts) => boolean,
  context: ActionContext,
): Promise<Group> {
  const hosts = await hostsThere(there, context);
  const others = hosts.filter((name) => name !== there.host).slice(0, looked);
  const well = await Promise.all(
    others.map(async (name) => {
      try {
        return isHealthy(await lookThere(there, { ...script, timeoutMs: peerMs }, context, name));
      } catch {
        return false;
      }
    }),
  );
  return { total: hosts.length, healthyOthers: well.filter(Boolean).length };
}

/** What an act on one host touches: that host, of all of its group. `healthy`: whether it is well itself right now. */
export function blastOn({ host }: There, { total, healthyOthers }: Group, healthy: boolean): BlastRadius {
  return {
    touched: 1,
    total,
    healthyAfter: healthyOthers,
    healthyNow: healthyOthers + (healthy ? 1 : 0),
    names: [`host:${host}`],
    targets: [host],
    dependents: [],
  };
}
