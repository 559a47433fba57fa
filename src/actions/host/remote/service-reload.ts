import * as z from 'zod';

import { digest } from '../../../lib/canonical.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json } from '../../../lib/json.ts';
import type { HostCommand } from '../../../domain/ports/action.ts';
import { malformedBefore } from '../running.ts';
import type { RemoteHand } from './by-place.ts';
import { textFact } from './facts.ts';
import { observeUnit, takesNothing } from './observe-unit.ts';
import { scriptOf } from './prelude.ts';
import { targetThere } from './there.ts';
import type { There } from './there.ts';
import { actThere, lookThere, whyNotDone } from './trip.ts';
import { lookAtUnit, unitNeeds, unitOf, unitThere } from './unit.ts';

function reloadCommand(unit: string): HostCommand {
  return { argv: ['/usr/bin/systemctl', 'reload', '--', unit] };
}

// $1: the unit; $2: its run; $3: when its state changed last. One that was started or reloaded since is left alone.
const reloadScript = scriptOf(`
main() {
  if [ "$(unit_property "$1" InvocationID)" != "$2" ]; then say did yes
  elif [ "$(unit_property "$1" StateChangeTimestampMonotonic)" != "$3" ]; then say did yes
  else as_root /usr/bin/systemctl reload -- "$1"; fi
  unit_facts "$1"
}
`);

const beforeShape = z.strictObject({ host: z.string(), identity: z.string(), changedUs: z.number() });
type Before = z.infer<typeof beforeShape>;

/** `host.service-reload` over SSH. systemd notes the time of each change of a unit's state, a reload among them. */
export const reloadThere: RemoteHand<object> = {
  needs: (_written, place) => unitNeeds(place, reloadCommand),
  target: (_params, there) => targetThere(there, 'unit', unitThere(there)),
  observe: async (_params, there, context) => {
    const unit = unitThere(there);
    const { now, observation } = await observeUnit(there, unit, reloadCommand(unit), context);
    return takesNothing({
      ...observation,
      facts: { ...observation.facts, canReload: now.canReload, changedUs: now.stateChangedUs },
      stateHash: digest([there.host, unit, now.identity, now.stateChangedUs]),
    });
  },
  preview: (_params, { target, facts }) => {
    if (facts['running'] !== true) throw new WatchkeeperError('conflict', `${target.id} does not run`);
    if (facts['canReload'] !== true)
      throw new WatchkeeperError('conflict', `${target.id} has no ExecReload: it can only be restarted`);
    return { describe: `reload ${target.id}`, diff: [`${target.id}: reads its configuration anew`] };
  },
  before: (_params, { facts }): Json => ({
    host: textFact(facts['host']),
    identity: textFact(facts['identity']),
    changedUs: facts['changedUs'] ?? 0,
  }),
  run: async (_params, before, _key, there, context) => {
    const unit = unitThere(there);
    const was = parseBefore(before, there);
    const args = [unit, was.identity, String(was.changedUs)];
    const acted = await actThere(there, { script: reloadScript, args }, context);
    if (acted.is !== 'ended') return acted;
    const why = whyNotDone(acted.facts, there, context, reloadCommand(unit));
    if (why !== undefined) return { is: 'failed', message: why };
    const now = unitOf(acted.facts, unit, there.host);
    if (now.up) return { is: 'done', message: `reloaded on ${there.host} (pid ${now.pid})` };
    return { is: 'failed', message: `${unit} on ${there.host} was reloaded and is ${now.active} now` };
  },
  probe: async (_params, before, there, context) => {
    const unit = unitThere(there);
    const was = parseBefore(before, there);
    const now = unitOf(await lookThere(there, lookAtUnit(unit), context), unit, there.host);
    if (now.busy !== undefined || !now.up) return { is: 'unknown', because: now.busy ?? `${unit} is ${now.active}` };
    if (now.identity !== was.identity) return { is: 'done', because: 'it was started anew since' };
    return now.stateChangedUs === was.changedUs
      ? { is: 'not-done', because: 'its state has not changed since' }
      : { is: 'done', because: 'systemd has noted a change of its state since' };
  },
};

function parseBefore(before: Json, there: There): Before {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success || parsed.data.host !== there.host) throw malformedBefore('host.service-reload');
  return parsed.data;
}
