import type { GitCommit } from '../../../domain/ports/git.ts';

/** The message of a revert, as `git revert` writes it: the first line of what it reverts, and which commit that is. */
export function revertMessage(commit: GitCommit): string {
  const [parent] = commit.parents;
  const merged = commit.parents.length > 1 && parent !== undefined ? `, reversing\nchanges made to ${parent}` : '';
  return `Revert "${subjectOf(commit)}"\n\nThis reverts commit ${commit.sha}${merged}.\n`;
}

/** The first line of a commit's message, on one line and not too long. */
export function subjectOf({ message }: GitCommit): string {
  return (message.split('\n')[0] ?? '').replace(/\p{Cc}/gu, ' ').slice(0, 200);
}

/** Whether a message says that it reverts the commit. GitLab names the merge request instead where one brought the commit. */
export function revertsCommit(message: string, commit: GitCommit): boolean {
  if (message.includes(`This reverts commit ${commit.sha}`)) return true;
  return message.startsWith(`Revert "${subjectOf(commit)}"`) && message.includes('This reverts merge request ');
}
