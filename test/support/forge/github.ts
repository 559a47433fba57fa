import path from 'node:path';

import { listAt, textAt } from '../../../src/lib/dig.ts';
import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { realGit, type RealGit } from './git.ts';
import { page, serveForge, type ForgeReply, type ForgeRequest, type ForgeServer } from './serve.ts';

interface Pull {
  readonly number: number;
  readonly head: string;
  readonly base: string;
  readonly title: string;
  readonly body: string;
  state: 'open' | 'closed';
  merged: boolean;
}

/** GitHub's REST API, as far as a revert needs it, over a real repository: ids are checked, refusals are GitHub's. */
export interface GitHub {
  readonly server: ForgeServer;
  readonly git: RealGit;
  readonly pulls: Pull[];
  stop(): Promise<void>;
}

/** Serves one repository, acme/deploy: a copy of what is given. Commits are listed three a page. */
export async function startGitHub(token: string, from: RealGit): Promise<GitHub> {
  const git = realGit(from);
  const pulls: Pull[] = [];
  const server = await serveForge(
    (headers) => headers.authorization === `Bearer ${token}` && headers['user-agent'] !== undefined,
    (request, url) => {
      const [repos, owner, name, ...rest] = request.parts;
      return repos === 'repos' && owner === 'acme' && name === 'deploy'
        ? route({ git, pulls, url, request }, rest)
        : missing;
    },
  );
  const stop = async (): Promise<void> => {
    await server.stop();
    git.remove();
  };
  return { server, git, pulls, stop };
}

interface Asked {
  readonly git: RealGit;
  readonly pulls: Pull[];
  readonly url: string;
  readonly request: ForgeRequest;
}

const missing: ForgeReply = { status: 404, body: { message: 'Not Found' } };
const refuse = (message: string): ForgeReply => ({ status: 422, body: { message } });

function route(asked: Asked, rest: readonly string[]): ForgeReply {
  const { method } = asked.request;
  const [area, kind, ...more] = rest;
  const name = `${method} ${area === 'git' ? `git/${kind}` : area}`;
  const branch = more.slice(1).join('/');
  switch (name) {
    case 'GET git/ref':
      return refOf(asked.git, branch);
    case 'GET git/commits':
      return commitOf(asked.git, more[0] ?? '');
    case 'GET git/trees':
      return treeOf(asked.git, more[0] ?? '');
    case 'POST git/trees':
      return makeTree(asked);
    case 'POST git/commits':
      return makeCommit(asked);
    case 'POST git/refs':
      return makeRef(asked);
    case 'PATCH git/refs':
      return moveRef(asked, branch);
    case 'DELETE git/refs':
      if (!hasBranch(asked.git, branch)) return refuse('Reference does not exist');
      asked.git.git(['update-ref', '-d', `refs/heads/${branch}`]);
      return { status: 204 };
    case 'GET commits':
      return commits(asked);
    default:
      return area === 'pulls' ? pullRoute(asked, kind) : missing;
  }
}

const hasBranch = (git: RealGit, branch: string): boolean =>
  git.is('rev-parse', '--verify', '-q', `refs/heads/${branch}`);
const isA = (git: RealGit, sha: string, type: string): boolean => {
  try {
    return /^[0-9a-f]{40}$/.test(sha) && git.git(['cat-file', '-t', sha]) === type;
  } catch {
    return false;
  }
};

function refOf(git: RealGit, branch: string): ForgeReply {
  if (!hasBranch(git, branch)) return missing;
  const sha = git.git(['rev-parse', `refs/heads/${branch}`]);
  return { status: 200, body: { ref: `refs/heads/${branch}`, object: { type: 'commit', sha } } };
}

function commitJson(git: RealGit, sha: string): JsonObject {
  const [tree = '', parents = '', message = ''] = git.git(['log', '-1', '--format=%T%x00%P%x00%B', sha]).split('\0');
  const list = parents.split(' ').filter((parent) => parent !== '');
  return { sha, tree: { sha: tree }, message, parents: list.map((parent) => ({ sha: parent })) };
}

function commitOf(git: RealGit, sha: string): ForgeReply {
  return isA(git, sha, 'commit') ? { status: 200, body: commitJson(git, sha) } : missing;
}

function treeOf(git: RealGit, sha: string): ForgeReply {
  if (!isA(git, sha, 'tree')) return missing;
  const tree = git
    .git(['ls-tree', '-z', sha])
    .split('\0')
    .filter((line) => line !== '')
    .map((line): Json => {
      const [about = '', name = ''] = line.split('\t');
      const [mode = '', type = '', entry = ''] = about.split(' ');
      return { path: name, mode, type, sha: entry };
    });
  return { status: 200, body: { sha, tree, truncated: false } };
}

function makeTree({ git, request }: Asked): ForgeReply {
  const base = textAt(request.body, 'base_tree') ?? '';
  if (!isA(git, base, 'tree')) return refuse('base_tree is not a valid tree');
  const env = { GIT_INDEX_FILE: path.join(git.folder, `index-${Math.random()}`) };
  git.git(['read-tree', base], { env });
  for (const entry of listAt(request.body, 'tree')) {
    const [name = '', mode = '', sha] = [textAt(entry, 'path'), textAt(entry, 'mode'), textAt(entry, 'sha')];
    if (sha === undefined) {
      if (git.git(['ls-files', '--', name], { env }) === '') return refuse('GitRPC::BadObjectState');
      git.git(['update-index', '--index-info'], { env, input: `0 ${'0'.repeat(40)}\t${name}\n` });
    } else {
      if (!isA(git, sha, 'blob')) return refuse(`tree.sha ${sha} is not a valid blob`);
      git.git(['update-index', '--add', '--cacheinfo', `${mode},${sha},${name}`], { env });
    }
  }
  return { status: 201, body: { sha: git.git(['write-tree'], { env }) } };
}

function makeCommit({ git, request: { body } }: Asked): ForgeReply {
  const parents = listAt(body, 'parents').map(String);
  const tree = textAt(body, 'tree') ?? '';
  if (!isA(git, tree, 'tree')) return refuse('Tree SHA does not exist');
  if (!parents.every((sha) => isA(git, sha, 'commit')))
    return refuse('Parent SHA does not exist or is not a commit object');
  const argv = ['commit-tree', tree, ...parents.flatMap((sha) => ['-p', sha])];
  const sha = git.git(argv, { input: textAt(body, 'message') ?? '' });
  return { status: 201, body: commitJson(git, sha) };
}

function makeRef({ git, request: { body } }: Asked): ForgeReply {
  const [ref = '', sha = ''] = [textAt(body, 'ref'), textAt(body, 'sha')];
  if (!isA(git, sha, 'commit')) return refuse('Object does not exist');
  if (!git.is('check-ref-format', ref)) return refuse(`${ref} is not a valid ref name.`);
  if (git.is('rev-parse', '--verify', '-q', ref)) return refuse('Reference already exists');
  git.git(['update-ref', ref, sha]);
  return { status: 201, body: { ref, object: { sha } } };
}

function moveRef({ git, request: { body } }: Asked, branch: string): ForgeReply {
  const sha = textAt(body, 'sha') ?? '';
  if (!hasBranch(git, branch)) return refuse('Reference does not exist');
  if (!isA(git, sha, 'commit')) return refuse('Object does not exist');
  if (!git.is('merge-base', '--is-ancestor', `refs/heads/${branch}`, sha))
    return refuse('Update is not a fast forward');
  git.git(['update-ref', `refs/heads/${branch}`, sha]);
  return refOf(git, branch);
}

function commits({ git, request, url }: Asked): ForgeReply {
  const branch = request.query.get('sha') ?? '';
  if (!hasBranch(git, branch)) return missing;
  const items = git
    .git(['rev-list', `refs/heads/${branch}`])
    .split('\n')
    .map((sha): Json => {
      const { message = '', parents = [] } = commitJson(git, sha);
      return { sha, commit: { message }, parents };
    });
  return page(items, request, url, 3);
}

function pullRoute({ git, pulls, request, url }: Asked, number: string | undefined): ForgeReply {
  const { method, body, query } = request;
  const shown = (pull: Pull): JsonObject => ({
    number: pull.number,
    state: pull.state,
    merged_at: pull.merged ? '2026-11-18T10:00:00Z' : null,
    html_url: `https://127.0.0.1/acme/deploy/pull/${pull.number}`,
  });
  if (method === 'GET' && number === undefined) {
    const wanted = pulls.filter(({ head, base }) => `acme:${head}` === query.get('head') && base === query.get('base'));
    return page(wanted.toReversed().map(shown), request, url);
  }
  if (method === 'POST') {
    const [head = '', base = '', title = ''] = ['head', 'base', 'title'].map((key) => textAt(body, key));
    if (!hasBranch(git, head) || !hasBranch(git, base)) return refuse('Validation Failed');
    if (git.is('merge-base', '--is-ancestor', `refs/heads/${head}`, `refs/heads/${base}`))
      return refuse(`No commits between ${base} and ${head}`);
    if (pulls.some((pull) => pull.state === 'open' && pull.head === head && pull.base === base))
      return refuse(`A pull request already exists for acme:${head}.`);
    const made: Pull = {
      number: pulls.length + 1,
      head,
      base,
      title,
      body: textAt(body, 'body') ?? '',
      state: 'open',
      merged: false,
    };
    pulls.push(made);
    return { status: 201, body: shown(made) };
  }
  const pull = pulls.find((one) => String(one.number) === number);
  if (pull === undefined || method !== 'PATCH') return missing;
  pull.state = textAt(body, 'state') === 'closed' ? 'closed' : 'open';
  return { status: 200, body: shown(pull) };
}
