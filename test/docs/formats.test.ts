import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { crossCheck, parsers } from '../../src/agent/assemble.ts';
import { loadAll, renderProblems, type LoadOutcome } from '../../src/agent/load/index.ts';
import { channelKinds } from '../../src/chat/index.ts';
import { parseDetectorTests, runDetectorTests } from '../../src/detectors/index.ts';
import type { DetectorDefinition } from '../../src/domain/definitions.ts';
import { readFiles } from '../../src/io/index.ts';
import type { Json } from '../../src/lib/json.ts';
import { resourceTestsSchema } from '../../src/runbooks/index.ts';
import { sourceKinds } from '../../src/sources/index.ts';
import { root, textOf } from '../architecture/tree.ts';
import { memoryFiles } from '../support/memory-files.ts';

const documents = ['README.md', 'docs/formats.md'];

/** The YAML blocks of a page that say which file they are. */
function examplesOf(page: string): ReadonlyMap<string, string> {
  const blocks = [...textOf(page).matchAll(/^```yaml\n# file: (\S+)\n([\s\S]*?)^```$/gm)];
  return new Map(blocks.map(([, file = '', text = '']) => [file, text]));
}

/** Loads the examples of a page as the daemon would load a folder, with what is shipped beside them. */
function load(examples: ReadonlyMap<string, string>): Promise<LoadOutcome> {
  const files = memoryFiles(
    Object.fromEntries([...examples].map(([file, text]) => [path.posix.join('/etc/watchkeeper', file), text])),
  );
  return loadAll({
    config: {
      folder: '/etc/watchkeeper',
      defaultDataDir: '/var/lib/watchkeeper',
      variables: {},
      sourceKinds,
      channelKinds: channelKinds(() => undefined),
      files: {
        ...files,
        // What is shipped is read from where it is.
        read: (file, max, signal) => (file.startsWith(root) ? readFiles : files).read(file, max, signal),
        list: (file, max, signal) => (file.startsWith(root) ? readFiles : files).list(file, max, signal),
        stat: (file, signal) => (file.startsWith(root) ? readFiles : files).stat(file, signal),
        realpath: (file, signal) => (file.startsWith(root) ? readFiles : files).realpath(file, signal),
      },
      signal: new AbortController().signal,
    },
    parsers,
    crossCheck,
    shipped: {
      detectors: path.join(root, 'detectors'),
      runbooks: path.join(root, 'runbooks'),
      policies: path.join(root, 'policies'),
    },
  });
}

describe.each(documents)('the examples of %s', (page) => {
  const examples = examplesOf(page);
  it('load together, without a problem', async () => {
    expect(examples.size).toBeGreaterThan(1);
    const outcome = await load(examples);
    expect(outcome.ok ? '' : renderProblems(outcome.problems)).toBe('');
  });
  it('are refused when one key of them is misspelt', async () => {
    const broken = new Map([...examples].map(([file, text]) => [file, text.replace(/^spec:/m, 'spce:')]));
    expect((await load(broken)).ok).toBe(false);
  });
});

describe('docs/formats.md', () => {
  const examples = examplesOf('docs/formats.md');
  it('shows every kind', () => {
    const kinds = [...examples.values()].flatMap((text) =>
      [...text.matchAll(/^kind: (\w+)$/gm)].map(([, kind]) => kind),
    );
    expect([...new Set(kinds)].sort()).toEqual(['Detector', 'Escalation', 'Policy', 'Runbook', 'Service']);
  });
  it('shows tests that pass', async () => {
    const outcome = await load(examples);
    if (!outcome.ok) throw new Error(renderProblems(outcome.problems));
    const loaded = outcome.value.resources.documents.find(({ file }) => file.endsWith('/checkout-errors.yaml'));
    const [content] = parseAllDocuments(examples.get('detectors/checkout-errors.test.yaml') ?? '');
    const cases = parseDetectorTests(content?.toJSON() as Json);
    if (!cases.ok) throw new Error(JSON.stringify(cases.issues));
    const results = runDetectorTests(loaded?.parsed as DetectorDefinition, cases.value);
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
    const [policy] = parseAllDocuments(examples.get('policies/prod.test.yaml') ?? '');
    expect(resourceTestsSchema.parse(policy?.toJSON() as Json)).toMatchObject({ ok: true });
  });
});
