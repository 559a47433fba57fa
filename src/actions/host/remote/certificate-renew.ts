import * as z from 'zod';

import { digest } from '../../../lib/canonical.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import { firstEnd } from '../../../io/clients/linux/metrics/certificates.ts';
import type { SshPlace } from '../../../domain/places.ts';
import type { ActionContext, HostCommand } from '../../../domain/ports/action.ts';
import { ownDeadlineMs } from '../health.ts';
import { checkedPath, checkedUnit } from '../place.ts';
import { malformedBefore } from '../running.ts';
import type { RemoteHand } from './by-place.ts';
import { textFact } from './facts.ts';
import { scriptOf } from './prelude.ts';
import { targetThere } from './there.ts';
import type { There } from './there.ts';
import { actThere, hostsThere, lookThere, notAllowed, whyNotDone } from './trip.ts';
import { sessionsOf } from './unit.ts';

type Renewal = NonNullable<SshPlace['renewal']>;

function renewCommand(renewal: Renewal): HostCommand {
  if ('unit' in renewal) return { argv: ['/usr/bin/systemctl', 'start', '--', checkedUnit(renewal.unit)] };
  const { certbot } = renewal;
  return {
    argv: ['/usr/bin/certbot', 'renew', '--cert-name', certbot, '--non-interactive', '--no-random-sleep-on-renew'],
  };
}

// A certificate is no secret, but the folder it is in often is closed: then it is read as root, and nothing else of it.
function readCommand(renewal: Renewal): HostCommand {
  return { argv: ['/usr/bin/cat', '--', checkedPath(renewal.certificate)] };
}

// Of a file that holds a key as well, the certificates alone leave the host.
const shared = `
certificate() {
  if [ -r "$1" ]; then text=$(head -c 262144 "$1")
  elif may /usr/bin/cat -- "$1"; then text=$(sudo -n -- /usr/bin/cat -- "$1" 2>/dev/null </dev/null | head -c 262144)
  else
    say readable no
    return
  fi
  printf '%s\\n' "$text" | sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/s/^/pem=/p'
}
`;

// $1: the certificate; $2: the unit that renews it, or -; then the command, asked of sudo and not run.
const lookScript = scriptOf(`${shared}
main() {
  certificate "$1"
  if [ "$2" != - ]; then
    say load "$(unit_property "$2" LoadState)"
    say active "$(unit_property "$2" ActiveState)"
  fi
  machine_facts
  shift 2
  if [ $# -gt 0 ]; then
    if may "$@"; then say may yes; else say may no; fi
  fi
}
`);

// $1: the unit that renews, or -; $2: certbot's name for the certificate.
const renewScript = scriptOf(`
main() {
  if [ "$1" != - ]; then as_root /usr/bin/systemctl start -- "$1"
  else as_root /usr/bin/certbot renew --cert-name "$2" --non-interactive --no-random-sleep-on-renew; fi
}
`);

const beforeShape = z.strictObject({ host: z.string(), endsMs: z.number() });

/** `host.certificate-renew`: by the fixed way that the service names, and believed only by the certificate's new end. */
export const renewThere: RemoteHand<object> = {
  needs: (_written, { renewal }) => ({
    commands: renewal === undefined ? [] : [renewCommand(renewal), readCommand(renewal)],
  }),
  target: (_params, there) => targetThere(there, 'certificate', renewalThere(there).certificate),
  observe: async (_params, there, context) => {
    const renewal = renewalThere(there);
    const command = renewCommand(renewal);
    const [hosts, seen] = await Promise.all([hostsThere(there, context), look(there, command.argv, context)]);
    if (!seen.may) throw notAllowed(there, context, command);
    return {
      target: targetThere(there, 'certificate', renewal.certificate),
      atMs: context.io.clock.nowMs(),
      facts: {
        host: there.host,
        endsMs: seen.endsMs,
        daysLeft: Math.floor((seen.endsMs - context.io.clock.nowMs()) / 86_400_000),
        by: command.argv.join(' '),
        ...seen.sessions,
      },
      stateHash: digest([there.host, renewal.certificate, seen.endsMs]),
      blast: {
        touched: 1,
        total: hosts.length,
        healthyAfter: hosts.length,
        healthyNow: hosts.length,
        names: [`host:${there.host}`],
        targets: [there.host],
        dependents: [],
      },
      ...(seen.working ? { busy: `${there.host} is renewing the certificate right now` } : {}),
    };
  },
  preview: (_params, { target, facts }) => ({
    describe: `renew ${target.id}, which ends in ${Number(facts['daysLeft'] ?? 0)} days: ${textFact(facts['by'])}`,
    diff: [`${target.id}: ends ${new Date(Number(facts['endsMs'] ?? 0)).toISOString()} → later`],
  }),
  before: (_params, { facts }): Json => ({ host: textFact(facts['host']), endsMs: facts['endsMs'] ?? 0 }),
  run: async (_params, before, _key, there, context) => {
    const renewal = renewalThere(there);
    const was = parseBefore(before, there);
    const first = await look(there, [], context).catch((thrown: unknown) => WatchkeeperError.from(thrown));
    if (first instanceof WatchkeeperError) return { is: 'failed', message: `nothing was begun: ${first.message}` };
    if (first.endsMs > was) return renewed(there, first.endsMs);
    const args = 'unit' in renewal ? [checkedUnit(renewal.unit), '-'] : ['-', renewal.certbot];
    const acted = await actThere(there, { script: renewScript, args }, context);
    if (acted.is !== 'ended') return acted;
    const why = whyNotDone(acted.facts, there, context, renewCommand(renewal));
    if (why !== undefined) return { is: 'failed', message: why };
    const now = await untilNewer(there, was, context);
    if (now > was) return renewed(there, now);
    return { is: 'failed', message: `it ended well on ${there.host}, and the certificate is the same as before` };
  },
  probe: async (_params, before, there, context) => {
    const was = parseBefore(before, there);
    const { endsMs, working } = await look(there, [], context);
    if (endsMs > was) return { is: 'done', because: `the certificate ends ${new Date(endsMs).toISOString()} now` };
    if (working) return { is: 'unknown', because: `${there.host} is renewing it right now` };
    return { is: 'not-done', because: 'the certificate is the same' };
  },
};

function renewed({ host }: There, endsMs: number): { readonly is: 'done'; readonly message: string } {
  return { is: 'done', message: `the certificate on ${host} ends ${new Date(endsMs).toISOString()} now` };
}

interface Seen {
  readonly endsMs: number;
  readonly may: boolean;
  readonly working: boolean;
  readonly sessions: ReturnType<typeof sessionsOf>;
}

async function look(there: There, command: readonly string[], context: ActionContext): Promise<Seen> {
  const renewal = renewalThere(there);
  const unit = 'unit' in renewal ? checkedUnit(renewal.unit) : '-';
  const facts = await lookThere(there, { script: lookScript, args: [renewal.certificate, unit, ...command] }, context);
  if (facts.text('readable') === 'no') throw notAllowed(there, context, readCommand(renewal));
  if (unit !== '-' && facts.text('load') === 'not-found')
    throw new WatchkeeperError('not-found', `systemd on ${there.host} knows no unit ${unit}`);
  return {
    endsMs: firstEnd(renewal.certificate, facts.raw('pem').join('\n')),
    may: facts.text('may') === 'yes',
    working: ['activating', 'reloading', 'deactivating'].includes(facts.text('active')),
    sessions: sessionsOf(facts),
  };
}

// What renews may put the certificate in its place a moment after it said that it ended.
async function untilNewer(there: There, was: number, context: ActionContext): Promise<number> {
  const { clock } = context.io;
  const until = Math.min(ownDeadlineMs(context), clock.monotonicMs() + 10_000);
  for (;;) {
    const { endsMs, working } = await look(there, [], context);
    const over = context.signal.aborted || clock.monotonicMs() >= (working ? ownDeadlineMs(context) : until);
    if (endsMs > was || over) return endsMs;
    await clock.sleep(limits.healthPollMs * 4, context.signal).catch(() => undefined);
  }
}

function renewalThere({ place, service }: There): Renewal {
  if (place.renewal !== undefined) return place.renewal;
  throw new WatchkeeperError('config-invalid', `service ${service.name} does not say how its certificate is renewed`, {
    fix: 'Add ssh.renewal {certificate, unit or certbot} to its runsOn.',
  });
}

function parseBefore(before: Json, there: There): number {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success || parsed.data.host !== there.host) throw malformedBefore('host.certificate-renew');
  return parsed.data.endsMs;
}
