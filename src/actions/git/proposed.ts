import type { ActionContext, ActionResult, Probe } from '../../domain/ports/action.ts';
import type { GitCommit, GitRepository } from '../../domain/ports/git.ts';
import { revertsCommit, subjectOf } from '../../io/clients/git/index.ts';
import { forgeFault, type Before } from './subject.ts';

/** Opens a pull request with the revert, once. What is there already of branch and pull request is gone on from. */
export async function proposeRevert(
  repository: GitRepository,
  was: Before,
  commit: GitCommit,
  key: string,
  context: ActionContext,
): Promise<ActionResult> {
  const { signal } = context;
  try {
    const there = await repository.proposal(was.work, was.branch, signal);
    if (there !== undefined && there.state !== 'closed') return opened(there);
    if (!(await hasRevert(repository, was, commit, signal)))
      await repository.revert(commit, was.branch, was.work, signal);
    const title = `Revert "${subjectOf(commit)}"`;
    const body = bodyOf(commit, key, context);
    return opened(await repository.propose({ from: was.work, into: was.branch, title, body }, signal));
  } catch (thrown) {
    return forgeFault(thrown);
  }
}

function opened({ url, state }: { readonly url: string; readonly state: string }): ActionResult {
  return {
    is: 'done',
    message: state === 'merged' ? `${url} was merged` : `${url} is open; people merge it`,
    data: { url },
  };
}

async function hasRevert(
  repository: GitRepository,
  was: Before,
  commit: GitCommit,
  signal: AbortSignal,
): Promise<boolean> {
  const head = await repository.head(was.work, signal);
  const newest = head === undefined ? undefined : await repository.commit(head, signal);
  return newest !== undefined && revertsCommit(newest.message, commit);
}

function bodyOf(commit: GitCommit, key: string, { service }: ActionContext): string {
  return [
    `Watchkeeper holds this commit to be the cause of the trouble of \`${service.name}\`, and proposes to take it back.`,
    '',
    `This reverts commit ${commit.sha}. Nothing is changed until somebody merges it.`,
    '',
    `Idempotency key: \`${key}\``,
  ].join('\n');
}

/** Whether the pull request is there. */
export async function probeProposed(repository: GitRepository, was: Before, { signal }: ActionContext): Promise<Probe> {
  const there = await repository.proposal(was.work, was.branch, signal);
  if (there !== undefined && there.state !== 'closed') return { is: 'done', because: `${there.url} is ${there.state}` };
  if ((await repository.head(was.work, signal)) === undefined)
    return { is: 'not-done', because: there === undefined ? 'there is no pull request' : `${there.url} is closed` };
  return { is: 'unknown', because: `half done: there is a branch ${was.work}, and no open pull request` };
}

/** Closes the pull request and removes its branch. A merged one is people's. */
export async function takeBackProposed(
  repository: GitRepository,
  was: Before,
  { signal }: ActionContext,
): Promise<ActionResult> {
  try {
    const there = await repository.proposal(was.work, was.branch, signal);
    if (there?.state === 'merged')
      return { is: 'failed', message: `${there.url} was merged by people; what they merged is theirs to revert` };
    if (there?.state === 'open') await repository.close(there, signal);
    await repository.removeBranch(was.work, signal);
    return { is: 'done', message: there === undefined ? 'there is no pull request' : `${there.url} is closed` };
  } catch (thrown) {
    return forgeFault(thrown);
  }
}
