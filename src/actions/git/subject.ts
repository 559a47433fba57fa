import * as z from 'zod';

import { WatchkeeperError, type ErrorCode } from '../../lib/errors.ts';
import type { ActionResult } from '../../domain/ports/action.ts';
import type { GitCommit } from '../../domain/ports/git.ts';
import { revertsCommit } from '../../io/clients/git/index.ts';

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

const certain: ReadonlySet<ErrorCode> = new Set([
  'conflict',
  'not-found',
  'forbidden',
  'unauthorized',
  'config-invalid',
  'rate-limited',
  'too-large',
]);

/** A refusal of the forge is certain: nothing more happened. Anything else leaves it open (I5). */
export function forgeFault(thrown: unknown): ActionResult {
  const error = WatchkeeperError.from(thrown);
  const message = error.fix === undefined ? error.message : `${error.message} ${error.fix}`;
  return { is: certain.has(error.code) ? 'failed' : 'unknown', message };
}
