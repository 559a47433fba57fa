/** A commit on a forge: in which repository, and which. */
export interface CommitAddress {
  /** `github.com/acme/deploy`. */
  readonly repository: string;
  readonly sha: string;
}

/** A full commit id, of SHA-1 or SHA-256. */
export function isCommitId(text: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

const repository = /^[A-Za-z0-9.-]+(:\d{1,5})?(\/[A-Za-z0-9_][A-Za-z0-9_.-]*){2,6}$/;

/** Whether a text names a repository: `github.com/acme/deploy`. */
export function isRepositoryId(text: string): boolean {
  return text.length <= 400 && repository.test(text);
}

/** Names a repository by the address it is cloned from: `git@github.com:acme/deploy.git` → `github.com/acme/deploy`. */
export function repositoryOf(cloneUrl: string): string | undefined {
  const written = URL.canParse(cloneUrl) && cloneUrl.includes('://') ? ofUrl(new URL(cloneUrl)) : ofScp(cloneUrl);
  const id = written?.replace(/\/+$/, '').replace(/\.git$/, '');
  return id !== undefined && isRepositoryId(id) ? id : undefined;
}

function ofUrl(url: URL): string | undefined {
  if (!/^(https?|ssh|git):$/.test(url.protocol)) return undefined;
  return `${url.protocol === 'ssh:' ? url.hostname : url.host}${url.pathname}`;
}

function ofScp(text: string): string | undefined {
  const match = /^(?:[A-Za-z0-9_-]+@)?([A-Za-z0-9.-]+):([^/].*)$/.exec(text);
  return match === null ? undefined : `${match[1] ?? ''}/${match[2] ?? ''}`;
}

/** Where people look at a commit; `undefined` for forges whose addresses are not known. */
export function commitUrl(cloneUrl: string, sha: string): string | undefined {
  const id = repositoryOf(cloneUrl);
  if (id === undefined || !isCommitId(sha)) return undefined;
  const host = id.split('/')[0] ?? '';
  if (/(^|\.)github\./.test(host)) return `https://${id}/commit/${sha}`;
  return /(^|\.)gitlab\./.test(host) ? `https://${id}/-/commit/${sha}` : undefined;
}

/** Reads where people look at a commit, on GitHub or GitLab. */
export function parseCommitUrl(text: string): CommitAddress | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '')
    return undefined;
  const [, path = '', sha = ''] = /^\/(.+?)(?:\/-)?\/commit\/([0-9a-f]+)$/.exec(url.pathname) ?? [];
  const id = `${url.host}/${path}`;
  return isCommitId(sha) && isRepositoryId(id) ? { repository: id, sha } : undefined;
}
