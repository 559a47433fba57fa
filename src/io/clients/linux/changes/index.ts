import type { Change } from '../../../../domain/change.ts';
import type { HostPlace } from '../../../../domain/places.ts';
import type { Service } from '../../../../domain/service.ts';
import type { Gap } from '../../../../domain/telemetry.ts';
import { limits } from '../../../../lib/limits.ts';
import type { ReadContext } from '../reading.ts';
import type { Stamp } from '../signals.ts';
import type { ContainerReader } from '../containers/index.ts';
import { readApk } from './apk.ts';
import type { ApkState } from './apk.ts';
import { readBoot } from './boot.ts';
import { readContainerChanges } from './containers.ts';
import type { ContainerState } from './containers.ts';
import { newLook } from './look.ts';
import type { Look } from './look.ts';
import { packageHistories, readPackages } from './packages.ts';
import type { PackageCursor } from './packages.ts';
import { readRelease } from './releases.ts';
import type { ReleaseState } from './releases.ts';
import { readWatched } from './watched.ts';
import type { WatchedState } from './watched.ts';

/** Changes of the machine and of the services on it, and gaps for what could not be read. */
export interface Changes {
  readonly changes: readonly Change[];
  readonly gaps: readonly Gap[];
}

/** Reads what changed on this host. */
export interface ChangeReader {
  /** Changes not given before; at the first look, releases, packages and boots of the last 24 hours. */
  live(services: readonly Service[], host: string, stamp: Stamp, context: ReadContext): Promise<Changes>;
  /** Changes between two times, as far as files and this process remember them. */
  history(services: readonly Service[], fromMs: number, untilMs: number): Changes;
}

const maxRemembered = 2_000;
const unitFolders = ['/etc/systemd/system', '/run/systemd/system', '/usr/lib/systemd/system'];

/** Everything remembered between looks: cursors and baselines, and the changes given in the last day. */
interface Memory {
  readonly releases: Map<string, ReleaseState>;
  readonly packages: Map<string, PackageCursor>;
  readonly watched: Map<string, WatchedState>;
  readonly given: Map<string, Change>;
  apk: ApkState | undefined;
  containers: ContainerState;
  firstLook: boolean;
}

/** Makes a reader of changes that remembers what it gave. `watch`: files whose edits are changes. */
export function createChangeReader(watch: readonly string[], containers: ContainerReader): ChangeReader {
  const memory: Memory = {
    releases: new Map(),
    packages: new Map(),
    watched: new Map(),
    given: new Map(),
    apk: undefined,
    containers: new Map(),
    firstLook: true,
  };
  return {
    async live(services, host, stamp, context) {
      const look = newLook(stamp, context);
      await lookAtMachine(host, watch, memory, look);
      await lookAtContainers(host, containers, memory, look);
      for (const service of services)
        for (const place of service.runsOn)
          if (place.on === 'host') await lookAtService(service.name, place.host, memory, look);
      memory.firstLook = false;
      const { length } = look.found;
      if (length > limits.changesPerCollect)
        look.gap(undefined, 'partial', `only the newest ${limits.changesPerCollect} of ${length} changes are given`);
      return { changes: remember(look.found, memory.given), gaps: look.gaps };
    },
    history: (services, fromMs, untilMs) => {
      const names = new Set(services.map((service) => service.name));
      const changes = [...memory.given.values()].filter(
        ({ service, atMs }) => names.has(service) && atMs >= fromMs && atMs <= untilMs,
      );
      return { changes, gaps: [] };
    },
  };
}

async function lookAtService(service: string, place: HostPlace, memory: Memory, look: Look): Promise<void> {
  const { releases, unit } = place;
  if (releases !== undefined) {
    const key = `${service} ${releases.current}`;
    await look.part(service, async () => {
      const known = memory.releases.get(key);
      const { state, change } = await readRelease(releases, known, { ...look.wanted, service }, look.context);
      memory.releases.set(key, state);
      if (change !== undefined) look.found.push(change);
    });
  }
  for (const path of place.config ?? [])
    await lookAtPath(service, { path, what: `config:${path}`, mustExist: true }, memory, look);
  if (unit === undefined) return;
  for (const folder of unitFolders)
    for (const path of [`${folder}/${unit}`, `${folder}/${unit}.d`])
      await lookAtPath(service, { path, what: 'unit-file', mustExist: false }, memory, look);
}

async function lookAtMachine(host: string, watch: readonly string[], memory: Memory, look: Look): Promise<void> {
  const wanted = { ...look.wanted, service: host };
  // Told once, by the boot's id; a machine that is reached over a network may start again while it is watched.
  await look.part(host, async () => {
    look.found.push(...(await readBoot(wanted, look.context)));
  });
  for (const history of packageHistories)
    await look.part(host, async () => {
      const known = memory.packages.get(history.path) ?? (memory.firstLook ? undefined : absent);
      const read = await readPackages(history, known, wanted, look.context);
      if (read.cursor !== undefined) memory.packages.set(history.path, read.cursor);
      look.found.push(...read.changes);
    });
  await look.part(host, async () => {
    const read = await readApk(memory.apk, wanted, look.context);
    memory.apk = read.state;
    look.found.push(...read.changes);
  });
  for (const path of watch) await lookAtPath(host, { path, what: `config:${path}`, mustExist: true }, memory, look);
}

function lookAtContainers(host: string, containers: ContainerReader, memory: Memory, look: Look): Promise<void> {
  return look.part(host, async () => {
    const read = readContainerChanges(memory.containers, await containers(look.context), {
      ...look.wanted,
      service: host,
    });
    memory.containers = read.state;
    look.found.push(...read.changes);
  });
}

function lookAtPath(
  service: string,
  { path, what, mustExist }: WatchedPath,
  memory: Memory,
  look: Look,
): Promise<void> {
  return look.part(service, async () => {
    const key = `${service} ${path}`;
    const read = await readWatched(path, what, memory.watched.get(key), { ...look.wanted, service }, look.context);
    memory.watched.set(key, read.state);
    look.found.push(...read.changes);
    if (mustExist && read.state.size === 0) look.gap(service, 'missing', `${path} holds no file to watch`);
    if (read.truncated) look.gap(service, 'too-large', `${path} holds more files than are watched`);
  });
}

function remember(found: readonly Change[], given: Map<string, Change>): readonly Change[] {
  const fresh = found.filter((change) => !given.has(change.id));
  const kept = fresh.sort((a, b) => a.atMs - b.atMs).slice(-limits.changesPerCollect);
  for (const change of kept) given.set(change.id, change);
  for (const id of given.keys()) if (given.size > maxRemembered) given.delete(id);
  return kept;
}

// A history that appeared after the first look is read from its start: this state belongs to no file.
const absent: PackageCursor = { inode: -1, device: -1, offset: 0, mark: new Uint8Array(), skipping: false };

interface WatchedPath {
  readonly path: string;
  readonly what: string;
  /** A path somebody wrote down and that holds nothing is a gap. */
  readonly mustExist: boolean;
}
