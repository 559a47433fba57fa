import type { Change } from '../../../../domain/change.ts';
import { digest, sha256Hex } from '../../../../lib/canonical.ts';
import { WatchkeeperError } from '../../../../lib/errors.ts';
import type { ReadContext } from '../reading.ts';
import type { ChangeWanted } from './releases.ts';
import { wasWrittenBefore } from './written.ts';

/** What is remembered of one file: enough to see an edit, nothing of what it says. */
interface Known {
  /** `undefined` when it was written so shortly before that look that the next one has to read it again. */
  readonly signature: string | undefined;
  /** The first 12 hex digits of the content's SHA-256. */
  readonly hash: string;
}

/** The files below one watched path. `undefined` before the first look, which is the baseline. */
export type WatchedState = ReadonlyMap<string, Known>;

const maxFiles = 500;
const maxDepth = 3;
const hashBytes = 1024 * 1024;
/** Editors' leavings, and backups that are not read by anyone. */
const ignored = /(^\.#|~$|\.sw[a-p]$|^4913$|\.(tmp|bak|dpkg-(old|dist|new|tmp)|rpm(save|new|orig))$)/;

/**
 * Reads a config file or folder and tells which files' content changed. A file that was merely touched is unchanged.
 * Content never leaves this function: a change carries the path and short digests.
 */
export async function readWatched(
  path: string,
  what: string,
  before: WatchedState | undefined,
  wanted: ChangeWanted,
  context: ReadContext,
): Promise<{ readonly state: WatchedState; readonly changes: readonly Change[]; readonly truncated: boolean }> {
  const files: string[] = [];
  const complete = await walk(path, 0, files, context);
  const state = new Map<string, Known>();
  const changes: Change[] = [];
  for (const file of files) {
    const found = await look(file, before?.get(file), wanted.nowMs, context);
    if (found === undefined) continue;
    state.set(file, found.known);
    const old = before?.get(file)?.hash;
    if (before !== undefined && old !== found.known.hash)
      changes.push(toChange(file, what, old, found.known.hash, found.mtimeMs, wanted));
  }
  for (const [file, { hash }] of before ?? [])
    if (complete && !state.has(file)) changes.push(toChange(file, what, hash, undefined, wanted.nowMs, wanted));
  return { state, changes, truncated: !complete };
}

async function walk(path: string, depth: number, files: string[], context: ReadContext): Promise<boolean> {
  const stat = await context.files.stat(context.at(path), context.signal);
  if (stat === undefined) return true;
  if (stat.kind !== 'folder') {
    if (files.length >= maxFiles) return false;
    files.push(path);
    return true;
  }
  if (depth >= maxDepth) return true;
  let complete = true;
  for (const name of await context.files.list(context.at(path), maxFiles * 2, context.signal)) {
    if (ignored.test(name)) continue;
    complete = (await walk(`${path.replace(/\/$/, '')}/${name}`, depth + 1, files, context)) && complete;
  }
  return complete;
}

async function look(
  path: string,
  before: Known | undefined,
  nowMs: number,
  context: ReadContext,
): Promise<{ readonly known: Known; readonly mtimeMs: number } | undefined> {
  try {
    const real = await context.files.realpath(context.at(path), context.signal);
    const stat = await context.files.stat(real, context.signal);
    if (stat?.kind !== 'file') return undefined;
    const seen = `${real}:${stat.inode}:${stat.size}:${stat.mtimeMs}`;
    if (before?.signature === seen) return { known: before, mtimeMs: stat.mtimeMs };
    // A file too large to be hashed is known by its size and time.
    const content = stat.size > hashBytes ? seen : await context.files.read(real, hashBytes, context.signal);
    const signature = wasWrittenBefore(stat, nowMs) ? seen : undefined;
    return { known: { signature, hash: sha256Hex(content).slice(0, 12) }, mtimeMs: stat.mtimeMs };
  } catch (thrown) {
    // A dangling symlink, or a file removed between listing and reading: it is not there.
    if (WatchkeeperError.from(thrown).code === 'not-found') return undefined;
    throw thrown;
  }
}

function toChange(
  path: string,
  what: string,
  from: string | undefined,
  to: string | undefined,
  mtimeMs: number,
  wanted: ChangeWanted,
): Change {
  const atMs = Math.round(mtimeMs);
  return {
    id: digest(['config', wanted.service, path, from ?? '', to ?? '', atMs]),
    kind: 'config',
    service: wanted.service,
    atMs: atMs >= wanted.sinceMs && atMs <= wanted.nowMs ? atMs : wanted.nowMs,
    what,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    source: wanted.source,
    attributes: { path, action: from === undefined ? 'added' : to === undefined ? 'removed' : 'edited' },
  };
}
