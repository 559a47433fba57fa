import { digest } from '../../../lib/canonical.ts';
import type { ActionContext, HostCommand } from '../../../domain/ports/action.ts';
import type { Observation } from '../../../domain/remediation.ts';
import type { Facts } from './facts.ts';
import { blastOn, groupOf } from './group.ts';
import { targetThere } from './there.ts';
import type { There } from './there.ts';
import { lookThere, notAllowed } from './trip.ts';
import { lookAtUnit, sessionsOf, unitOf } from './unit.ts';
import type { RemoteUnit } from './unit.ts';

/** A unit as it was observed, with the facts that every act on a unit has. */
export interface ObservedUnit {
  readonly now: RemoteUnit;
  readonly observation: Observation;
}

/**
 * Looks at a unit on a host, at the same unit on the others of its group, and at whether the command may be run.
 * @throws `forbidden` with the line of sudoers when it may not, `not-found` without the unit.
 */
export async function observeUnit(
  there: There,
  unit: string,
  command: HostCommand,
  context: ActionContext,
): Promise<ObservedUnit> {
  const isUp = (peer: Facts): boolean => unitOf(peer, unit, there.host).up;
  const [facts, group] = await Promise.all([
    lookThere(there, lookAtUnit(unit, command.argv), context),
    groupOf(there, lookAtUnit(unit), isUp, context),
  ]);
  const now = unitOf(facts, unit, there.host);
  if (facts.text('may') !== 'yes') throw notAllowed(there, context, command);
  return {
    now,
    observation: {
      target: targetThere(there, 'unit', unit),
      atMs: context.io.clock.nowMs(),
      facts: {
        host: there.host,
        by: 'unit',
        running: now.up,
        healthy: now.up,
        state: `${now.active} (${now.sub})`,
        pid: now.pid,
        startedAtMs: now.startedAtMs,
        identity: now.identity,
        ...sessionsOf(facts),
      },
      stateHash: digest([there.host, unit, now.identity]),
      blast: blastOn(there, group, now.up),
      ...(now.busy === undefined ? {} : { busy: now.busy }),
    },
  };
}

/** An act that takes nothing away while it runs: what is healthy stays so. */
export function takesNothing(observation: Observation): Observation {
  const { healthyNow = 0 } = observation.blast;
  return { ...observation, blast: { ...observation.blast, healthyAfter: healthyNow } };
}
