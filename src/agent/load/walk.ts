import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { FileStat, ReadFiles } from '../../domain/ports/io.ts';
import type { Problem } from './problem.ts';
import { fileProblem } from './source-text.ts';

/** A file as read: its path as people know it, and its bytes. */
export interface FoundFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What was found below some folders, and what could not be read there. */
export interface Found {
  readonly files: readonly FoundFile[];
  readonly problems: readonly Problem[];
  /** Folders without a single resource file in them. */
  readonly empty: readonly string[];
}

interface Walk {
  readonly io: ReadFiles;
  readonly signal: AbortSignal;
  readonly files: FoundFile[];
  readonly problems: Problem[];
  readonly seen: Set<string>;
  readonly leaveOut: (path: string) => boolean;
}

/**
 * Reads every `.yaml`, `.yml` and `.json` file below the folders (a path may also name one file), each real file once.
 * Names starting with a dot are skipped, which makes a mounted ConfigMap (`x.yaml -> ..data/x.yaml`) read once and
 * whole. Symlinks are followed; loops end. A file above the size limit is a problem and is not read. Nothing is read of
 * files and folders that `leaveOut` names.
 */
export async function walk(
  paths: readonly string[],
  io: ReadFiles,
  signal: AbortSignal,
  leaveOut: (path: string) => boolean = () => false,
): Promise<Found> {
  const state: Walk = { io, signal, files: [], problems: [], seen: new Set(), leaveOut };
  const empty: string[] = [];
  for (const path of paths) {
    const before = state.files.length + state.problems.length;
    await enter(trimmed(path), state, 0, true);
    if (state.files.length + state.problems.length === before) empty.push(path);
  }
  state.files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return { files: state.files, problems: state.problems, empty };
}

async function enter(path: string, walk: Walk, depth: number, named: boolean): Promise<void> {
  if (walk.leaveOut(path)) return;
  try {
    const real = await walk.io.realpath(path, walk.signal);
    if (walk.seen.has(real)) return;
    const stat = await walk.io.stat(real, walk.signal);
    if (stat === undefined) throw new WatchkeeperError('not-found', `${path}: there is no such file or folder`);
    walk.seen.add(real);
    if (stat.kind === 'folder') await enterFolder(path, walk, depth);
    else if (named || isResource(path)) await readFile(path, real, stat, walk);
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (walk.signal.aborted) throw error;
    walk.problems.push(fileProblem(path, reasonOf(error)));
  }
}

async function enterFolder(path: string, walk: Walk, depth: number): Promise<void> {
  if (depth > limits.resourceFolderDepth) {
    walk.problems.push(fileProblem(path, `folders are nested deeper than ${limits.resourceFolderDepth}`));
    return;
  }
  const names = await walk.io.list(path, limits.resourceFiles, walk.signal);
  for (const name of [...names].sort()) {
    if (name.startsWith('.')) continue;
    const below = path === '/' ? `/${name}` : `${path}/${name}`;
    if (isResource(name) || (await mayBeFolder(below, walk))) await enter(below, walk, depth + 1, false);
  }
}

// What is neither a resource by name nor a folder is nobody's business here, readable or not.
async function mayBeFolder(path: string, walk: Walk): Promise<boolean> {
  try {
    const stat = await walk.io.stat(path, walk.signal);
    if (stat?.kind !== 'symlink') return stat?.kind === 'folder';
    return (await walk.io.stat(await walk.io.realpath(path, walk.signal), walk.signal))?.kind === 'folder';
  } catch (thrown) {
    if (walk.signal.aborted) throw thrown;
    return false;
  }
}

async function readFile(path: string, real: string, stat: FileStat, walk: Walk): Promise<void> {
  if (stat.kind !== 'file') throw new WatchkeeperError('unsupported', 'this is no regular file');
  if (stat.size > limits.resourceFileBytes)
    throw new WatchkeeperError(
      'too-large',
      `the file is ${mebibytes(stat.size)} MiB; at most ${mebibytes(limits.resourceFileBytes)} MiB are read`,
    );
  if (walk.files.length >= limits.resourceFiles)
    throw new WatchkeeperError(
      'too-large',
      `more than ${limits.resourceFiles} files; this one and later ones are not read`,
    );
  walk.files.push({ path, bytes: await walk.io.read(real, limits.resourceFileBytes, walk.signal) });
}

function reasonOf(error: WatchkeeperError): string {
  if (error.code === 'not-found') return 'there is no such file or folder';
  if (error.code === 'forbidden') return 'no right to read this';
  return error.message;
}

function isResource(path: string): boolean {
  return /\.(ya?ml|json)$/i.test(path);
}

function trimmed(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

function mebibytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(bytes % 1_048_576 === 0 ? 0 : 1);
}
