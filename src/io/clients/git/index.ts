import { WatchkeeperError } from '../../../lib/errors.ts';
import type { GitRepositories, GitRepository } from '../../../domain/ports/git.ts';
import type { GitForge } from './config.ts';
import { forgeApi, type ForgeIo } from './forge-http.ts';
import { githubRepository } from './github.ts';
import { gitlabRepository } from './gitlab.ts';

export { revertsCommit, subjectOf } from './message.ts';

/** The repositories of these forges, by what people call them. Nothing is connected before the first call. */
export function gitRepositoriesOf(io: ForgeIo, forges: readonly GitForge[]): GitRepositories {
  const listed = new Map(forges.flatMap((forge) => forge.repositories.map((path) => made(io, forge, path))));
  return {
    repository: (id) => {
      const found = listed.get(id.toLowerCase());
      if (found !== undefined) return found;
      throw new WatchkeeperError('forbidden', `repository ${id} is not listed for Watchkeeper to write to`, {
        fix: 'Add it to repositories under operators.git in watchkeeper.yaml.',
      });
    },
  };
}

function made(io: ForgeIo, forge: GitForge, path: string): readonly [string, GitRepository] {
  const { provider, branches, direct } = forge;
  const base = (forge.url ?? (provider === 'github' ? 'https://api.github.com' : 'https://gitlab.com/api/v4')).replace(
    /\/+$/,
    '',
  );
  const apiHost = new URL(base).host;
  const host = forge.host ?? (apiHost === 'api.github.com' ? 'github.com' : apiHost);
  const facts = { id: `${host}/${path}`, branches, direct };
  const repository =
    provider === 'github'
      ? githubRepository(forgeApi(io, base, forge, githubHeaders), path, facts)
      : gitlabRepository(forgeApi(io, base, forge, gitlabHeaders), path, facts);
  // Forges tell names of repositories apart by their letters only.
  return [facts.id.toLowerCase(), repository];
}

function githubHeaders(token: string): Readonly<Record<string, string>> {
  return {
    Authorization: `Bearer ${token}`,
    Accept: 'application/vnd.github+json',
    'X-GitHub-Api-Version': '2022-11-28',
  };
}

function gitlabHeaders(token: string): Readonly<Record<string, string>> {
  return { 'PRIVATE-TOKEN': token, Accept: 'application/json' };
}
