import type { ActionContext, ActionResult, Probe } from '../../domain/ports/action.ts';
import type { GitCommit, GitRepository } from '../../domain/ports/git.ts';
import { revertsCommit } from '../../io/clients/git/index.ts';
import { forgeFault, standingRevert, type Before } from './subject.ts';

/** Commits the revert onto the branch, unless it was reverted since the plan. */
export async function commitRevert(
  repository: GitRepository,
  was: Before,
  commit: GitCommit,
  { signal }: ActionContext,
): Promise<ActionResult> {
  try {
    const since = await commitsSince(repository, was, signal);
    if (since === undefined) return { is: 'failed', message: `${was.branch} was rewritten since this was planned` };
    if (standingRevert(since, commit) === undefined) await repository.revert(commit, was.branch, was.branch, signal);
    return { is: 'done', message: `${was.commit} is reverted on ${was.branch}` };
  } catch (thrown) {
    return forgeFault(thrown);
  }
}

// What was committed after the plan, newest first; undefined when the plan's head is not on the branch any more.
async function commitsSince(
  repository: GitRepository,
  was: Before,
  signal: AbortSignal,
): Promise<readonly GitCommit[] | undefined> {
  const recent = await repository.recent(was.branch, was.head, signal);
  return recent.at(-1)?.sha === was.head ? recent.slice(0, -1) : undefined;
}

/** Whether the branch holds a revert of the commit, made since the plan and not taken back. */
export async function probeCommitted(
  repository: GitRepository,
  was: Before,
  commit: GitCommit,
  { signal }: ActionContext,
): Promise<Probe> {
  const since = await commitsSince(repository, was, signal);
  if (since === undefined) return { is: 'unknown', because: `${was.branch} was rewritten since this was planned` };
  const revert = standingRevert(since, commit);
  return revert === undefined
    ? { is: 'not-done', because: `${was.branch} holds no standing revert of ${was.commit}` }
    : { is: 'done', because: `${revert.sha} reverts ${was.commit} on ${was.branch}` };
}

/** Reverts the revert. */
export async function takeBackCommitted(
  repository: GitRepository,
  was: Before,
  commit: GitCommit,
  { signal }: ActionContext,
): Promise<ActionResult> {
  try {
    const since = await commitsSince(repository, was, signal);
    if (since === undefined) return { is: 'failed', message: `${was.branch} was rewritten since this was planned` };
    const revert = standingRevert(since, commit);
    const message = `the revert of ${was.commit} is taken back on ${was.branch}`;
    if (revert !== undefined) {
      await repository.revert(revert, was.branch, was.branch, signal);
      return { is: 'done', message };
    }
    return since.some((one) => revertsCommit(one.message, commit))
      ? { is: 'done', message }
      : { is: 'failed', message: `${was.branch} holds no revert of ${was.commit}` };
  } catch (thrown) {
    return forgeFault(thrown);
  }
}
