import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import type { Json } from '../../src/lib/json.ts';
import type { ActionContext } from '../../src/domain/ports/action.ts';
import { gitRepositoriesOf } from '../../src/io/clients/git/index.ts';
import { gitForge } from '../../src/io/clients/git/config.ts';
import {
  makeOperatorIo,
  createScrubber,
  createSecrets,
  readFiles,
  systemClock,
  systemRandom,
} from '../../src/io/index.ts';
import { actionContract, type Stage } from '../contract/action.ts';
import { startGitHub } from '../support/forge/github.ts';
import { startGitLab } from '../support/forge/gitlab.ts';
import { realGit, type RealGit } from '../support/forge/git.ts';
import type { ForgeServer } from '../support/forge/serve.ts';
import { contextOf, freshFolder, serviceAt } from '../support/host-service.ts';
import { recordingLog } from '../support/quiet-log.ts';

// Each step is some processes of git.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const revert = actionKinds['git.revert']!;
const service = serviceAt({});

interface Forge {
  readonly server: ForgeServer;
  readonly git: RealGit;
  readonly repository: string;
  readonly proposals: () => readonly string[];
  readonly merge: () => void;
  readonly context: (signal?: AbortSignal, timeoutMs?: number) => ActionContext;
  readonly stop: () => Promise<void>;
}

async function forge(provider: 'github' | 'gitlab'): Promise<Forge> {
  const { folder, remove } = freshFolder();
  writeFileSync(path.join(folder, 'token'), 'forge-token-1234');
  const [server, git, proposals, merge, stop] =
    provider === 'github'
      ? await startGitHub('forge-token-1234', template).then(
          (made) =>
            [
              made.server,
              made.git,
              () => made.pulls.filter(({ state }) => state === 'open').map(({ head }) => head),
              () => made.pulls.forEach((pull) => Object.assign(pull, { state: 'closed', merged: true })),
              () => made.stop(),
            ] as const,
        )
      : await startGitLab('forge-token-1234', template).then(
          (made) =>
            [
              made.server,
              made.git,
              () => made.requests.filter(({ state }) => state === 'opened').map(({ source }) => source),
              () => made.requests.forEach((one) => Object.assign(one, { state: 'merged' })),
              () => made.stop(),
            ] as const,
        );
  const name = provider === 'github' ? 'acme/deploy' : 'group/team/deploy';
  const parsed = gitForge.parse({
    provider,
    url: provider === 'github' ? server.url : `${server.url}/api/v4`,
    token: { file: path.join(folder, 'token') },
    repositories: [name],
    branches: ['main', 'release/1'],
    direct: true,
  });
  const scrubber = createScrubber();
  const secrets = createSecrets(readFiles, {}, scrubber);
  const ambient = { clock: systemClock, random: systemRandom, log: recordingLog(), secrets };
  const io = makeOperatorIo(ambient, '/usr/bin:/bin', { git: [parsed] });
  return {
    server,
    git,
    proposals,
    merge,
    repository: `${server.host}/${name}`,
    context: (signal, timeoutMs = 8_000) => contextOf(service, io, timeoutMs, signal),
    stop: async () => {
      await stop();
      remove();
    },
  };
}

// A repository as a deploy repository is: folders, an earlier version, a bad commit, and something after it elsewhere.
const template = realGit();
const files = 'apps/checkout';
template.commit('main', 'Start', {
  [`${files}/values.yaml`]: 'image: v1\n',
  'apps/cart/values.yaml': 'image: v7\n',
  'run.sh': '#!/bin/sh\n',
});
const good = template.commit('main', 'checkout v2', {
  [`${files}/values.yaml`]: 'image: v2\n',
  [`${files}/old.yaml`]: 'x: 1\n',
});
const bad = template.commit('main', 'checkout v3', {
  [`${files}/values.yaml`]: 'image: v3\n',
  [`${files}/old.yaml`]: null,
  [`${files}/base/new.yaml`]: 'y: 2\n',
});
for (let n = 0; n < 3; n++) template.commit('main', `cart v${n}`, { 'apps/cart/values.yaml': `image: v${n + 8}\n` });
afterAll(() => template.remove());

const tree = (git: RealGit, ref: string): string => git.git(['rev-parse', `${ref}^{tree}`]);
const diff = (git: RealGit, from: string, to: string, ...paths: string[]): string =>
  git.git(['diff', '--stat', from, to, '--', ...paths]);

const stages: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stages.splice(0)) await stop();
});

async function open(provider: 'github' | 'gitlab'): Promise<Forge> {
  const made = await forge(provider);
  stages.push(made.stop);
  return made;
}

async function stageOf(provider: 'github' | 'gitlab', mode: 'propose' | 'commit'): Promise<Stage> {
  const at = await forge(provider);
  const head = at.git.git(['rev-parse', 'main']);
  const branches = (): string => at.git.git(['for-each-ref', '--format=%(refname) %(objectname)', 'refs/heads']);
  return {
    params: { repository: at.repository, commit: bad, mode },
    context: at.context,
    world: () => Promise.resolve([branches(), at.proposals()]),
    effects: () =>
      Promise.resolve(
        mode === 'propose' ? at.proposals().length : Number(at.git.git(['rev-list', '--count', `${head}..main`])),
      ),
    restorable: () => Promise.resolve(mode === 'propose' ? [branches(), at.proposals()] : tree(at.git, 'main')),
    remove: at.stop,
  };
}

const unfit: Readonly<Record<string, Json>> = {
  'a commit that is none': { commit: 'main' },
  'a short id': { repository: 'github.com/acme/deploy', commit: 'abc1234' },
  'a repository that is not listed': { commit: `https://github.com/acme/other/commit/${'a'.repeat(40)}` },
  'an address of another repository than the one named': {
    repository: 'github.com/acme/deploy',
    commit: `https://github.com/acme/other/commit/${'a'.repeat(40)}`,
  },
};

for (const provider of ['github', 'gitlab'] as const)
  for (const mode of ['propose', 'commit'] as const)
    actionContract(`git.revert, ${mode}, over ${provider}'s API and a real repository`, {
      kind: revert,
      probeTells: true,
      set: () => stageOf(provider, mode),
      refused: unfit,
    });

describe.each(['github', 'gitlab'] as const)('git.revert on %s', (provider) => {
  const prepared = async (at: Forge, params: Record<string, Json>) => {
    const observed = await revert.observe(params, at.context());
    return {
      observed,
      before: revert.before(params, observed),
      run: () => revert.run(params, revert.before(params, observed), 'key-1', at.context()),
    };
  };

  test('takes back what the commit changed, to the byte and the mode, and nothing that came after', async () => {
    const at = await open(provider);
    const { observed, run } = await prepared(at, { repository: at.repository, commit: bad });
    expect([...((observed.facts['diff'] ?? []) as string[])].sort()).toEqual([
      'apps/checkout/base/new.yaml: removed',
      'apps/checkout/old.yaml: restored',
      'apps/checkout/values.yaml: changed back',
    ]);
    expect(await run()).toMatchObject({ is: 'done' });
    const [branch = ''] = at.proposals();
    expect(diff(at.git, good, branch, 'apps/checkout')).toBe('');
    expect(diff(at.git, 'main', branch, 'apps/cart', 'run.sh')).toBe('');
    expect(at.git.git(['log', '-1', '--format=%B', branch])).toContain(`This reverts commit ${bad}`);
    expect(at.git.git(['rev-parse', `${branch}^`])).toBe(at.git.git(['rev-parse', 'main']));
  });

  test('reverts a merge against its first parent', async () => {
    const at = await open(provider);
    const was = tree(at.git, 'main');
    const bad = at.git.merge('main', 'Merge checkout v4', { 'apps/checkout/values.yaml': 'image: v4\n' });
    const { run } = await prepared(at, { repository: at.repository, commit: bad, mode: 'commit' });
    expect(await run()).toMatchObject({ is: 'done' });
    expect(tree(at.git, 'main')).toBe(was);
  });

  test('refuses when a file was changed again since, and touches nothing', async () => {
    const at = await open(provider);
    at.git.commit('main', 'checkout v4', { 'apps/checkout/values.yaml': 'image: v4\n' });
    const before = at.git.git(['for-each-ref']);
    await expect(prepared(at, { repository: at.repository, commit: bad })).rejects.toMatchObject({ code: 'conflict' });
    expect(at.git.git(['for-each-ref'])).toBe(before);
  });

  test('says that it is reverted already, and that a pull request would do it', async () => {
    const at = await open(provider);
    const first = await prepared(at, { repository: at.repository, commit: bad });
    await first.run();
    const again = await revert.observe({ repository: at.repository, commit: bad }, at.context());
    expect(() => revert.preview({ repository: at.repository, commit: bad }, again)).toThrow('would revert it already');
    at.git.revert(bad, 'main');
    const later = await revert.observe({ repository: at.repository, commit: bad }, at.context());
    expect(() => revert.preview({ repository: at.repository, commit: bad }, later)).toThrow('has reverted it already');
  });

  test('refuses a commit that the branch does not hold, and a branch that is not listed', async () => {
    const at = await open(provider);
    const elsewhere = at.git.commit('release/1', 'only here', { 'x.yaml': 'z: 1\n' });
    const params = { repository: at.repository, commit: elsewhere };
    const observed = await revert.observe(params, at.context());
    expect(() => revert.preview(params, observed)).toThrow('not among the latest commits of main');
    await expect(revert.observe({ ...params, branch: 'prod' }, at.context())).rejects.toThrow('not listed');
  });

  test('what people merged is not taken back', async () => {
    const at = await open(provider);
    const params = { repository: at.repository, commit: bad };
    const { before, run } = await prepared(at, params);
    await run();
    at.merge();
    expect(await revert.probe(params, before, at.context(), 'key-1')).toMatchObject({ is: 'done' });
    expect(await revert.undo(params, before, 'k', at.context())).toMatchObject({
      is: 'failed',
      message: expect.stringContaining('merged by people'),
    });
  });

  test('an answer that was lost leaves it open, the probe tells, and a repeat finds what is there', async () => {
    const at = await open(provider);
    const params = { repository: at.repository, commit: bad };
    const { before, run } = await prepared(at, params);
    at.server.cutAfter = ({ method, parts }) =>
      method === 'POST' && (parts.includes('pulls') || parts.includes('merge_requests'));
    expect(await run()).toMatchObject({ is: 'unknown' });
    at.server.cutAfter = () => false;
    expect(await revert.probe(params, before, at.context(), 'key-1')).toMatchObject({ is: 'done' });
    expect(await run()).toMatchObject({ is: 'done' });
    expect(at.proposals()).toHaveLength(1);
  });

  test('one that stopped half way says so, and a repeat goes on from there', async () => {
    const at = await open(provider);
    const params = { repository: at.repository, commit: bad };
    const { before, run } = await prepared(at, params);
    at.server.intercept = ({ method, parts }) =>
      method === 'POST' && (parts.includes('pulls') || parts.includes('revert') || parts.includes('merge_requests'))
        ? 'cut'
        : undefined;
    expect(await run()).toMatchObject({ is: 'unknown' });
    at.server.intercept = () => undefined;
    expect(await revert.probe(params, before, at.context(), 'key-1')).toMatchObject({
      is: 'unknown',
      because: expect.stringContaining('half done'),
    });
    expect(await run()).toMatchObject({ is: 'done' });
    const [branch = ''] = at.proposals();
    expect(diff(at.git, good, branch, 'apps/checkout')).toBe('');
  });

  test('a refused token and a full quota are certain: nothing happened', async () => {
    const at = await open(provider);
    const { run } = await prepared(at, { repository: at.repository, commit: bad });
    const before = at.git.git(['for-each-ref']);
    at.server.intercept = () => ({ status: 401, body: { message: 'Bad credentials' } });
    await expect(run()).rejects.toMatchObject({ code: 'unauthorized', fix: expect.stringContaining('operators.git') });
    at.server.intercept = ({ method }) =>
      method === 'GET'
        ? undefined
        : {
            status: 403,
            body: { message: 'API rate limit exceeded' },
            headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '4102444800' },
          };
    expect(await run()).toMatchObject({ is: 'failed', message: expect.stringContaining('rate limit') });
    expect(at.git.git(['for-each-ref'])).toBe(before);
  });

  test('a reader that is told to wait waits, and asks again', async () => {
    const at = await open(provider);
    let told = 0;
    at.server.intercept = () => (told++ === 0 ? { status: 429, headers: { 'retry-after': '0' }, body: {} } : undefined);
    await expect(revert.observe({ repository: at.repository, commit: bad }, at.context())).resolves.toMatchObject({
      facts: { files: 3 },
    });
  });
});

describe('git.revert onto a branch of GitHub', () => {
  test('that moved meanwhile is refused by GitHub, and for certain', async () => {
    const at = await open('github');
    const params = { repository: at.repository, commit: bad, mode: 'commit' };
    const observed = await revert.observe(params, at.context());
    at.server.intercept = ({ method, parts }) => {
      if (method === 'POST' && parts.includes('commits'))
        at.git.commit('main', 'somebody else', { 'other.txt': 'x\n' });
      return undefined;
    };
    const result = await revert.run(params, revert.before(params, observed), 'k', at.context());
    expect(result).toMatchObject({ is: 'failed', message: expect.stringContaining('not a fast forward') });
    expect(at.git.git(['log', '-1', '--format=%s', 'main'])).toBe('somebody else');
  });
});

test('a repository that is not listed cannot be reached at all', () => {
  const repositories = gitRepositoriesOf({} as never, []);
  expect(() => repositories.repository('github.com/acme/deploy')).toThrow('not listed');
});
