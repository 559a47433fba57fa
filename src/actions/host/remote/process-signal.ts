import * as z from 'zod';

import { digest } from '../../../lib/canonical.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import type { ActionContext, HostCommand } from '../../../domain/ports/action.ts';
import { createOnce } from '../../once.ts';
import { malformedBefore } from '../running.ts';
import type { RemoteHand } from './by-place.ts';
import { textFact } from './facts.ts';
import { observeUnit, takesNothing } from './observe-unit.ts';
import { scriptOf } from './prelude.ts';
import { targetThere } from './there.ts';
import type { There } from './there.ts';
import { actThere, lookThere, whyNotDone } from './trip.ts';
import { unitNeeds, unitThere } from './unit.ts';

// By the unit and not by the process's number, which no line of sudoers could name before. --kill-who is understood by
// systemd of any age.
function signalCommand(unit: string, signal: string): HostCommand {
  return { argv: ['/usr/bin/systemctl', 'kill', '--kill-who=main', `--signal=${signal}`, '--', unit] };
}

const ticks = `
# When a process started, in ticks since boot: with its number it is that process and no later one.
started() {
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # shellcheck disable=SC2086
  set -- \${stat##*) }
  [ $# -ge 20 ] || return 0
  shift 19
  printf '%s' "$1"
}
`;

// $1: a process's number.
const lookScript = scriptOf(`${ticks}
main() { say ticks "$(started "$1")"; }
`);

// $1: the unit; $2: the signal; $3 and $4: its main process, by number and start.
const signalScript = scriptOf(`${ticks}
main() {
  if [ "$(unit_property "$1" MainPID)" != "$3" ] || [ "$(started "$3")" != "$4" ]; then say did other
  else as_root /usr/bin/systemctl kill --kill-who=main "--signal=$2" -- "$1"; fi
}
`);

const beforeShape = z.strictObject({ host: z.string(), pid: z.int().min(2), ticks: z.string().regex(/^\d{1,20}$/) });
const once = createOnce();
const ending: ReadonlySet<string> = new Set(['SIGTERM', 'SIGINT']);

interface Params {
  readonly signal: string;
}

/** `host.process-signal` over SSH: to the main process of a unit, and only to the very one that was looked at. */
export const signalThere: RemoteHand<Params> = {
  needs: (written: JsonObject, place) => {
    const { signal } = written;
    if (typeof signal !== 'string') return { commands: [] };
    if (/^SIG[A-Z0-9]+$/.test(signal)) return unitNeeds(place, (unit) => signalCommand(unit, signal));
    return { commands: [], unknown: [`a signal to ${place.unit ?? ''} that is worked out only when it is sent`] };
  },
  target: (_params, there) => targetThere(there, 'unit', unitThere(there)),
  observe: async ({ signal }, there, context) => {
    const unit = unitThere(there);
    const { now, observation } = await observeUnit(there, unit, signalCommand(unit, signal), context);
    const since = now.pid > 1 ? await startOf(now.pid, there, context) : '';
    const seen = {
      ...observation,
      facts: { ...observation.facts, running: since !== '', ticks: since, identity: `${now.pid}@${since}` },
      stateHash: digest([there.host, unit, now.pid, since]),
    };
    return ending.has(signal) ? seen : takesNothing(seen);
  },
  preview: ({ signal }, { target, facts }) => {
    if (facts['running'] !== true) throw new WatchkeeperError('conflict', `${target.id} has no main process`);
    const pid = typeof facts['pid'] === 'number' ? facts['pid'] : 0;
    return { describe: `send ${signal} to ${target.id} (pid ${pid})`, diff: [`${target.id}, pid ${pid}: ${signal}`] };
  },
  before: (_params, { facts }): Json => ({
    host: textFact(facts['host']),
    pid: facts['pid'] ?? 0,
    ticks: textFact(facts['ticks']),
  }),
  run: ({ signal }, before, key, there, context) =>
    once(key, async () => {
      const unit = unitThere(there);
      const was = parseBefore(before, there);
      const args = [unit, signal, String(was.pid), was.ticks];
      const acted = await actThere(there, { script: signalScript, args }, context);
      if (acted.is !== 'ended') return acted;
      if (acted.facts.text('did') === 'other')
        return { is: 'failed', message: `pid ${was.pid} on ${there.host} is not the main process of ${unit} any more` };
      const why = whyNotDone(acted.facts, there, context, signalCommand(unit, signal));
      return why === undefined
        ? { is: 'done', message: `${signal} was sent to pid ${was.pid} on ${there.host}` }
        : { is: 'failed', message: why };
    }),
  probe: async ({ signal }, before, there, context) => {
    const was = parseBefore(before, there);
    const gone = (await startOf(was.pid, there, context)) !== was.ticks;
    if (gone && ending.has(signal)) return { is: 'done', because: `the process that was pid ${was.pid} has ended` };
    return { is: 'unknown', because: `a ${signal} leaves nothing to look for` };
  },
};

async function startOf(pid: number, there: There, context: ActionContext): Promise<string> {
  const facts = await lookThere(there, { script: lookScript, args: [String(pid)] }, context);
  return /^\d{1,20}$/.exec(facts.text('ticks'))?.[0] ?? '';
}

function parseBefore(before: Json, there: There): z.infer<typeof beforeShape> {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success || parsed.data.host !== there.host) throw malformedBefore('host.process-signal');
  return parsed.data;
}
