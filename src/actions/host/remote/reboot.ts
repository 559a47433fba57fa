import * as z from 'zod';

import { digest } from '../../../lib/canonical.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json } from '../../../lib/json.ts';
import type { ActionContext, HostCommand } from '../../../domain/ports/action.ts';
import { ownDeadlineMs } from '../health.ts';
import { malformedBefore } from '../running.ts';
import type { RemoteHand } from './by-place.ts';
import { textFact, type Facts } from './facts.ts';
import { blastOn, groupOf } from './group.ts';
import { scriptOf } from './prelude.ts';
import { targetThere } from './there.ts';
import type { There } from './there.ts';
import { actThere, lookThere, notAllowed, whyNotDone } from './trip.ts';
import { sessionsOf } from './unit.ts';

const rebootCommand: HostCommand = { argv: ['/usr/bin/systemctl', 'reboot'] };

const bootFacts = `
boot_facts() {
  read -r boot </proc/sys/kernel/random/boot_id && say boot "$boot"
  if [ -d /run/systemd/system ]; then say state "$(systemctl is-system-running 2>/dev/null)"; fi
  say jobs "$(systemctl list-jobs --no-legend --no-pager 2>/dev/null | grep -c .)"
}
`;

// The arguments are a command that is asked of sudo, and not run.
const lookScript = scriptOf(`${bootFacts}
main() {
  boot_facts
  machine_facts
  if [ $# -gt 0 ]; then
    if may "$@"; then say may yes; else say may no; fi
  fi
}
`);

// $1: the boot that is to end. Another one is left alone.
const rebootScript = scriptOf(`${bootFacts}
main() {
  read -r boot </proc/sys/kernel/random/boot_id
  if [ "$boot" != "$1" ]; then say did yes
  else as_root /usr/bin/systemctl reboot; fi
  say boot "$boot"
}
`);

const beforeShape = z.strictObject({ host: z.string(), boot: z.string().regex(/^[0-9a-f-]{36}$/) });
const pollMs = 3_000;
const lookMs = 10_000;

/** `host.reboot`: the id of a boot, which the kernel makes anew each time, is what tells one from the next. */
export const rebootThere: RemoteHand<object> = {
  needs: () => ({ commands: [rebootCommand] }),
  target: (_params, there) => targetThere(there, 'host', ''),
  observe: async (_params, there, context) => {
    const [facts, group] = await Promise.all([
      lookThere(there, { script: lookScript, args: rebootCommand.argv }, context),
      groupOf(there, { script: lookScript, args: [] }, (peer) => isUp(peer), context),
    ]);
    if (facts.text('may') !== 'yes') throw notAllowed(there, context, rebootCommand);
    const boot = bootOf(facts);
    if (boot === '') throw new WatchkeeperError('unsupported', `${there.host} does not tell the id of its boot`);
    const jobs = facts.count('jobs');
    return {
      target: targetThere(there, 'host', ''),
      atMs: context.io.clock.nowMs(),
      facts: {
        host: there.host,
        boot,
        state: facts.text('state'),
        uptimeSeconds: Math.floor(Number(facts.text('machine.up')) || 0),
        ...sessionsOf(facts),
      },
      stateHash: digest([there.host, boot]),
      blast: blastOn(there, group, isUp(facts)),
      ...(jobs > 0 ? { busy: `systemd on ${there.host} is working on ${jobs} jobs` } : {}),
    };
  },
  preview: (_params, { facts }) => {
    const host = textFact(facts['host']);
    const sessions = Array.isArray(facts['sessions']) ? facts['sessions'].length : 0;
    const also = sessions === 0 ? '' : `; ${sessions} people are logged in`;
    return {
      describe: `reboot ${host}, and wait until it is back${also}`,
      diff: [`${host}: up for ${Number(facts['uptimeSeconds'] ?? 0)} s → rebooted`],
    };
  },
  before: (_params, { facts }): Json => ({ host: textFact(facts['host']), boot: textFact(facts['boot']) }),
  run: async (_params, before, _key, there, context) => {
    const boot = parseBefore(before, there);
    const acted = await actThere(there, { script: rebootScript, args: [boot], timeoutMs: 30_000 }, context);
    if (acted.is === 'failed') return acted;
    // A connection that is cut is what a reboot looks like; anything else that was said counts.
    if (acted.is === 'ended' && acted.facts.text('did') !== '') {
      const why = whyNotDone(acted.facts, there, context, rebootCommand);
      if (why !== undefined) return { is: 'failed', message: why };
    }
    const seen = await untilBack(there, boot, context);
    if (seen === undefined)
      return { is: 'unknown', message: `${there.host} was told to reboot, and has not come back in time` };
    return { is: 'done', message: `${there.host} is back (${seen.text('state')}), boot ${bootOf(seen)}` };
  },
  probe: async (_params, before, there, context) => {
    const boot = parseBefore(before, there);
    const facts = await lookThere(there, { script: lookScript, args: [], timeoutMs: lookMs }, context);
    if (bootOf(facts) === '') return { is: 'unknown', because: `${there.host} does not tell the id of its boot` };
    if (bootOf(facts) !== boot) return { is: 'done', because: `${there.host} has booted since` };
    if (facts.text('state') === 'stopping') return { is: 'unknown', because: `${there.host} is going down` };
    return { is: 'not-done', because: `${there.host} runs the same boot` };
  },
};

// Asked again and again: nothing that a host says, or does not, while it goes down and comes up is an answer.
async function untilBack(there: There, old: string, context: ActionContext): Promise<Facts | undefined> {
  const { clock } = context.io;
  const until = ownDeadlineMs(context);
  while (!context.signal.aborted && clock.monotonicMs() < until) {
    try {
      const script = { script: lookScript, args: [], timeoutMs: Math.min(lookMs, until - clock.monotonicMs()) };
      const facts = await lookThere(there, script, context);
      const state = facts.text('state');
      if (bootOf(facts) !== '' && bootOf(facts) !== old && state !== 'starting' && state !== 'initializing')
        return facts;
    } catch {
      // Not there yet.
    }
    await clock.sleep(pollMs, context.signal).catch(() => undefined);
  }
  return undefined;
}

function isUp(facts: Facts): boolean {
  return ['running', 'degraded', ''].includes(facts.text('state')) && bootOf(facts) !== '';
}

function bootOf(facts: Facts): string {
  return /^[0-9a-f-]{36}$/.exec(facts.text('boot'))?.[0] ?? '';
}

function parseBefore(before: Json, there: There): string {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success || parsed.data.host !== there.host) throw malformedBefore('host.reboot');
  return parsed.data.boot;
}
