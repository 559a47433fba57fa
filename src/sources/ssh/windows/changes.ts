import type { Change } from '../../../domain/change.ts';
import type { Service } from '../../../domain/service.ts';
import type { Gap } from '../../../domain/telemetry.ts';
import { span } from '../../../io/clients/linux/collect.ts';
import { isEarlier } from '../../../io/clients/linux/changes/releases.ts';
import { gapMessage, gapReason } from '../../../io/clients/linux/reading.ts';
import type { Stamp } from '../../../io/clients/linux/signals.ts';
import { digest } from '../../../lib/canonical.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import { oneLine } from '../../../lib/text.ts';
import type { WindowsDocument } from './document.ts';
import { eventsIn } from './events.ts';
import { unitOf } from './services.ts';
import { bootOf, fromEvents, hotfixDayMs } from './told-changes.ts';
import type { ChangeScope } from './told-changes.ts';

/** Changes of one Windows host: those it tells of itself, and those seen by comparing with the look before. */
export interface WindowsChanges {
  /** Changes not given before; at the first look, what the host tells of the last 24 hours. */
  live(
    document: WindowsDocument,
    services: readonly Service[],
    host: string,
    stamp: Stamp,
  ): { readonly changes: readonly Change[]; readonly gaps: readonly Gap[] };
  /** Changes between two times, as far as this process remembers them. */
  history(services: readonly Service[], fromMs: number, untilMs: number): readonly Change[];
}

const maxRemembered = 2_000;
const dayMs = 24 * 3_600_000;

/** What a thing was at the look before: its name to a word for its state. */
type Baseline = Map<string, string>;

/** Makes the memory of one host's changes. */
export function createWindowsChanges(): WindowsChanges {
  const baselines = { services: undefined, sites: undefined, hotfixes: undefined, programs: undefined } as Record<
    Part,
    Baseline | undefined
  >;
  const given = new Map<string, Change>();
  return {
    live(document, services, host, stamp) {
      const scope: ChangeScope = { host, source: stamp.source, nowMs: stamp.nowMs, sinceMs: stamp.nowMs - dayMs };
      const found: Change[] = [...fromEvents(eventsIn(document, 'System'), eventsIn(document, 'Application'), scope)];
      const gaps: Gap[] = [];
      const part = (work: () => readonly Change[]): void => {
        try {
          found.push(...work());
        } catch (thrown) {
          // What was not asked in this look, or is not there (no IIS), is nothing that was missed.
          const { code } = WatchkeeperError.from(thrown);
          if (code === 'not-found' || code === 'unsupported') return;
          const reason = gapReason(thrown);
          gaps.push({
            ...span(stamp),
            reason,
            message: gapMessage(thrown, 'changes'),
            service: host,
            signal: 'changes',
          });
        }
      };
      const compared = (name: Part, now: Baseline, tell: Tell): readonly Change[] => {
        const before = baselines[name];
        baselines[name] = now;
        return before === undefined ? [] : difference(before, now, tell);
      };
      part(() => bootOf(document, scope));
      part(() => compared('services', configOf(document), tellOfService(document, services, scope)));
      part(() => compared('sites', sitesOf(document), tellOfSite(services, scope)));
      part(() => [
        ...recentHotfixes(document, scope),
        ...compared('hotfixes', hotfixesOf(document), tellOfHotfix(scope)),
      ]);
      part(() => compared('programs', programsOf(document), tellOfProgram(scope)));
      return { changes: remember(found, given), gaps };
    },
    history(services, fromMs, untilMs) {
      const names = new Set(services.map(({ name }) => name));
      return [...given.values()].filter(({ service, atMs }) => names.has(service) && atMs >= fromMs && atMs <= untilMs);
    },
  };
}

type Part = 'services' | 'sites' | 'hotfixes' | 'programs';
type Tell = (name: string, from: string | undefined, to: string | undefined) => Change | undefined;

function difference(before: Baseline, now: Baseline, tell: Tell): readonly Change[] {
  const names = new Set([...before.keys(), ...now.keys()]);
  return [...names].flatMap((name) => {
    const [from, to] = [before.get(name), now.get(name)];
    const change = from === to ? undefined : tell(name, from, to);
    return change === undefined ? [] : [change];
  });
}

// What starts, as whom, how, and what happens when it ends: its start type is told by an event (7040).
function configOf(document: WindowsDocument): Baseline {
  const { services } = document.section('services');
  // Services of one session (`cbdhsvc_1a2b3`) come and go with people who log in.
  const lasting = services.filter(({ name }) => !/_[0-9a-f]{4,}$/.test(name));
  return new Map(
    lasting.map(({ name, path, account, recovery }) => [name, digest([path, account, recovery]).slice(-12)]),
  );
}

function tellOfService(document: WindowsDocument, services: readonly Service[], scope: ChangeScope): Tell {
  const owners = new Map(services.map((service) => [unitOf(service)?.toLowerCase(), service.name]));
  const paths = new Map(document.section('services').services.map(({ name, path }) => [name, path]));
  // A new one is told by its event, with its time.
  return (name, from, to) =>
    from === undefined
      ? undefined
      : changed(
          scope,
          owners.get(name.toLowerCase()) ?? scope.host,
          'config',
          `service:${oneLine(name, 200)}`,
          from,
          to,
          {
            path: oneLine(paths.get(name) ?? '', 300),
          },
        );
}

function sitesOf(document: WindowsDocument): Baseline {
  return new Map(document.section('iis').sites.map(({ name, path }) => [name, path.replace(/\\+$/, '')]));
}

// A site's folder is its release, as the symlink `current` is on Linux.
function tellOfSite(services: readonly Service[], scope: ChangeScope): Tell {
  const owners = new Map(
    services.flatMap(({ name, runsOn }) =>
      runsOn.flatMap((place) =>
        place.on === 'host' && place.host.iis?.site !== undefined ? [[place.host.iis.site, name] as const] : [],
      ),
    ),
  );
  return (name, from, to) => {
    const [before, now] = [lastPart(from), lastPart(to)];
    const back = before !== undefined && now !== undefined && isEarlier(now, before);
    const service = owners.get(name) ?? scope.host;
    const attributes = {
      site: oneLine(name, 100),
      path: oneLine(to ?? '', 300),
      ...(from === undefined ? {} : { from: oneLine(from, 300) }),
    };
    return changed(scope, service, back ? 'rollback' : 'deploy', 'current', before, now, attributes);
  };
}

function lastPart(path: string | undefined): string | undefined {
  return path === undefined ? undefined : oneLine(path.split(/[\\/]/).at(-1) ?? path, 100);
}

function hotfixesOf(document: WindowsDocument): Baseline {
  return new Map(document.section('updates').hotfixes.map(({ id }) => [id, 'installed']));
}

function tellOfHotfix(scope: ChangeScope): Tell {
  return (id, from, to) => hotfix(scope, id, from, to, scope.nowMs);
}

// Told by the day they were installed on, in the host's zone: as near as Windows says it.
function recentHotfixes(document: WindowsDocument, scope: ChangeScope): readonly Change[] {
  return document.section('updates').hotfixes.flatMap(({ id, day }) => {
    const atMs = hotfixDayMs(day);
    return atMs === undefined || atMs < scope.sinceMs || atMs > scope.nowMs
      ? []
      : [hotfix(scope, id, undefined, 'installed', atMs)];
  });
}

function hotfix(
  scope: ChangeScope,
  id: string,
  from: string | undefined,
  to: string | undefined,
  atMs: number,
): Change {
  const name = oneLine(id, 60);
  return {
    id: digest(['hotfix', scope.host, name, to ?? 'removed']),
    kind: 'package',
    service: scope.host,
    atMs,
    what: `package:${name}`,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    source: scope.source,
    attributes: { manager: 'hotfix' },
  };
}

function programsOf(document: WindowsDocument): Baseline {
  const { programs } = document.section('updates');
  return new Map(programs.map(({ name, version }) => [oneLine(name, 200), oneLine(version, 60)]));
}

function tellOfProgram(scope: ChangeScope): Tell {
  return (name, from, to) => changed(scope, scope.host, 'package', `package:${name}`, from, to, { manager: 'msi' });
}

function changed(
  scope: ChangeScope,
  service: string,
  kind: Change['kind'],
  what: string,
  from: string | undefined,
  to: string | undefined,
  attributes: Change['attributes'],
): Change {
  return {
    id: digest([what, service, from ?? '', to ?? '', scope.nowMs]),
    kind,
    service,
    atMs: scope.nowMs,
    what,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    source: scope.source,
    attributes,
  };
}

function remember(found: readonly Change[], given: Map<string, Change>): readonly Change[] {
  const fresh = [...new Map(found.map((change) => [change.id, change])).values()].filter(({ id }) => !given.has(id));
  const kept = fresh
    .filter((change, index) => ![...given.values(), ...fresh.slice(0, index)].some((other) => isSame(change, other)))
    .sort((a, b) => a.atMs - b.atMs)
    .slice(-limits.changesPerCollect);
  for (const change of kept) given.set(change.id, change);
  for (const id of given.keys()) if (given.size > maxRemembered) given.delete(id);
  return kept;
}

// A package is told by its event, and by the list that it is then in; the event comes first, and knows the time.
function isSame(change: Change, other: Change): boolean {
  return (
    change.kind === 'package' &&
    change.what === other.what &&
    change.to === other.to &&
    Math.abs(change.atMs - other.atMs) <= 2 * dayMs
  );
}
