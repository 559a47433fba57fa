// Read beforehand: while the first question imported them, a night of the virtual clock would be over.
import '../../../src/actions/host/remote/release-rollback.ts';
import '../../../src/actions/host/remote/service-restart.ts';
import { lookReleasesScript, pointScript } from '../../../src/actions/host/remote/release-scripts.ts';
import type { SshCommand, SshOperators, SshOutcome } from '../../../src/domain/ports/ssh.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { Effect } from './host.ts';
import type { WorldFile } from './world-file.ts';

interface FleetHost {
  readonly name: string;
  readonly service: string;
  release: string;
  linkedAtMs: number;
  /** Grows with every start. */
  run: number;
  startedMs: number;
}

/** Hosts over SSH, as their hands find them: a group a service, called as the service is. */
export interface SimFleet {
  readonly operators: SshOperators;
  /** The hosts of a service's group; none for one that is not of the fleet. */
  hostsOf(service: string): readonly string[];
  release(host: string): string;
  /** Somebody else deploys to some hosts. */
  deploy(hosts: readonly string[], to: string): void;
}

/** What a fleet tells of. */
export interface FleetEvents {
  /** Before anything is another. */
  readonly onChange: () => void;
  readonly onEffect: (effect: Effect) => void;
  /** A release was put back by us. */
  readonly onBack: (host: string, service: string, from: string, to: string) => void;
  readonly isUnreachable: (host: string) => boolean;
}

const bootedMs = 3_600_000;

/** Makes the hosts of a scenario. */
export function simFleet(fleet: WorldFile['fleet'], clock: VirtualClock, events: FleetEvents): SimFleet {
  const hosts = new Map<string, FleetHost>();
  for (const [service, { hosts: names, current }] of Object.entries(fleet))
    for (const name of names)
      hosts.set(name, { name, service, release: current, linkedAtMs: clock.nowMs(), run: 1, startedMs: 0 });
  const find = (name: string): FleetHost => {
    const found = hosts.get(name);
    if (found === undefined) throw new Error(`no host ${name} in the fleet`);
    return found;
  };
  const start = (host: FleetHost, release: string): void => {
    events.onChange();
    Object.assign(host, { release, run: host.run + 1, startedMs: clock.monotonicMs(), linkedAtMs: clock.nowMs() });
  };
  const effect = (what: Effect['what'], { service }: FleetHost, detail: string): void =>
    events.onEffect({ atMs: clock.nowMs(), what, detail, service });
  const act = (host: FleetHost, { script, args }: SshCommand): Record<string, string> => {
    if (script !== pointScript) throw new Error('the fleet only knows how to put a release back');
    const [root = '', , from = '', to = ''] = args;
    if (host.release !== from) return { real: `${root}/${host.release}`, point: 'other' };
    effect('linked', host, `on ${host.name} current → releases/${to}`);
    start(host, to);
    effect('restarted', host, `${host.service}.service on ${host.name}`);
    events.onBack(host.name, host.service, from, to);
    return { real: `${root}/${to}`, point: 'now', did: 'yes', ...unitFacts(host, clock) };
  };
  const operator: ReturnType<SshOperators['operator']> = {
    user: 'hand',
    hosts: ({ host, group }) =>
      Promise.resolve(
        [...hosts.values()]
          .filter((one) => one.name === host || one.service === group)
          .map(({ name, service }) => ({ name, groups: [service] })),
      ),
    look: (name, command) =>
      answered(name, () => {
        const host = find(name);
        if (command.script !== lookReleasesScript) return { ...unitFacts(host, clock), may: 'yes' };
        return releaseFacts(host, fleet[host.service]?.releases ?? [], command.args[0] ?? '');
      }),
    act: (name, command) => answered(name, () => act(find(name), command)),
  };
  const answered = (name: string, facts: () => Record<string, string | readonly string[]>): Promise<SshOutcome> =>
    events.isUnreachable(name)
      ? Promise.reject(new WatchkeeperError('unreachable', `${name}: connection refused`))
      : Promise.resolve(outcomeOf(facts()));
  return {
    operators: { operator: () => operator, close: () => undefined },
    hostsOf: (service) => fleet[service]?.hosts ?? [],
    release: (name) => find(name).release,
    deploy: (names, to) => {
      for (const name of names) start(find(name), to);
    },
  };
}

function unitFacts(host: FleetHost, clock: VirtualClock): Record<string, string> {
  return {
    'unit.LoadState': 'loaded',
    'unit.ActiveState': 'active',
    'unit.SubState': 'running',
    'unit.InvocationID': host.run.toString(16).padStart(32, '0'),
    'unit.MainPID': String(4_000 + host.run),
    'unit.Job': '0',
    'unit.ActiveEnterTimestampMonotonic': String((bootedMs + host.startedMs) * 1_000),
    'machine.up': ((bootedMs + clock.monotonicMs()) / 1_000).toFixed(2),
    'machine.now': String(Math.floor(clock.nowMs() / 1_000)),
  };
}

function releaseFacts(
  host: FleetHost,
  releases: readonly string[],
  root: string,
): Record<string, string | readonly string[]> {
  return {
    link: `releases/${host.release}`,
    root,
    real: `${root}/${host.release}`,
    linkedAt: String(Math.floor(host.linkedAtMs / 1_000)),
    writable: 'yes',
    release: releases.map((name, index) => `${1_700_000_000 + index} ${name}`),
  };
}

function outcomeOf(facts: Record<string, string | readonly string[]>): SshOutcome {
  const lines = Object.entries(facts).flatMap(([name, values]) => [values].flat().map((value) => `${name}=${value}`));
  const stdout = new TextEncoder().encode(['@ begin', ...lines, '@ end', ''].join('\n'));
  return { is: 'ended', code: 0, signalName: null, stdout, stderr: '' };
}
