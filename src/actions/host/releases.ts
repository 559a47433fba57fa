import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { ActionContext } from '../../domain/ports/action.ts';
import type { ReadFiles } from '../../domain/ports/io.ts';
import type { Service } from '../../domain/service.ts';
import { checkedPath, hostPlace } from './place.ts';

/** Where releases live: `root` holds one folder a release, `current` is a symlink to one of them. */
export interface ReleasePlace {
  readonly root: string;
  readonly current: string;
}

/** The releases of a service, as they are now. */
export interface Releases {
  /** The link exactly as it is written. */
  readonly link: string;
  /** Name of the release it points to. */
  readonly current: string;
  /** Names of the others, oldest first. */
  readonly others: readonly string[];
  /** The release before the current one; `undefined` when the current one is the oldest. */
  readonly previous: string | undefined;
  /** When the link was last pointed, epoch milliseconds. */
  readonly linkedAtMs: number;
}

/** @throws `config-invalid` when the service has no release folders. */
export function releasePlace(service: Service): ReleasePlace {
  const { releases } = hostPlace(service);
  if (releases === undefined)
    throw new WatchkeeperError('config-invalid', `service ${service.name} has no release folders on this host`, {
      fix: 'Add host.releases {root, current} to its runsOn.',
    });
  return { root: checkedPath(releases.root), current: checkedPath(releases.current) };
}

/**
 * Reads the link and the folders. Only real folders directly in the root count: a symlink among them could lead anywhere.
 *
 * @throws `conflict` when the link is no link, or leads out of the root.
 */
export async function readReleases(place: ReleasePlace, context: ActionContext): Promise<Releases> {
  const { files } = context.io;
  const { signal } = context;
  const linkStat = await files.stat(place.current, signal);
  if (linkStat?.kind !== 'symlink') throw new WatchkeeperError('conflict', `${place.current} is not a symlink`);
  const link = await files.readlink(place.current, signal);
  const root = await files.realpath(place.root, signal);
  const real = await files.realpath(place.current, signal);
  const current = real.startsWith(`${root}/`) ? real.slice(root.length + 1) : '';
  if (current === '' || current.includes('/'))
    throw new WatchkeeperError('conflict', `${place.current} leads to ${real}, which is not a release in ${root}`);
  const folders = await listFolders(files, place.root, signal);
  const ordered = inOrder(folders);
  const at = ordered.indexOf(current);
  return {
    link,
    current,
    others: ordered.filter((name) => name !== current),
    previous: at > 0 ? ordered[at - 1] : undefined,
    linkedAtMs: linkStat.mtimeMs,
  };
}

/** The link's text for another release, absolute or relative as the old one was. */
export function linkTo(place: ReleasePlace, oldLink: string, name: string): string {
  const cut = oldLink.replace(/\/+$/, '');
  const slash = cut.lastIndexOf('/');
  return slash >= 0 && !cut.endsWith('/..') ? `${cut.slice(0, slash)}/${name}` : `${place.root}/${name}`;
}

/** A release's name out of what a change or a person calls it: the name itself, or its path in the root. */
export function releaseName(place: ReleasePlace, wanted: string): string {
  const name = wanted.startsWith(`${place.root}/`) ? wanted.slice(place.root.length + 1) : wanted;
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.+@:-]{0,254}$/.test(name))
    throw new WatchkeeperError('config-invalid', `not a release in ${place.root}: ${JSON.stringify(wanted)}`);
  return name;
}

/** A folder of a release. */
export interface Folder {
  readonly name: string;
  readonly mtimeMs: number;
}

async function listFolders(files: ReadFiles, root: string, signal: AbortSignal): Promise<readonly Folder[]> {
  const folders: Folder[] = [];
  for (const name of await files.list(root, limits.releasesListed, signal)) {
    if (!/^[A-Za-z0-9_]/.test(name)) continue;
    const found = await files.stat(`${root}/${name}`, signal);
    if (found?.kind === 'folder') folders.push({ name, mtimeMs: found.mtimeMs });
  }
  return folders;
}

/**
 * Names of releases, oldest first. Names of one pattern (v1 … v10, dates) are in the order of their numbers. Other names
 * (commit hashes) say nothing: then the folder's age decides.
 */
export function inOrder(folders: readonly Folder[]): readonly string[] {
  const patterns = new Set(folders.map(({ name }) => name.replace(/\d+/g, '0')));
  const numbered = patterns.size === 1 && [...patterns][0]?.includes('0') === true;
  return [...folders]
    .sort((a, b) => (numbered ? 0 : a.mtimeMs - b.mtimeMs) || a.name.localeCompare(b.name, 'en', { numeric: true }))
    .map(({ name }) => name);
}
