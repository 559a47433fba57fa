import * as z from 'zod';

import { digest } from '../../lib/canonical.ts';
import { textAt } from '../../lib/dig.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { isCommitId, isRepositoryId, parseCommitUrl } from '../../lib/git-address.ts';
import type { Json } from '../../lib/json.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { ActionContext } from '../../domain/ports/action.ts';
import type { GitCommit, GitRepository } from '../../domain/ports/git.ts';
import type { Observation, Target } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';
import { subjectOf } from '../../io/clients/git/index.ts';
import { defineAction } from '../define-action.ts';
import { commitRevert, probeCommitted, takeBackCommitted } from './direct.ts';
import { probeProposed, proposeRevert, takeBackProposed } from './proposed.ts';
import { beforeShape, standingRevert, workBranch, type Before } from './subject.ts';

const params = z
  .strictObject({
    /** The commit to revert: its address on the forge, or with `repository` its full id. */
    commit: z.string().max(600),
    /** `github.com/acme/deploy`. */
    repository: z
      .string()
      .refine(isRepositoryId, 'expected host/owner/name, such as github.com/acme/deploy')
      .exactOptional(),
    /** Default: the first of the repository's branches under operators.git. */
    branch: z.string().min(1).max(200).exactOptional(),
    /** A pull request, or a commit onto the branch where operators.git lets that be. */
    mode: z.enum(['propose', 'commit']).default('propose'),
  })
  .superRefine((given, context) => {
    if (addressOf(given) !== undefined) return;
    const message = 'expected the address of a commit on GitHub or GitLab, or a full commit id beside `repository`';
    context.addIssue({ code: 'custom', message, path: ['commit'] });
  });
type Params = z.infer<typeof params>;
const kind = 'git.revert';

/** Reverts one commit in Git, where GitOps would undo anything done in the cluster: by a pull request, or a commit. */
export const gitRevert = defineAction<Params>({
  kind,
  summary: 'Revert a commit in Git: by a pull request, or by a commit where that is allowed',
  // A branch named after the commit, and the message of a revert, tell a repeat that it was done.
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'external' },
  params: schemaOf(params),
  needs: ['a token under operators.git that may write contents and pull requests of the repository'],
  target: targetOf,
  observe,
  preview: (given, { facts }) => {
    const refused = textAt(facts, 'refused');
    if (refused !== undefined) throw new WatchkeeperError('conflict', refused);
    const [repository, branch, commit] = ['repository', 'branch', 'commit'].map((key) => textAt(facts, key) ?? '');
    const what = `${(commit ?? '').slice(0, 12)} (${JSON.stringify(facts['subject'] ?? '')}) on ${branch} of ${repository}`;
    return {
      describe:
        given.mode === 'commit'
          ? `commit a revert of ${what}`
          : `open a pull request that reverts ${what}; people merge it`,
      diff: (facts['diff'] as readonly string[] | undefined) ?? [],
    };
  },
  before: (given, { facts }): Json => ({
    repository: facts['repository'] ?? '',
    branch: facts['branch'] ?? '',
    commit: facts['commit'] ?? '',
    head: facts['head'] ?? '',
    work: facts['work'] ?? '',
    mode: given.mode,
  }),
  run: async (_given, before, key, context) => {
    const { was, repository, commit } = await subject(before, context);
    return was.mode === 'commit'
      ? commitRevert(repository, was, commit, context)
      : proposeRevert(repository, was, commit, key, context);
  },
  probe: async (_given, before, context) => {
    const { was, repository, commit } = await subject(before, context);
    return was.mode === 'commit'
      ? probeCommitted(repository, was, commit, context)
      : probeProposed(repository, was, context);
  },
  undo: async (_given, before, _key, context) => {
    const { was, repository, commit } = await subject(before, context);
    return was.mode === 'commit'
      ? takeBackCommitted(repository, was, commit, context)
      : takeBackProposed(repository, was, context);
  },
});

function addressOf({ commit, repository }: { readonly commit: string; readonly repository?: string | undefined }) {
  if (repository !== undefined && isCommitId(commit)) return { repository, sha: commit };
  const address = parseCommitUrl(commit);
  return address !== undefined && (repository ?? address.repository) === address.repository ? address : undefined;
}

function checkedAddress(given: Params) {
  const address = addressOf(given);
  if (address === undefined) throw new WatchkeeperError('config-invalid', `${kind}: not a commit: ${given.commit}`);
  return address;
}

function targetOf(given: Params, service: Service): Target {
  const { repository, sha } = checkedAddress(given);
  return { kind: 'commit', id: `${repository}@${sha.slice(0, 12)}`, service: service.name, labels: service.labels };
}

async function observe(given: Params, context: ActionContext): Promise<Observation> {
  const { signal } = context;
  const { repository: id, sha } = checkedAddress(given);
  const repository = context.io.git.repository(id);
  const branch = given.branch ?? repository.branches[0] ?? '';
  if (!repository.branches.includes(branch))
    throw new WatchkeeperError('forbidden', `branch ${branch} of ${id} is not listed for Watchkeeper to write to`, {
      fix: 'Add it to branches under operators.git in watchkeeper.yaml.',
    });
  if (given.mode === 'commit' && !repository.direct)
    throw new WatchkeeperError('forbidden', `${id} takes reverts by pull request only`, {
      fix: 'Set direct: true for it under operators.git, or leave mode out.',
    });
  const commit = await repository.commit(sha, signal);
  if (commit === undefined) throw new WatchkeeperError('not-found', `${id} has no commit ${sha}`);
  const recent = await repository.recent(branch, sha, signal);
  const head = recent[0]?.sha ?? '';
  const work = workBranch(sha, branch);
  const refused = await whyNot(repository, { commit, recent, branch, work }, given, signal);
  const files = refused === undefined ? (await repository.plan(commit, branch, signal)).files : [];
  return {
    target: targetOf(given, context.service),
    atMs: context.io.clock.nowMs(),
    facts: {
      repository: id,
      branch,
      commit: sha,
      head,
      work,
      subject: subjectOf(commit),
      files: files.length,
      behind: recent.length - 1,
      diff: files.slice(0, 50).map(({ path, is }) => `${path}: ${is}`),
      ...(refused === undefined ? {} : { refused }),
    },
    // Not the head: what else is pushed does not change what is reverted.
    stateHash: digest([id, branch, sha, refused ?? '', files.map(({ path, is }) => [path, is])]),
    blast: {
      touched: 1,
      total: 1,
      healthyAfter: 1,
      targets: files.slice(0, 20).map(({ path }) => path),
      dependents: [],
    },
  };
}

async function whyNot(
  repository: GitRepository,
  about: {
    readonly commit: GitCommit;
    readonly recent: readonly GitCommit[];
    readonly branch: string;
    readonly work: string;
  },
  given: Params,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { commit, recent, branch, work } = about;
  if (recent.at(-1)?.sha !== commit.sha) return `${commit.sha} is not among the latest commits of ${branch}`;
  const earlier = standingRevert(recent.slice(0, -1), commit);
  if (earlier !== undefined) return `${earlier.sha} has reverted it already`;
  const open = given.mode === 'propose' ? await repository.proposal(work, branch, signal) : undefined;
  return open?.state === 'open' ? `${open.url} would revert it already` : undefined;
}

async function subject(
  before: Json,
  context: ActionContext,
): Promise<{ was: Before; repository: GitRepository; commit: GitCommit }> {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success) throw new WatchkeeperError('malformed', `what was recorded before ${kind} cannot be read`);
  const was = parsed.data;
  const repository = context.io.git.repository(was.repository);
  const commit = await repository.commit(was.commit, context.signal);
  if (commit === undefined) throw new WatchkeeperError('not-found', `${was.repository} has no commit ${was.commit}`);
  return { was, repository, commit };
}
