import { WatchkeeperError } from '../../lib/errors.ts';
import { globMatches } from '../../lib/glob.ts';
import { limits } from '../../lib/limits.ts';
import type { FileStat, ReadFiles } from '../../domain/ports/io.ts';
import { checkedPath } from './place.ts';

/** A folder and the pattern that names in it must match. */
export interface ReclaimPattern {
  readonly folder: string;
  readonly names: string;
}

/** A file as it was when it was chosen: it is removed only while it is still exactly this. */
export interface ChosenFile {
  readonly path: string;
  readonly inode: number;
  readonly size: number;
  readonly mtimeMs: number;
}

// Below these nothing is ever reclaimed; in the second list, nothing that lies directly in them.
const systemTrees = ['/bin', '/boot', '/dev', '/etc', '/lib', '/lib32', '/lib64', '/proc', '/sbin', '/sys', '/usr'];
const systemState = ['/var/lib/dpkg', '/var/lib/rpm', '/var/lib/systemd', '/var/lib/apt'];
const bareRoots = new Set(['', '/', '/var', '/var/lib', '/home', '/root', '/opt', '/srv', '/run', '/mnt', '/media']);

/**
 * Splits `/srv/shop/cache/*.tmp` into folder and pattern. Globs only in the last part, never everything's root.
 *
 * @throws WatchkeeperError `config-invalid`, `forbidden` for a system folder.
 */
export function parsePattern(text: string): ReclaimPattern {
  checkedPath(text);
  const slash = text.lastIndexOf('/');
  const [folder, names] = [text.slice(0, slash), text.slice(slash + 1)];
  if (/[*?]/.test(folder))
    throw new WatchkeeperError('config-invalid', `${text}: globs are allowed in the last part only`);
  assertNotSystem(folder);
  return { folder, names };
}

function assertNotSystem(folder: string): void {
  const under = [...systemTrees, ...systemState].some((tree) => folder === tree || folder.startsWith(`${tree}/`));
  if (under || bareRoots.has(folder))
    throw new WatchkeeperError(
      'forbidden',
      `${folder === '' ? '/' : folder} belongs to the system; nothing is removed there`,
    );
}

/** Names the folders as they are now; a state hash of it changes when one of them is replaced. */
export async function identifyFolders(
  files: ReadFiles,
  patterns: readonly ReclaimPattern[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found = await Promise.all(patterns.map((pattern) => folderStat(files, pattern, signal)));
  return patterns.map(({ folder }, at) => `${folder}:${found[at]?.device ?? 0}:${found[at]?.inode ?? 0}`);
}

/** The folders of the patterns that this machine has, in their order. */
export async function presentFolders(
  files: ReadFiles,
  patterns: readonly ReclaimPattern[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const stats = await Promise.all(patterns.map((pattern) => folderStat(files, pattern, signal)));
  return patterns.filter((_, at) => stats[at] !== undefined).map(({ folder }) => folder);
}

/**
 * Chooses regular files older than the limit, oldest first, until a bound is met. A folder that is reached through a
 * symlink, a file on another device, a symlink, and a file that a process holds open are left alone.
 */
export async function chooseFiles(
  files: ReadFiles,
  patterns: readonly ReclaimPattern[],
  bounds: { readonly olderThanMs: number; readonly maxBytes: number; readonly maxFiles: number },
  signal: AbortSignal,
): Promise<readonly ChosenFile[]> {
  const open = await openFiles(files, signal);
  const found = new Map<string, ChosenFile>();
  for (const pattern of patterns) {
    const folder = await folderStat(files, pattern, signal);
    if (folder === undefined) continue;
    for (const name of await files.list(pattern.folder, limits.reclaimListed, signal)) {
      const path = `${pattern.folder}/${name}`;
      if (!globMatches(pattern.names, name) || open.has(path)) continue;
      const stat = await files.stat(path, signal);
      if (stat?.kind !== 'file' || stat.device !== folder.device || stat.mtimeMs > bounds.olderThanMs) continue;
      found.set(path, { path, inode: stat.inode, size: stat.size, mtimeMs: stat.mtimeMs });
    }
  }
  return withinBounds([...found.values()], bounds);
}

/** The oldest of these files, until a bound is met. `maxPaths`: of the bytes of their paths. */
export function withinBounds(
  found: readonly ChosenFile[],
  bounds: { readonly maxBytes: number; readonly maxFiles: number },
  maxPaths = Number.POSITIVE_INFINITY,
): readonly ChosenFile[] {
  const chosen: ChosenFile[] = [];
  let bytes = 0;
  let paths = 0;
  for (const file of [...found].sort((a, b) => a.mtimeMs - b.mtimeMs || a.path.localeCompare(b.path))) {
    paths += Buffer.byteLength(file.path) + 64;
    if (chosen.length >= bounds.maxFiles || bytes + file.size > bounds.maxBytes || paths > maxPaths) break;
    bytes += file.size;
    chosen.push(file);
  }
  return chosen;
}

/** Whether a file is still exactly the one that was chosen, reached without a symlink. */
export async function isUnchanged(files: ReadFiles, chosen: ChosenFile, signal: AbortSignal): Promise<boolean> {
  const folder = chosen.path.slice(0, chosen.path.lastIndexOf('/'));
  if ((await files.realpath(folder, signal).catch(() => '')) !== folder) return false;
  const now = await files.stat(chosen.path, signal);
  return (
    now?.kind === 'file' &&
    now.inode === chosen.inode &&
    now.size === chosen.size &&
    Math.abs(now.mtimeMs - chosen.mtimeMs) < 1
  );
}

// A folder that is not there holds nothing to remove: a list for many machines names some that this one lacks.
async function folderStat(
  files: ReadFiles,
  { folder }: ReclaimPattern,
  signal: AbortSignal,
): Promise<FileStat | undefined> {
  if ((await files.stat(folder, signal)) === undefined) return undefined;
  const real = await files.realpath(folder, signal);
  if (real !== folder) throw new WatchkeeperError('forbidden', `${folder} is reached through a symlink to ${real}`);
  const stat = await files.stat(folder, signal);
  if (stat?.kind !== 'folder') throw new WatchkeeperError('conflict', `${folder} is not a folder`);
  return stat;
}

/** Paths that processes hold open, as far as we may see: another user's processes hide theirs without CAP_SYS_PTRACE. */
export async function openFiles(files: ReadFiles, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const open = new Set<string>();
  const names = await files.list('/proc', limits.processesListed, signal).catch(() => []);
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    const folder = `/proc/${name}/fd`;
    const handles = await files.list(folder, limits.processesListed, signal).catch(() => []);
    for (const handle of handles) {
      const path = await files.readlink(`${folder}/${handle}`, signal).catch(() => '');
      if (path.startsWith('/')) open.add(path);
    }
    if (signal.aborted) throw WatchkeeperError.from(signal.reason, 'aborted');
  }
  return open;
}
