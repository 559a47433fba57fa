import * as z from 'zod';

import type { ActionResult } from '../../domain/ports/action.ts';
import type { GitCommit } from '../../domain/ports/git.ts';
import { revertsCommit } from '../../io/clients/git/index.ts';
import { writeFault } from '../faults.ts';

/** What is recorded before a revert: which, on what, and where the branch was. */
export const beforeShape = z.strictObject({
  repository: z.string(),
  branch: z.string(),
  commit: z.string(),
  head: z.string(),
  work: z.string(),
  mode: z.enum(['propose', 'commit']),
});
/** The same, read back. */
export type Before = z.infer<typeof beforeShape>;

/** The branch that a proposed revert lies on: one for a commit and the branch it is reverted on. */
export function workBranch(sha: string, branch: string): string {
  return `watchkeeper/revert-${sha.slice(0, 12)}-on-${branch.replaceAll('/', '-')}`;
}

/** The newest commit that reverts another and was not reverted itself, among these, newest first. */
export function standingRevert(commits: readonly GitCommit[], commit: GitCommit): GitCommit | undefined {
  const at = commits.findIndex(({ message }) => revertsCommit(message, commit));
  const found = commits[at];
  if (found === undefined) return undefined;
  return commits.slice(0, at).some(({ message }) => revertsCommit(message, found)) ? undefined : found;
}

/** A refusal of the forge is certain, and so is one of ours for size: nothing more happened. Anything else leaves it open (I5). */
export function forgeFault(thrown: unknown): ActionResult {
  return writeFault(thrown, ['too-large']);
}
