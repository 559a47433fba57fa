import { WatchkeeperError } from '../../../lib/errors.ts';
import type { JsonObject } from '../../../lib/json.ts';
import type { SshPlace } from '../../../domain/places.ts';
import type { HostCommand, HostNeeds } from '../../../domain/ports/action.ts';
import { checkedUnit } from '../place.ts';
import type { Facts } from './facts.ts';
import { scriptOf } from './prelude.ts';
import type { There } from './there.ts';
import type { Script } from './trip.ts';

/** A unit of a host as systemd there tells of it. */
export interface RemoteUnit {
  readonly up: boolean;
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  /** InvocationID: changes with every start. Empty when it never ran. */
  readonly identity: string;
  readonly pid: number;
  readonly startedAtMs: number;
  /** Microseconds since boot; changes with every change of state, a reload among them. */
  readonly stateChangedUs: number;
  readonly canReload: boolean;
  readonly busy?: string;
}

/** The unit that a service is there. @throws `config-invalid` when it has none. */
export function unitThere({ place, service }: There): string {
  if (place.unit !== undefined) return checkedUnit(place.unit);
  throw new WatchkeeperError('config-invalid', `service ${service.name} has no unit on its hosts`, {
    fix: 'Add ssh.unit to its runsOn.',
  });
}

/** What an act on the unit of a place needs; a name that systemd would not take is said, and needs nothing. */
export function unitNeeds({ unit }: SshPlace, command: (unit: string) => HostCommand): HostNeeds {
  if (unit === undefined) return { commands: [] };
  try {
    return { commands: [command(checkedUnit(unit))] };
  } catch (thrown) {
    return { commands: [], unknown: [WatchkeeperError.from(thrown).message] };
  }
}

// $1: the unit. The rest is one command, asked of sudo, and not run.
const lookScript = scriptOf(`
main() {
  if ! [ -d /run/systemd/system ]; then
    say systemd no
    return
  fi
  unit_facts "$1"
  machine_facts
  shift
  if [ $# -gt 0 ]; then
    if may "$@"; then say may yes; else say may no; fi
  fi
}
`);

/** Looks at a unit, and whether a command may be run as root. */
export function lookAtUnit(unit: string, command: readonly string[] = []): Script {
  return { script: lookScript, args: [unit, ...command] };
}

/** Reads what `unit_facts` and `machine_facts` said. @throws `unsupported` without systemd, `not-found` without the unit. */
export function unitOf(facts: Facts, unit: string, host: string): RemoteUnit {
  const load = facts.text('unit.LoadState');
  if (facts.text('systemd') === 'no' || load === '')
    throw new WatchkeeperError('unsupported', `systemd does not answer on ${host}`);
  if (load === 'not-found') throw new WatchkeeperError('not-found', `systemd on ${host} knows no unit ${unit}`);
  const active = facts.text('unit.ActiveState');
  const job = facts.count('unit.Job');
  return {
    up: active === 'active' || active === 'reloading',
    load,
    active,
    sub: facts.text('unit.SubState'),
    identity: identityOf(facts.text('unit.InvocationID')),
    pid: facts.count('unit.MainPID'),
    startedAtMs: startedAt(facts),
    stateChangedUs: facts.count('unit.StateChangeTimestampMonotonic'),
    canReload: facts.text('unit.CanReload') === 'yes',
    ...(job > 0 ? { busy: `systemd on ${host} is working on ${unit} (job ${job})` } : {}),
  };
}

/** Who is logged in there: told to people, and no reason for anything. */
export function sessionsOf(facts: Facts): JsonObject {
  const sessions = facts.all('session').slice(0, 10);
  return sessions.length === 0 ? {} : { sessions };
}

function identityOf(written: string): string {
  return /^[0-9a-f]{32}$/.test(written) ? written : '';
}

// By the host's own clocks: seconds of the epoch, of uptime, and microseconds from boot to the start.
function startedAt(facts: Facts): number {
  const up = Number(/^\d+(\.\d+)?$/.exec(facts.text('machine.up'))?.[0] ?? Number.NaN);
  const bootMs = (facts.count('machine.now') - up) * 1_000;
  const startedMs = bootMs + facts.count('unit.ActiveEnterTimestampMonotonic') / 1_000;
  return Number.isFinite(startedMs) ? Math.round(startedMs) : 0;
}
