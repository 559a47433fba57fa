import { sha256Hex } from '../../lib/canonical.ts';
import type { FedDocument, Verdict } from './feed.ts';
import type { Problem } from './problem.ts';
import type { LoadResult } from './resources.ts';
import { fileProblem } from './source-text.ts';
import type { FoundFile } from './walk.ts';

/** One checked set of files and custom resources together. */
export interface Settled {
  readonly result: LoadResult;
  readonly verdicts: readonly Verdict[];
}

/** Names the content of what was fed. */
export function fedDigest(fed: readonly FedDocument[]): string {
  return sha256Hex(fed.map(({ path, bytes, refused = '' }) => `${path}\0${sha256Hex(bytes)}\0${refused}\n`).join(''));
}

const rounds = 8;

/**
 * Checks files and custom resources as one set, and leaves out what of the latter is wrong: first for its last good version,
 * then for nothing. Anybody with a namespace can write a Service, and one that is wrong must not stop the watch of all
 * others. Files, and custom resources of the platform team that say what may be done, refuse the set as a whole: the
 * problems of those stay in the result.
 */
export function settleFed(fed: readonly FedDocument[], check: (more: readonly FoundFile[]) => LoadResult): Settled {
  const problems = new Map<string, readonly Problem[]>();
  const versions = new Map(fed.map((document) => [document.path, versionsOf(document)]));
  for (const { path, refused } of fed)
    if (refused !== undefined) {
      problems.set(path, [fileProblem(path, refused)]);
      versions.get(path)?.shift();
    }
  const chosen = (): readonly FoundFile[] =>
    fed.flatMap(({ path }) => {
      const [bytes] = versions.get(path) ?? [];
      return bytes === undefined ? [] : [{ path, bytes }];
    });
  let result = check(chosen());
  for (let round = 0; round < rounds; round++) {
    const wrong = new Map<string, readonly Problem[]>();
    for (const { path } of fed) {
      const own = result.problems.filter(({ file }) => file === path);
      if (own.length > 0) wrong.set(path, own);
    }
    if (wrong.size === 0) break;
    for (const [path, own] of wrong) {
      if (!problems.has(path)) problems.set(path, own);
      // In the last round whatever is still in the way goes at once.
      if (round === rounds - 1) versions.set(path, []);
      else versions.get(path)?.shift();
    }
    result = check(chosen());
  }
  const verdicts = fed.map((document): Verdict => {
    const own = problems.get(document.path) ?? [];
    const left = versions.get(document.path) ?? [];
    const using = left.length === 0 ? 'nothing' : own.length === 0 ? 'itself' : 'its last good version';
    return { document, problems: own, using };
  });
  const grave = verdicts.filter(({ document: { ref } }) => ref.kind === 'Policy' || ref.kind === 'Escalation');
  return { result: { ...result, problems: [...result.problems, ...grave.flatMap((one) => one.problems)] }, verdicts };
}

function versionsOf({ bytes, last }: FedDocument): Uint8Array[] {
  return last === undefined ? [bytes] : [bytes, last];
}
