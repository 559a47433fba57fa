/** Which repository: `github.com/acme/deploy`, the host people see and the path there. */
export type RepositoryId = string;

/** A commit as a forge gives it. Its message is untrusted text (I12). */
export interface GitCommit {
  readonly sha: string;
  readonly parents: readonly string[];
  readonly message: string;
}

/** A pull request, or merge request as GitLab says. */
export interface GitProposal {
  readonly number: number;
  readonly url: string;
  readonly state: 'open' | 'merged' | 'closed';
}

/** What a revert would do: the paths, and how. */
export interface GitRevertPlan {
  readonly files: readonly { readonly path: string; readonly is: 'restored' | 'removed' | 'changed back' }[];
}

/**
 * A repository on a forge, as a hand sees it. Every call throws WatchkeeperError: `unauthorized`, `forbidden`, `not-found`,
 * `conflict` (it moved, it exists, it cannot be reverted any more), `config-invalid` (the forge refuses the request),
 * `rate-limited`, `unreachable`, `timeout`, `too-large`, `malformed`. A write is sent once and never repeated here.
 */
export interface GitRepository {
  readonly id: RepositoryId;
  /** Branches where a revert may go; the first is the one meant when none is named. */
  readonly branches: readonly string[];
  /** Whether commits may go onto such a branch without a pull request. */
  readonly direct: boolean;
  /** Where people look at a commit. */
  commitUrl(sha: string): string;
  /** The commit a branch is at; `undefined` when there is no such branch. */
  head(branch: string, signal: AbortSignal): Promise<string | undefined>;
  /** The newest commits of a branch, newest first, up to and with `until`, at most `limits.gitCommits`. */
  recent(branch: string, until: string, signal: AbortSignal): Promise<readonly GitCommit[]>;
  commit(sha: string, signal: AbortSignal): Promise<GitCommit | undefined>;
  /**
   * What reverting `commit` (a merge: against its first parent) on `branch` would do. Changes nothing.
   *
   * @throws `conflict` when a file it changed was changed again, or there is nothing to revert.
   */
  plan(commit: GitCommit, branch: string, signal: AbortSignal): Promise<GitRevertPlan>;
  /**
   * Puts a commit that reverts `commit` on top of `branch`, onto `onto`: a branch that it makes, or `branch` itself. Its
   * message says `This reverts commit SHA.`, by which it is found again.
   */
  revert(commit: GitCommit, branch: string, onto: string, signal: AbortSignal): Promise<void>;
  /** The newest pull request from `from` into `into`. */
  proposal(from: string, into: string, signal: AbortSignal): Promise<GitProposal | undefined>;
  propose(
    given: { readonly from: string; readonly into: string; readonly title: string; readonly body: string },
    signal: AbortSignal,
  ): Promise<GitProposal>;
  /** Closes a pull request without merging it. */
  close(proposal: GitProposal, signal: AbortSignal): Promise<void>;
  /** Fine when there is no such branch. */
  removeBranch(branch: string, signal: AbortSignal): Promise<void>;
}

/** Repositories to act in: those that watchkeeper.yaml lists under operators.git, and no others. */
export interface GitRepositories {
  /** @throws WatchkeeperError `forbidden` when the repository is not listed. */
  repository(id: RepositoryId): GitRepository;
}
