import type { JsonObject } from '../../lib/json.ts';
import { selects } from '../../lib/selector.ts';
import type { SshPlace } from '../../domain/places.ts';
import type { ActionKind, HostCommand, HostNeeds, WindowsRight } from '../../domain/ports/action.ts';
import type { Service } from '../../domain/service.ts';
import { sudoersLine } from '../../actions/index.ts';
import type { Runbook } from '../../runbooks/index.ts';
import { systemOf, systemsIn, type Inventories } from '../systems.ts';
import { rightInWords } from './rights.ts';

/** What hands need on the hosts of one place of an inventory: one host, or all of a group. */
export interface HostPermissions {
  readonly source: string;
  readonly place: string;
  readonly user: string;
  /** Lines of sudoers, each of one command. */
  readonly sudoers: readonly string[];
  /** Folders that the user must be able to write to. */
  readonly writes: readonly string[];
  /** Rights on Windows hosts; where there are any there are no commands. */
  readonly windows: readonly WindowsRight[];
  /** What cannot be worked out before, in sentences. */
  readonly unknown: readonly string[];
}

/** Whose hands, for what. */
export interface WhoActsOnHosts {
  readonly runbooks: readonly Runbook[];
  readonly services: readonly Service[];
  readonly actions: Readonly<Record<string, ActionKind>>;
  /** The sources whose hosts hands may log in to, and as whom. */
  readonly hands: readonly { readonly source: string; readonly login: { readonly user: string } }[];
  /** What is known of the hosts: what runs on them decides which needs are theirs. */
  readonly inventories: Inventories;
}

interface Gathered {
  readonly commands: Map<string, HostCommand>;
  readonly writes: Set<string>;
  readonly windows: Map<string, WindowsRight>;
  readonly unknown: Set<string>;
}

/** The least that hands need on hosts for the runbooks in force, place by place. */
export function hostPermissions(who: WhoActsOnHosts): readonly HostPermissions[] {
  const { runbooks, services, actions, hands, inventories } = who;
  return hands.flatMap(({ source, login }) => {
    const places = new Map<string, Gathered>();
    const inventory = inventories.get(source);
    const machines = inventory === undefined ? [] : systemsIn(inventory).map((os) => anyMachine(source, os));
    const all = [...services, ...machines];
    for (const { runbook, step } of runbooks.flatMap((one) => one.steps.map((step) => ({ runbook: one, step })))) {
      const needs = actions[step.action]?.onHosts;
      if (needs === undefined) continue;
      for (const service of all.filter((one) => selects(runbook.services, one)))
        for (const place of placesIn(service, source)) {
          const needed = needs(step.written, place);
          if (isFor(systemOf(place, inventories), needed)) gather(places, nameOf(place), needed);
        }
    }
    return [...places]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([place, { commands, writes, windows, unknown }]) => ({
        source,
        place,
        user: login.user,
        sudoers: [...commands.values()].map((command) => sudoersLine(login.user, command)).sort(),
        writes: [...writes].sort(),
        windows: [...windows.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, right]) => right),
        unknown: [...unknown].sort(),
      }))
      .filter((one) => one.sudoers.length + one.writes.length + one.windows.length + one.unknown.length > 0);
  });
}

// A runbook for Linux may be in force for a service on Windows, and the other way round: it is refused there, and needs nothing.
function isFor(system: 'linux' | 'windows' | undefined, { windows }: HostNeeds): boolean {
  return system === undefined || (system === 'windows') === (windows !== undefined);
}

function gather(places: Map<string, Gathered>, name: string, needs: HostNeeds): void {
  const known = places.get(name) ?? { commands: new Map(), writes: new Set(), windows: new Map(), unknown: new Set() };
  places.set(name, known);
  for (const command of needs.commands) known.commands.set(JSON.stringify(command), command);
  for (const folder of needs.writes ?? []) known.writes.add(folder);
  for (const right of needs.windows ?? []) known.windows.set(JSON.stringify(right), right);
  for (const sentence of needs.unknown ?? []) known.unknown.add(sentence);
}

function placesIn(service: Service, source: string): readonly SshPlace[] {
  return service.runsOn.flatMap((place) => (place.on === 'ssh' && place.ssh.source === source ? [place.ssh] : []));
}

function nameOf({ host, group, os }: SshPlace): string {
  return host ?? `group ${group ?? ''}${group === 'all' && os === 'windows' ? ', its Windows hosts' : ''}`;
}

// Every host is a service of its own, `host-NAME`, which no document names: a runbook for machines may be for any of them.
function anyMachine(source: string, os: 'linux' | 'windows'): Service {
  const labels: JsonObject & Record<string, string> = { kind: 'host', os };
  return {
    name: 'host',
    labels,
    owner: { team: '', escalate: '' },
    dependsOn: [],
    runsOn: [{ on: 'ssh', ssh: { source, group: 'all', os } }],
    telemetry: {},
    slos: [],
    origin: 'discovered',
  };
}

/** As a file for /etc/sudoers.d, with what is not for sudoers as comments: Windows hosts among it (`windowsText`). */
export function sudoersText(permissions: readonly HostPermissions[]): string {
  return permissions
    .map(({ source, place, user, sudoers, writes, windows, unknown }) =>
      [
        windows.length === 0
          ? `# ${source}, ${place}: what ${user} runs as root there, for the runbooks in force. visudo -cf FILE checks it.`
          : `# ${source}, ${place}: Windows. "watchkeeper permissions windows" prints the PowerShell that grants this to ${user}:`,
        ...windows.map((right) => `#   ${rightInWords(right)}`),
        ...sudoers,
        ...writes.map((folder) => `# It writes to ${folder}: setfacl -m u:${user}:rwx ${folder}`),
        ...unknown.map((sentence) => `# Not in it: ${sentence}`),
      ].join('\n'),
    )
    .join('\n\n');
}
