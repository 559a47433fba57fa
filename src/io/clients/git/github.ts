import { listAt, numberAt, textAt } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import type { GitCommit, GitProposal, GitRepository } from '../../../domain/ports/git.ts';
import type { ForgeApi } from './forge-http.ts';
import { revertEdits, treeReader, type TreeEdit } from './github-tree.ts';
import { revertMessage } from './message.ts';

/**
 * A repository on GitHub. It has no REST call that reverts a commit, so the revert is built of its Git objects: a tree
 * with the files of the commit as they were, a commit, a reference. The API writes objects that nothing refers to until
 * the reference is made, so that all before it can be done again.
 */
export function githubRepository(
  api: ForgeApi,
  path: string,
  facts: Pick<GitRepository, 'id' | 'branches' | 'direct'>,
): GitRepository {
  const root = `/repos/${path}`;
  const rawCommit = (sha: string, signal: AbortSignal) => api.get(`${root}/git/commits/${sha}`, signal);
  const head: GitRepository['head'] = async (branch, signal) => {
    const found = await api.get(`${root}/git/ref/heads/${refPath(branch)}`, signal);
    return textAt(found, 'object', 'sha');
  };
  const editsFor = async (
    commit: GitCommit,
    headSha: string,
    signal: AbortSignal,
  ): Promise<{ edits: readonly TreeEdit[]; tree: string }> => {
    const [parent] = commit.parents;
    if (parent === undefined)
      throw new WatchkeeperError('conflict', 'the first commit of a repository cannot be reverted');
    const shas = [parent, commit.sha, headSha];
    const trees = await Promise.all(shas.map(async (sha) => textAt(await rawCommit(sha, signal), 'tree', 'sha')));
    const [was, is, now] = trees;
    if (was === undefined || is === undefined || now === undefined)
      throw new WatchkeeperError('not-found', `${facts.id} lacks a commit that the revert needs`);
    const read = treeReader((sha) => api.get(`${root}/git/trees/${sha}`, signal));
    return { edits: await revertEdits(read, was, is, now), tree: now };
  };
  const headOf = async (branch: string, signal: AbortSignal): Promise<string> => {
    const sha = await head(branch, signal);
    if (sha === undefined) throw new WatchkeeperError('not-found', `${facts.id} has no branch ${branch}`);
    return sha;
  };
  return {
    ...facts,
    commitUrl: (sha) => `https://${facts.id}/commit/${sha}`,
    head,
    ...githubCommits(api, root),
    plan: async (commit, branch, signal) => {
      const { edits } = await editsFor(commit, await headOf(branch, signal), signal);
      return { files: edits.map(({ path: file, from, to }) => ({ path: file, is: wordFor(from, to) })) };
    },
    revert: async (commit, branch, onto, signal) => {
      const parent = await headOf(branch, signal);
      const { edits, tree: base } = await editsFor(commit, parent, signal);
      const tree = await api.send('POST', `${root}/git/trees`, { base_tree: base, tree: edits.map(entryOf) }, signal);
      const written: JsonObject = {
        message: revertMessage(commit),
        tree: textAt(tree, 'sha') ?? '',
        parents: [parent],
      };
      const sha = textAt(await api.send('POST', `${root}/git/commits`, written, signal), 'sha');
      if (sha === undefined) throw new WatchkeeperError('malformed', 'GitHub made a commit and did not say which');
      // Not forced: GitHub refuses when the branch has moved since it was read.
      if (onto === branch)
        await api.send('PATCH', `${root}/git/refs/heads/${refPath(branch)}`, { sha, force: false }, signal);
      else await api.send('POST', `${root}/git/refs`, { ref: `refs/heads/${onto}`, sha }, signal);
    },
    ...githubProposals(api, path),
    removeBranch: async (branch, signal) => {
      if ((await head(branch, signal)) === undefined) return;
      await api.send('DELETE', `${root}/git/refs/heads/${refPath(branch)}`, {}, signal);
    },
  };
}

function githubCommits(api: ForgeApi, root: string): Pick<GitRepository, 'commit' | 'recent'> {
  return {
    commit: async (sha, signal) => {
      const found = await api.get(`${root}/git/commits/${sha}`, signal);
      return found === undefined ? undefined : commitOf(found, textAt(found, 'message'));
    },
    recent: async (branch, until, signal) => {
      const query = `sha=${encodeURIComponent(branch)}&per_page=100`;
      const enough = (items: readonly Json[]): boolean => items.some((one) => textAt(one, 'sha') === until);
      const items = await api.list(`${root}/commits?${query}`, limits.gitCommits, enough, signal);
      return upTo(
        items.map((one) => commitOf(one, textAt(one, 'commit', 'message'))),
        until,
      );
    },
  };
}

function githubProposals(api: ForgeApi, path: string): Pick<GitRepository, 'proposal' | 'propose' | 'close'> {
  const root = `/repos/${path}`;
  const owner = path.split('/')[0] ?? '';
  return {
    proposal: async (from, into, signal) => {
      const query = `head=${encodeURIComponent(`${owner}:${from}`)}&base=${encodeURIComponent(into)}&state=all&sort=created&direction=desc&per_page=1`;
      const [newest] = listAt({ list: (await api.get(`${root}/pulls?${query}`, signal)) ?? [] }, 'list');
      return newest === undefined ? undefined : proposalOf(newest);
    },
    propose: async ({ from, into, title, body }, signal) =>
      proposalOf(await api.send('POST', `${root}/pulls`, { title, body, head: from, base: into }, signal)),
    close: async ({ number }, signal) => {
      await api.send('PATCH', `${root}/pulls/${number}`, { state: 'closed' }, signal);
    },
  };
}

function refPath(branch: string): string {
  return branch.split('/').map(encodeURIComponent).join('/');
}

function commitOf(value: Json, message = ''): GitCommit {
  const sha = textAt(value, 'sha');
  if (sha === undefined) throw new WatchkeeperError('malformed', 'GitHub told of a commit without its id');
  return { sha, message, parents: listAt(value, 'parents').flatMap((parent) => textAt(parent, 'sha') ?? []) };
}

/** The commits up to and with the one that was asked for. */
export function upTo(commits: readonly GitCommit[], until: string): readonly GitCommit[] {
  const at = commits.findIndex(({ sha }) => sha === until);
  return at < 0 ? commits : commits.slice(0, at + 1);
}

function wordFor(from: TreeEdit['from'], to: TreeEdit['to']): 'restored' | 'removed' | 'changed back' {
  if (from === undefined) return 'restored';
  return to === undefined ? 'removed' : 'changed back';
}

// A null id removes the path.
function entryOf({ path, from, to }: TreeEdit): JsonObject {
  const entry = to ?? from;
  return { path, mode: entry?.mode ?? '100644', type: entry?.type ?? 'blob', sha: to?.sha ?? null };
}

function proposalOf(value: Json): GitProposal {
  const [number, url] = [numberAt(value, 'number'), textAt(value, 'html_url')];
  if (number === undefined || url === undefined)
    throw new WatchkeeperError('malformed', 'GitHub told of a pull request without its number');
  const isOpen = textAt(value, 'state') === 'open';
  return { number, url, state: isOpen ? 'open' : textAt(value, 'merged_at') === undefined ? 'closed' : 'merged' };
}
