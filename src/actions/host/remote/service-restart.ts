import * as z from 'zod';

import type { Json } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import type { ActionContext, ActionResult, HostCommand, HostNeeds } from '../../../domain/ports/action.ts';
import type { SshPlace } from '../../../domain/places.ts';
import { ownDeadlineMs } from '../health.ts';
import { malformedBefore } from '../running.ts';
import type { RemoteHand } from './by-place.ts';
import { textFact } from './facts.ts';
import { observeUnit } from './observe-unit.ts';
import { scriptOf } from './prelude.ts';
import { targetThere } from './there.ts';
import type { There } from './there.ts';
import { actThere, lookThere, whyNotDone } from './trip.ts';
import { lookAtUnit, unitNeeds, unitOf, unitThere } from './unit.ts';
import type { RemoteUnit } from './unit.ts';

/** The command that restarts a unit, as sudoers has it. */
export function restartCommand(unit: string): HostCommand {
  return { argv: ['/usr/bin/systemctl', 'restart', '--', unit] };
}

// $1: the unit; $2: the run of it that is to end, by its InvocationID. One that is up already in its place is left alone:
// that is what makes a repeat harmless.
const restartScript = scriptOf(`
main() {
  now=$(unit_property "$1" InvocationID)
  active=$(unit_property "$1" ActiveState)
  if [ "$active" = active ] && [ "$now" != "$2" ]; then say did yes
  else as_root /usr/bin/systemctl restart -- "$1"; fi
  unit_facts "$1"
  machine_facts
}
`);

/** What restarting needs on the hosts of a place. */
export function restartNeeds(_written: unknown, place: SshPlace): HostNeeds {
  return unitNeeds(place, restartCommand);
}

const beforeShape = z.strictObject({ host: z.string(), identity: z.string() });

/** `host.service-restart` over SSH. */
export const restartThere: RemoteHand<{ readonly force: boolean }> = {
  needs: restartNeeds,
  target: (_params, there) => targetThere(there, 'unit', unitThere(there)),
  observe: async (_params, there, context) => {
    const unit = unitThere(there);
    return (await observeUnit(there, unit, restartCommand(unit), context)).observation;
  },
  preview: (_params, { target, facts }) => ({
    describe: `restart ${target.service} on ${textFact(facts['host'])}: restart the unit ${target.id}, and wait until it runs`,
    diff: [`${target.id}: ${textFact(facts['state'])} → restarted`],
  }),
  before: (_params, { facts }): Json => ({ host: facts['host'] ?? '', identity: facts['identity'] ?? '' }),
  run: (_params, before, _key, there, context) => restart(there, parseBefore(before, there), context),
  probe: async (_params, before, there, context) => {
    const was = parseBefore(before, there);
    const now = await lookUntilUp(there, was, context);
    if (now.up && now.identity !== was) return { is: 'done', because: `something newer runs (pid ${now.pid})` };
    if (now.busy !== undefined) return { is: 'unknown', because: now.busy };
    if (now.up) return { is: 'not-done', because: `the same process runs (pid ${now.pid})` };
    return { is: 'unknown', because: 'nothing runs right now' };
  },
};

/** Makes the run `old` of the unit end, and waits until its successor is up. */
export async function restart(there: There, old: string, context: ActionContext): Promise<ActionResult> {
  const unit = unitThere(there);
  const acted = await actThere(there, { script: restartScript, args: [unit, old] }, context);
  if (acted.is !== 'ended') return acted;
  const why = whyNotDone(acted.facts, there, context, restartCommand(unit));
  const now = unitOf(acted.facts, unit, there.host);
  if (now.up && now.identity !== old) return restarted(there, now);
  // Forbidden, or refused by systemctl with the old process as it was: nothing has happened.
  if (why !== undefined && (acted.facts.text('did') === 'forbidden' || now.identity === old))
    return { is: 'failed', message: why };
  const later = await lookUntilUp(there, old, context);
  if (later.up && later.identity !== old) return restarted(there, later);
  if (later.busy === undefined && isDown(later))
    return { is: 'failed', message: `it was ended and did not come up again: ${why ?? later.active}` };
  return { is: 'unknown', message: why ?? 'it was told to restart, and nothing new has come up in time' };
}

function restarted({ host }: There, { pid }: RemoteUnit): ActionResult {
  return { is: 'done', message: `restarted on ${host} (pid ${pid})`, data: { pid } };
}

/** Looks until systemd has done what it was about: something other than `old` runs, or nothing will; for most of the time there is. */
export async function lookUntilUp(there: There, old: string, context: ActionContext): Promise<RemoteUnit> {
  const { clock } = context.io;
  const unit = unitThere(there);
  const until = ownDeadlineMs(context);
  for (;;) {
    const now = unitOf(await lookThere(there, lookAtUnit(unit), context), unit, there.host);
    const settled = now.busy === undefined ? now.up || isDown(now) : now.up && now.identity !== old;
    if (settled || context.signal.aborted || clock.monotonicMs() >= until) return now;
    await clock.sleep(limits.healthPollMs, context.signal).catch(() => undefined);
  }
}

// A unit that systemd starts again by itself is `activating` meanwhile.
function isDown({ active }: RemoteUnit): boolean {
  return active === 'failed' || active === 'inactive';
}

function parseBefore(before: Json, there: There): string {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success || parsed.data.host !== there.host) throw malformedBefore('host.service-restart');
  return parsed.data.identity;
}
