import type { JsonObject } from '../../lib/json.ts';
import { selects } from '../../lib/selector.ts';
import type { SshPlace } from '../../domain/places.ts';
import type { ActionKind, HostCommand } from '../../domain/ports/action.ts';
import type { Service } from '../../domain/service.ts';
import { sudoersLine } from '../../actions/index.ts';
import type { Runbook } from '../../runbooks/index.ts';

/** What hands need on the hosts of one place of an inventory: one host, or all of a group. */
export interface HostPermissions {
  readonly source: string;
  readonly place: string;
  readonly user: string;
  /** Lines of sudoers, each of one command. */
  readonly sudoers: readonly string[];
  /** Folders that the user must be able to write to. */
  readonly writes: readonly string[];
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
}

interface Gathered {
  readonly commands: Map<string, HostCommand>;
  readonly writes: Set<string>;
  readonly unknown: Set<string>;
}

/** The least that hands need on hosts for the runbooks in force, place by place. */
export function hostPermissions({ runbooks, services, actions, hands }: WhoActsOnHosts): readonly HostPermissions[] {
  return hands.flatMap(({ source, login }) => {
    const places = new Map<string, Gathered>();
    const all = [...services, anyMachine(source)];
    for (const { runbook, step } of runbooks.flatMap((one) => one.steps.map((step) => ({ runbook: one, step })))) {
      const needs = actions[step.action]?.onHosts;
      if (needs === undefined) continue;
      for (const service of all.filter((one) => selects(runbook.services, one)))
        for (const place of placesIn(service, source)) gather(places, nameOf(place), needs(step.written, place));
    }
    return [...places]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([place, { commands, writes, unknown }]) => ({
        source,
        place,
        user: login.user,
        sudoers: [...commands.values()].map((command) => sudoersLine(login.user, command)).sort(),
        writes: [...writes].sort(),
        unknown: [...unknown].sort(),
      }))
      .filter((one) => one.sudoers.length + one.writes.length + one.unknown.length > 0);
  });
}

function gather(
  places: Map<string, Gathered>,
  name: string,
  needs: ReturnType<NonNullable<ActionKind['onHosts']>>,
): void {
  const known = places.get(name) ?? { commands: new Map(), writes: new Set(), unknown: new Set() };
  places.set(name, known);
  for (const command of needs.commands) known.commands.set(JSON.stringify(command), command);
  for (const folder of needs.writes ?? []) known.writes.add(folder);
  for (const sentence of needs.unknown ?? []) known.unknown.add(sentence);
}

function placesIn(service: Service, source: string): readonly SshPlace[] {
  return service.runsOn.flatMap((place) => (place.on === 'ssh' && place.ssh.source === source ? [place.ssh] : []));
}

function nameOf({ host, group }: SshPlace): string {
  return host ?? `group ${group ?? ''}`;
}

// Every host is a service of its own, `host-NAME`, which no document names: a runbook for machines may be for any of them.
function anyMachine(source: string): Service {
  const labels: JsonObject & Record<string, string> = { kind: 'host', os: 'linux' };
  return {
    name: 'host',
    labels,
    owner: { team: '', escalate: '' },
    dependsOn: [],
    runsOn: [{ on: 'ssh', ssh: { source, group: 'all' } }],
    telemetry: {},
    slos: [],
    origin: 'discovered',
  };
}

/** As a file for /etc/sudoers.d, with what is not for sudoers as comments. */
export function sudoersText(permissions: readonly HostPermissions[]): string {
  return permissions
    .map(({ source, place, user, sudoers, writes, unknown }) =>
      [
        `# ${source}, ${place}: what ${user} runs as root there, for the runbooks in force. visudo -cf FILE checks it.`,
        ...sudoers,
        ...writes.map((folder) => `# It writes to ${folder}: setfacl -m u:${user}:rwx ${folder}`),
        ...unknown.map((sentence) => `# Not in it: ${sentence}`),
      ].join('\n'),
    )
    .join('\n\n');
}
