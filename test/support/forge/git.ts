import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const identity = {
  GIT_AUTHOR_NAME: 'Ana',
  GIT_AUTHOR_EMAIL: 'ana@example.com',
  GIT_COMMITTER_NAME: 'Ana',
  GIT_COMMITTER_EMAIL: 'ana@example.com',
};

/** A real bare repository, and what people do to it. */
export interface RealGit {
  readonly folder: string;
  /** Runs git in it. @throws with what git said. */
  git(
    argv: readonly string[],
    options?: { readonly input?: string; readonly env?: Readonly<Record<string, string>> },
  ): string;
  /** Runs git and tells whether it ended well. */
  is(...argv: readonly string[]): boolean;
  /** Commits files onto a branch as people would; null removes. Gives the commit's id. */
  commit(branch: string, message: string, files: Readonly<Record<string, string | null>>): string;
  /** Merges a branch that changes files, as a pull request does. */
  merge(branch: string, message: string, files: Readonly<Record<string, string | null>>): string;
  /** Reverts with git itself, onto a branch. @throws when it conflicts, and nothing is changed. */
  revert(sha: string, branch: string): string;
  remove(): void;
}

/** Makes an empty one, or a copy of another. */
export function realGit(from?: RealGit): RealGit {
  const home = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-forge-'));
  const folder = path.join(home, 'repository.git');
  const run = (at: string, argv: readonly string[], options: Parameters<RealGit['git']>[1] = {}): string =>
    execFileSync('git', ['-C', at, ...argv], {
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...identity,
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_CONFIG_SYSTEM: '/dev/null',
        ...options.env,
      },
      ...(options.input === undefined ? {} : { input: options.input }),
    }).trim();
  if (from === undefined) execFileSync('git', ['init', '-q', '--bare', '-b', 'main', folder]);
  else cpSync(from.folder, folder, { recursive: true });
  const git: RealGit['git'] = (argv, options) => run(folder, argv, options);
  const is: RealGit['is'] = (...argv) => {
    try {
      git(argv);
      return true;
    } catch {
      return false;
    }
  };
  const inClone = (branch: string, work: (clone: string) => void): string => {
    const clone = mkdtempSync(path.join(home, 'clone-'));
    execFileSync('git', ['clone', '-q', folder, clone], { stdio: 'pipe' });
    run(
      clone,
      is('rev-parse', '--verify', `refs/heads/${branch}`)
        ? ['checkout', '-q', branch]
        : ['checkout', '-q', '-B', branch],
    );
    work(clone);
    run(clone, ['push', '-q', 'origin', `HEAD:refs/heads/${branch}`]);
    return run(clone, ['rev-parse', 'HEAD']);
  };
  const write = (clone: string, files: Readonly<Record<string, string | null>>): void => {
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(clone, name);
      if (content === null) rmSync(file);
      else {
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, content);
      }
    }
    run(clone, ['add', '-A']);
  };
  return {
    folder,
    git,
    is,
    commit: (branch, message, files) =>
      inClone(branch, (clone) => {
        write(clone, files);
        run(clone, ['commit', '-q', '-m', message]);
      }),
    merge: (branch, message, files) =>
      inClone(branch, (clone) => {
        run(clone, ['checkout', '-q', '-b', 'topic']);
        write(clone, files);
        run(clone, ['commit', '-q', '-m', 'a topic']);
        run(clone, ['checkout', '-q', branch]);
        run(clone, ['merge', '-q', '--no-ff', '-m', message, 'topic']);
      }),
    revert: (sha, branch) =>
      inClone(branch, (clone) => {
        const isMerge = run(clone, ['rev-list', '--parents', '-n', '1', sha]).split(' ').length > 2;
        run(clone, ['revert', '--no-edit', ...(isMerge ? ['-m', '1'] : []), sha]);
      }),
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}
