import { flagAt, listAt, numberAt, textAt } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import type { GitCommit, GitProposal, GitRepository } from '../../../domain/ports/git.ts';
import type { ForgeApi } from './forge-http.ts';
import { upTo } from './github.ts';
import { revertsCommit } from './message.ts';

/** A repository on GitLab, which reverts commits itself, merging with what came later where it can. */
export function gitlabRepository(
  api: ForgeApi,
  path: string,
  facts: Pick<GitRepository, 'id' | 'branches' | 'direct'>,
): GitRepository {
  const root = `/projects/${encodeURIComponent(path)}`;
  const rawBranch = (branch: string, signal: AbortSignal) =>
    api.get(`${root}/repository/branches/${encodeURIComponent(branch)}`, signal);
  const head: GitRepository['head'] = async (branch, signal) => textAt(await rawBranch(branch, signal), 'commit', 'id');
  const sendRevert = async (sha: string, branch: string, dryRun: boolean, signal: AbortSignal): Promise<void> => {
    try {
      await api.send('POST', `${root}/repository/commits/${sha}/revert`, { branch, dry_run: dryRun }, signal);
    } catch (thrown) {
      // 400 is how GitLab says that it conflicts, or that there is nothing to revert.
      if (!(thrown instanceof WatchkeeperError) || thrown.code !== 'config-invalid') throw thrown;
      throw new WatchkeeperError('conflict', thrown.message, { cause: thrown });
    }
  };
  return {
    ...facts,
    commitUrl: (sha) => `https://${facts.id}/-/commit/${sha}`,
    head,
    commit: async (sha, signal) => {
      const found = await api.get(`${root}/repository/commits/${sha}`, signal);
      return found === undefined ? undefined : commitOf(found);
    },
    recent: async (branch, until, signal) => {
      const query = `ref_name=${encodeURIComponent(branch)}&per_page=100`;
      const enough = (items: readonly Json[]): boolean => items.some((one) => textAt(one, 'id') === until);
      const items = await api.list(`${root}/repository/commits?${query}`, limits.gitCommits, enough, signal);
      return upTo(items.map(commitOf), until);
    },
    plan: async (commit, branch, signal) => {
      await sendRevert(commit.sha, branch, true, signal);
      const never = (): boolean => false;
      const diff = `${root}/repository/commits/${commit.sha}/diff?per_page=100`;
      const items = await api.list(diff, limits.gitFiles + 1, never, signal);
      if (items.length > limits.gitFiles)
        throw new WatchkeeperError('too-large', `the commit changes more than ${limits.gitFiles} files`);
      return { files: items.flatMap(filesOf) };
    },
    revert: async (commit, branch, onto, signal) => {
      if (onto === branch) return sendRevert(commit.sha, branch, false, signal);
      // Two requests: one that was interrupted left the branch, as it was made, and goes on from there.
      const there = await rawBranch(onto, signal);
      if (there === undefined)
        await api.send('POST', `${root}/repository/branches`, { branch: onto, ref: branch }, signal);
      else if (revertsCommit(textAt(there, 'commit', 'message') ?? '', commit)) return;
      await sendRevert(commit.sha, onto, false, signal);
    },
    proposal: async (from, into, signal) => {
      const query = `source_branch=${encodeURIComponent(from)}&target_branch=${encodeURIComponent(into)}&state=all&order_by=created_at&sort=desc&per_page=1`;
      const [newest] = listAt({ list: (await api.get(`${root}/merge_requests?${query}`, signal)) ?? [] }, 'list');
      return newest === undefined ? undefined : proposalOf(newest);
    },
    propose: async ({ from, into, title, body }, signal) => {
      const asked = { source_branch: from, target_branch: into, title, description: body, remove_source_branch: true };
      return proposalOf(await api.send('POST', `${root}/merge_requests`, asked, signal));
    },
    close: async ({ number }, signal) => {
      await api.send('PUT', `${root}/merge_requests/${number}`, { state_event: 'close' }, signal);
    },
    removeBranch: async (branch, signal) => {
      if ((await head(branch, signal)) === undefined) return;
      await api.send('DELETE', `${root}/repository/branches/${encodeURIComponent(branch)}`, {}, signal);
    },
  };
}

function commitOf(value: Json): GitCommit {
  const sha = textAt(value, 'id');
  if (sha === undefined) throw new WatchkeeperError('malformed', 'GitLab told of a commit without its id');
  const parents = listAt(value, 'parent_ids').filter((parent) => typeof parent === 'string');
  return { sha, message: textAt(value, 'message') ?? '', parents };
}

// A renamed file is gone under its new name and back under its old one.
function filesOf(
  entry: Json,
): readonly { readonly path: string; readonly is: 'restored' | 'removed' | 'changed back' }[] {
  const [before = '?', after = '?'] = [textAt(entry, 'old_path'), textAt(entry, 'new_path')];
  if (flagAt(entry, 'new_file')) return [{ path: after, is: 'removed' }];
  if (flagAt(entry, 'deleted_file')) return [{ path: before, is: 'restored' }];
  if (before === after) return [{ path: after, is: 'changed back' }];
  return [
    { path: after, is: 'removed' },
    { path: before, is: 'restored' },
  ];
}

function proposalOf(value: Json): GitProposal {
  const [number, url, state] = [numberAt(value, 'iid'), textAt(value, 'web_url'), textAt(value, 'state')];
  if (number === undefined || url === undefined)
    throw new WatchkeeperError('malformed', 'GitLab told of a merge request without its number');
  return { number, url, state: state === 'merged' ? 'merged' : state === 'opened' ? 'open' : 'closed' };
}
