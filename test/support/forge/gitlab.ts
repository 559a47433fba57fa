import { flagAt, textAt } from '../../../src/lib/dig.ts';
import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { realGit, type RealGit } from './git.ts';
import { page, serveForge, type ForgeReply, type ForgeRequest, type ForgeServer } from './serve.ts';

interface MergeRequest {
  readonly iid: number;
  readonly source: string;
  readonly target: string;
  readonly title: string;
  readonly description: string;
  state: 'opened' | 'closed' | 'merged';
}

/** GitLab's REST API, as far as a revert needs it, over a real repository: `git revert` does what GitLab's own does. */
export interface GitLab {
  readonly server: ForgeServer;
  readonly git: RealGit;
  readonly requests: MergeRequest[];
  stop(): Promise<void>;
}

/** Serves one project, group/team/deploy: a copy of what is given. Commits are listed three a page. */
export async function startGitLab(token: string, from: RealGit): Promise<GitLab> {
  const git = realGit(from);
  const requests: MergeRequest[] = [];
  const server = await serveForge(
    (headers) => headers['private-token'] === token,
    (request, url) => {
      const [api, version, projects, project, ...rest] = request.parts;
      return api === 'api' && version === 'v4' && projects === 'projects' && project === 'group/team/deploy'
        ? route({ git, requests, request, url }, rest)
        : missing;
    },
  );
  const stop = async (): Promise<void> => {
    await server.stop();
    git.remove();
  };
  return { server, git, requests, stop };
}

interface Asked {
  readonly git: RealGit;
  readonly requests: MergeRequest[];
  readonly request: ForgeRequest;
  readonly url: string;
}

const missing: ForgeReply = { status: 404, body: { message: '404 Not found' } };
const bad = (message: string, code?: string): ForgeReply => ({
  status: 400,
  body: { message, ...(code === undefined ? {} : { error_code: code }) },
});
const hasBranch = (git: RealGit, branch: string): boolean =>
  git.is('rev-parse', '--verify', '-q', `refs/heads/${branch}`);

function route(asked: Asked, [area, kind, id = '', action]: readonly string[]): ForgeReply {
  const { git, request, url } = asked;
  if (area === 'merge_requests') return mergeRequests(asked, kind);
  if (area !== 'repository') return missing;
  if (kind === 'branches') return branches(asked, id);
  if (kind !== 'commits') return missing;
  if (id === '') {
    const branch = request.query.get('ref_name') ?? '';
    if (!hasBranch(git, branch)) return missing;
    const shas = git.git(['rev-list', `refs/heads/${branch}`]).split('\n');
    return page(
      shas.map((sha) => commitJson(git, sha)),
      request,
      url,
      3,
    );
  }
  if (!/^[0-9a-f]{40}$/.test(id) || !git.is('cat-file', '-e', `${id}^{commit}`)) return missing;
  if (action === 'diff') return page(diffOf(git, id), request, url);
  return action === 'revert' ? revert(asked, id) : { status: 200, body: commitJson(git, id) };
}

function commitJson(git: RealGit, sha: string): JsonObject {
  const [parents = '', message = ''] = git.git(['log', '-1', '--format=%P%x00%B', sha]).split('\0');
  return { id: sha, message, parent_ids: parents.split(' ').filter((parent) => parent !== '') };
}

function branches({ git, request }: Asked, name: string): ForgeReply {
  const { method, body } = request;
  const shown = (branch: string): JsonObject => ({
    name: branch,
    commit: commitJson(git, git.git(['rev-parse', `refs/heads/${branch}`])),
  });
  if (method === 'POST') {
    const [branch = '', ref = ''] = [textAt(body, 'branch'), textAt(body, 'ref')];
    if (hasBranch(git, branch)) return bad('Branch already exists');
    if (!git.is('rev-parse', '--verify', '-q', ref)) return bad(`Invalid reference name: ${ref}`);
    git.git(['update-ref', `refs/heads/${branch}`, git.git(['rev-parse', ref])]);
    return { status: 201, body: shown(branch) };
  }
  if (!hasBranch(git, name)) return { status: 404, body: { message: '404 Branch Not Found' } };
  if (method !== 'DELETE') return { status: 200, body: shown(name) };
  git.git(['update-ref', '-d', `refs/heads/${name}`]);
  return { status: 204 };
}

function diffOf(git: RealGit, sha: string): readonly Json[] {
  return git
    .git(['diff', '--name-status', '-M', `${sha}^1`, sha])
    .split('\n')
    .map((line): Json => {
      const [status = '', from = '', to = from] = line.split('\t');
      return { old_path: from, new_path: to, new_file: status === 'A', deleted_file: status === 'D' };
    });
}

function revert({ git, request: { body } }: Asked, sha: string): ForgeReply {
  const branch = textAt(body, 'branch') ?? '';
  if (!hasBranch(git, branch)) return missing;
  const isDry = flagAt(body, 'dry_run');
  const at = git.git(['rev-parse', `refs/heads/${branch}`]);
  try {
    const made = git.revert(sha, branch);
    if (isDry) git.git(['update-ref', `refs/heads/${branch}`, at]);
    return isDry ? { status: 200, body: { dry_run: 'success' } } : { status: 201, body: commitJson(git, made) };
  } catch {
    return bad(
      'Sorry, we cannot revert this commit automatically. This commit may already have been reverted, or a more recent commit may have updated some of its content.',
      'conflict',
    );
  }
}

function mergeRequests({ git, requests, request, url }: Asked, iid: string | undefined): ForgeReply {
  const { method, body, query } = request;
  const shown = (one: MergeRequest): JsonObject => ({
    iid: one.iid,
    state: one.state,
    web_url: `https://127.0.0.1/group/team/deploy/-/merge_requests/${one.iid}`,
  });
  if (method === 'GET') {
    const wanted = requests.filter(
      ({ source, target }) => source === query.get('source_branch') && target === query.get('target_branch'),
    );
    return page(wanted.toReversed().map(shown), request, url);
  }
  if (method === 'POST') {
    const [source = '', target = '', title = ''] = ['source_branch', 'target_branch', 'title'].map((key) =>
      textAt(body, key),
    );
    if (!hasBranch(git, source)) return bad('source_branch does not exist');
    if (requests.some((one) => one.state === 'opened' && one.source === source && one.target === target))
      return { status: 409, body: { message: ['Another open merge request already exists for this source branch'] } };
    const description = textAt(body, 'description') ?? '';
    const made: MergeRequest = { iid: requests.length + 1, source, target, title, description, state: 'opened' };
    requests.push(made);
    return { status: 201, body: shown(made) };
  }
  const found = requests.find((one) => String(one.iid) === iid);
  if (found === undefined || method !== 'PUT') return missing;
  if (textAt(body, 'state_event') === 'close') found.state = 'closed';
  return { status: 200, body: shown(found) };
}
