import * as z from 'zod';

import { digest } from '../../../lib/canonical.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import type { ActionContext, HostCommand } from '../../../domain/ports/action.ts';
import { ownDeadlineMs } from '../health.ts';
import { malformedBefore } from '../running.ts';
import type { RemoteHand } from './by-place.ts';
import { textFact, type Facts } from './facts.ts';
import { scriptOf } from './prelude.ts';
import { targetThere } from './there.ts';
import type { There } from './there.ts';
import { actThere, hostsThere, lookThere, notAllowed, whyNotDone } from './trip.ts';
import { sessionsOf } from './unit.ts';

// The first of these that a host has keeps its time.
const keepers = ['chrony.service', 'chronyd.service', 'systemd-timesyncd.service', 'ntpsec.service', 'ntpd.service'];

function restartOf(unit: string): HostCommand {
  return { argv: ['/usr/bin/systemctl', 'restart', '--', unit] };
}

const shared = `
keeper() {
  for unit in ${keepers.join(' ')}; do
    if [ "$(unit_property "$unit" LoadState)" = loaded ]; then
      printf '%s' "$unit"
      return
    fi
  done
}

time_facts() {
  say identity "$(unit_property "$1" InvocationID)"
  say active "$(unit_property "$1" ActiveState)"
  say job "$(unit_property "$1" Job)"
  case $1 in
    chrony*) said=$(chronyc -n tracking 2>/dev/null)
      case $said in *'Leap status     : Normal'*) say synced yes ;; '') say synced untold ;; *) say synced no ;; esac
      say offset "$(printf '%s\\n' "$said" | sed -n 's/^System time *: *//p')" ;;
    systemd-timesyncd*) if [ -e /run/systemd/timesync/synchronized ]; then say synced yes; else say synced no; fi ;;
    *) say synced untold ;;
  esac
}
`;

const lookScript = scriptOf(`${shared}
main() {
  unit=$(keeper)
  say unit "$unit"
  [ -n "$unit" ] || return 0
  time_facts "$unit"
  machine_facts
  if may /usr/bin/systemctl restart -- "$unit"; then say may yes; else say may no; fi
}
`);

// $1: what keeps the time; $2: its run that is to end.
const resyncScript = scriptOf(`${shared}
main() {
  if [ "$(unit_property "$1" InvocationID)" != "$2" ]; then say did yes
  else as_root /usr/bin/systemctl restart -- "$1"; fi
  time_facts "$1"
}
`);

const beforeShape = z.strictObject({ host: z.string(), unit: z.enum(keepers), identity: z.string() });
type Before = z.infer<typeof beforeShape>;

/** `host.time-resync`: starts what keeps a host's time anew, which steps the clock, and waits until it is synchronised. */
export const resyncThere: RemoteHand<object> = {
  needs: () => ({ commands: keepers.slice(0, 3).map(restartOf) }),
  target: (_params, there) => targetThere(there, 'host', 'time'),
  observe: async (_params, there, context) => {
    const [hosts, facts] = await Promise.all([
      hostsThere(there, context),
      lookThere(there, { script: lookScript, args: [] }, context),
    ]);
    const unit = keeperOf(facts, there);
    if (facts.text('may') !== 'yes') throw notAllowed(there, context, restartOf(unit));
    const job = facts.count('job');
    return {
      target: targetThere(there, 'host', 'time'),
      atMs: context.io.clock.nowMs(),
      facts: {
        host: there.host,
        unit,
        identity: facts.text('identity'),
        synced: facts.text('synced'),
        offset: facts.text('offset'),
        clockAheadMs: facts.count('machine.now') * 1_000 - context.io.clock.nowMs(),
        ...sessionsOf(facts),
      },
      stateHash: digest([there.host, unit, facts.text('identity')]),
      // No service of the host ends.
      blast: {
        touched: 1,
        total: hosts.length,
        healthyAfter: hosts.length,
        healthyNow: hosts.length,
        names: [`host:${there.host}`],
        targets: [there.host],
        dependents: [],
      },
      ...(job > 0 ? { busy: `systemd on ${there.host} is working on ${unit} (job ${job})` } : {}),
    };
  },
  preview: (_params, { facts }) => ({
    describe: `start ${textFact(facts['unit'])} on ${textFact(facts['host'])} anew, and wait until the clock is synchronised`,
    diff: [
      `${textFact(facts['host'])}/${textFact(facts['unit'])}: restarted; synchronised: ${textFact(facts['synced'])} → yes`,
    ],
  }),
  before: (_params, { facts }): Json => ({
    host: textFact(facts['host']),
    unit: textFact(facts['unit']),
    identity: textFact(facts['identity']),
  }),
  run: async (_params, before, _key, there, context) => {
    const was = parseBefore(before, there);
    const acted = await actThere(there, { script: resyncScript, args: [was.unit, was.identity] }, context);
    if (acted.is !== 'ended') return acted;
    const why = whyNotDone(acted.facts, there, context, restartOf(was.unit));
    if (why !== undefined) return { is: 'failed', message: why };
    const now = await untilSynced(there, context);
    const synced = now.text('synced');
    if (synced === 'no')
      return {
        is: 'failed',
        message: `${was.unit} on ${there.host} was started anew and has not synchronised in time`,
      };
    const tells = synced === 'yes' ? 'the clock is synchronised' : 'it does not tell whether the clock is synchronised';
    return { is: 'done', message: `${was.unit} on ${there.host} was started anew; ${tells}` };
  },
  probe: async (_params, before, there, context) => {
    const was = parseBefore(before, there);
    const facts = await lookThere(there, { script: lookScript, args: [] }, context);
    if (facts.count('job') > 0 || facts.text('active') !== 'active')
      return { is: 'unknown', because: `${was.unit} is ${facts.text('active')}` };
    return facts.text('identity') === was.identity
      ? { is: 'not-done', because: `${was.unit} runs as it did` }
      : { is: 'done', because: `${was.unit} was started anew since` };
  },
};

async function untilSynced(there: There, context: ActionContext): Promise<Facts> {
  const { clock } = context.io;
  const until = ownDeadlineMs(context);
  for (;;) {
    const facts = await lookThere(there, { script: lookScript, args: [] }, context);
    if (facts.text('synced') !== 'no' || context.signal.aborted || clock.monotonicMs() >= until) return facts;
    await clock.sleep(limits.healthPollMs * 4, context.signal).catch(() => undefined);
  }
}

function keeperOf(facts: Facts, { host }: There): string {
  const unit = facts.text('unit');
  if (keepers.includes(unit)) return unit;
  throw new WatchkeeperError('unsupported', `nothing that we know keeps the time of ${host}`, {
    fix: `Known are ${keepers.join(', ')}.`,
  });
}

function parseBefore(before: Json, there: There): Before {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success || parsed.data.host !== there.host) throw malformedBefore('host.time-resync');
  return parsed.data;
}
