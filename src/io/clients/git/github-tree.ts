import { listAt, textAt } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';

/** What a tree holds under a name. */
export interface TreeEntry {
  readonly mode: string;
  /** blob, tree, or commit (a submodule). */
  readonly type: string;
  readonly sha: string;
}

/** Reads a tree by its id. */
export type ReadTree = (sha: string) => Promise<ReadonlyMap<string, TreeEntry>>;

/** How one path must be changed to take a commit back; `to` is absent when it is to be removed. */
export interface TreeEdit {
  readonly path: string;
  readonly from?: TreeEntry;
  readonly to?: TreeEntry;
}

/** Reads trees through `get`, each once. @throws WatchkeeperError `too-large` when more than `limits.gitTrees` are needed. */
export function treeReader(get: (sha: string) => Promise<Parameters<typeof listAt>[0]>): ReadTree {
  const known = new Map<string, Promise<ReadonlyMap<string, TreeEntry>>>();
  return (sha) => {
    const found = known.get(sha);
    if (found !== undefined) return found;
    if (known.size >= limits.gitTrees)
      throw new WatchkeeperError('too-large', `the commit touches more than ${limits.gitTrees} folders`);
    const read = get(sha).then(entriesOf);
    known.set(sha, read);
    return read;
  };
}

function entriesOf(tree: Parameters<typeof listAt>[0]): ReadonlyMap<string, TreeEntry> {
  if (tree === undefined) throw new WatchkeeperError('not-found', 'a tree of the repository is gone');
  if (typeof tree === 'object' && tree !== null && 'truncated' in tree && tree['truncated'] === true)
    throw new WatchkeeperError('too-large', 'a folder of the repository is too large to be read');
  return new Map(
    listAt(tree, 'tree').map((entry) => {
      const [path, mode, type, sha] = ['path', 'mode', 'type', 'sha'].map((key) => textAt(entry, key));
      if (path === undefined || mode === undefined || type === undefined || sha === undefined)
        throw new WatchkeeperError('malformed', 'a tree of the repository holds what is no entry');
      return [path, { mode, type, sha }] as const;
    }),
  );
}

/**
 * The edits that take `commit` back on `head`: every path that differs between `parent` and `commit` becomes what it was.
 * Folders that are the same on both sides are not read.
 *
 * @throws WatchkeeperError `conflict` when such a path is not, on `head`, as the commit left it; `too-large` above
 *   `limits.gitFiles` paths.
 */
export async function revertEdits(
  read: ReadTree,
  parent: string,
  commit: string,
  head: string,
): Promise<readonly TreeEdit[]> {
  const edits: TreeEdit[] = [];
  const folder = (sha: string | undefined) => (sha === undefined ? Promise.resolve(none) : read(sha));
  const walk = async (
    parentSha: string | undefined,
    commitSha: string | undefined,
    headSha: string | undefined,
    at: string,
  ): Promise<void> => {
    const [was, is, now] = await Promise.all([folder(parentSha), folder(commitSha), folder(headSha)]);
    for (const name of new Set([...was, ...is].map(([key]) => key))) {
      const [from, to, live] = [is.get(name), was.get(name), now.get(name)];
      if (isSame(from, to)) continue;
      const path = `${at}${name}`;
      const [fromTree, toTree] = [treeOf(from), treeOf(to)];
      if (fromTree !== undefined || toTree !== undefined) {
        if ((from !== undefined && fromTree === undefined) || (to !== undefined && toTree === undefined))
          throw new WatchkeeperError('conflict', `${path} became a folder, or stopped being one; revert this by hand`);
        await walk(toTree, fromTree, treeOf(live), `${path}/`);
        continue;
      }
      if (!isSame(live, from))
        throw new WatchkeeperError('conflict', `${path} was changed again since; revert this by hand`);
      edits.push({ path, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) });
      if (edits.length > limits.gitFiles)
        throw new WatchkeeperError('too-large', `the commit changes more than ${limits.gitFiles} files`);
    }
  };
  await walk(parent, commit, head, '');
  if (edits.length === 0) throw new WatchkeeperError('conflict', 'the commit changed nothing');
  return edits;
}

const none: ReadonlyMap<string, TreeEntry> = new Map();

function treeOf(entry: TreeEntry | undefined): string | undefined {
  return entry?.type === 'tree' ? entry.sha : undefined;
}

function isSame(a: TreeEntry | undefined, b: TreeEntry | undefined): boolean {
  return a?.sha === b?.sha && a?.mode === b?.mode;
}
