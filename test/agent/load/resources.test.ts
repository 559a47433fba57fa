import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { loadResources, problemLine, renderProblems } from '../../../src/agent/load/index.ts';
import { parseResources } from '../../../src/agent/load/resources.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import { limits } from '../../../src/lib/limits.ts';
import { memoryFiles } from '../../support/memory-files.ts';
import { crossCheck, documentText, parsers, problemsOf } from './given.ts';

const signal = new AbortController().signal;
const load = (files: ReturnType<typeof memoryFiles>, ...folders: string[]) =>
  loadResources(folders.length > 0 ? folders : ['/etc/wk'], parsers, files, signal, crossCheck);

describe('loading a folder', () => {
  it('reads a tree with several documents in a file, and keeps tests apart', async () => {
    const files = memoryFiles({
      '/etc/wk/a.yaml': `${documentText('Service', 'cart')}---\n${documentText('Service', 'db')}---\n`,
      '/etc/wk/deep/er/p.yml': documentText('Policy', 'prod'),
      '/etc/wk/deep/er/p.test.yaml': '- given: {}\n',
      '/etc/wk/README.md': '# not a resource',
      '/etc/wk/.hidden.yaml': 'nonsense',
    });
    const result = await load(files);
    expect(result.problems).toEqual([]);
    expect(result.documents.map((each) => [each.document.metadata.name, each.file, each.line])).toEqual([
      ['cart', '/etc/wk/a.yaml', 1],
      ['db', '/etc/wk/a.yaml', 7],
      ['prod', '/etc/wk/deep/er/p.yml', 1],
    ]);
    expect(result.tests.map((each) => each.file)).toEqual(['/etc/wk/deep/er/p.test.yaml']);
  });

  it('reads a mounted ConfigMap once, through its ..data symlink', async () => {
    const files = memoryFiles({ '/etc/wk/..2026_01/p.yaml': documentText('Policy', 'prod') });
    files.link('/etc/wk/..data', '..2026_01');
    files.link('/etc/wk/p.yaml', '..data/p.yaml');
    const result = await load(files);
    expect(result.problems).toEqual([]);
    expect(result.documents.map((each) => each.file)).toEqual(['/etc/wk/p.yaml']);
  });

  it('follows symlinks to folders and ends in loops', async () => {
    const files = memoryFiles({ '/shared/s.yaml': documentText('Service', 'cart') });
    files.set('/etc/wk/p.yaml', documentText('Policy', 'prod'));
    files.link('/etc/wk/more', '/shared');
    files.link('/etc/wk/self', '/etc/wk');
    files.link('/etc/wk/knot.yaml', 'knot.yaml');
    files.link('/etc/wk/other', 'other');
    const result = await load(files);
    expect(result.documents).toHaveLength(2);
    expect(result.problems.map(problemLine)).toEqual(['/etc/wk/knot.yaml:1:1: /etc/wk/knot.yaml: too many symlinks']);
  });

  it('says that an empty folder means defaults, and is no error', async () => {
    const result = await load(memoryFiles({ '/etc/wk/README.md': '' }));
    expect(result.problems).toEqual([]);
    expect(result.notes).toEqual(['/etc/wk holds no resource files; the built-in defaults apply']);
  });

  it('names a folder that does not exist', async () => {
    const result = await load(memoryFiles({}), '/nowhere');
    expect(result.problems.map(problemLine)).toEqual(['/nowhere:1:1: there is no such file or folder']);
  });

  it('refuses a file of 100 MB in one sentence without reading it', async () => {
    const files = memoryFiles({ '/etc/wk/s.yaml': documentText('Service', 'cart') });
    files.set('/etc/wk/huge.yaml', new Uint8Array(100 * 1024 * 1024));
    let read = 0;
    const counted = { ...files, read: (...args: Parameters<typeof files.read>) => (read++, files.read(...args)) };
    const result = await loadResources(['/etc/wk'], parsers, counted, signal);
    expect(renderProblems(result.problems)).toBe('/etc/wk/huge.yaml:1:1: the file is 100 MiB; at most 4 MiB are read');
    expect(read).toBe(1);
  });

  it('reports a file without read permission and goes on with the others', async () => {
    const files = memoryFiles({ '/etc/wk/a.yaml': 'x: [', '/etc/wk/b.yaml': 'y: [' });
    files.fail('/etc/wk/a.yaml', new WatchkeeperError('forbidden', 'no'));
    const result = await load(files);
    expect(result.problems.map((each) => `${each.file} ${each.message}`)).toEqual([
      '/etc/wk/a.yaml no right to read this',
      expect.stringContaining('/etc/wk/b.yaml'),
    ]);
  });

  it('gives equal content one digest, and any change another', async () => {
    const one = await load(memoryFiles({ '/etc/wk/a.yaml': documentText('Service', 'cart') }));
    const same = await load(memoryFiles({ '/etc/wk/a.yaml': documentText('Service', 'cart') }));
    const other = await load(memoryFiles({ '/etc/wk/a.yaml': documentText('Service', 'carts') }));
    expect(same.digest).toBe(one.digest);
    expect(other.digest).not.toBe(one.digest);
  });
});

describe('hostile files', () => {
  it('a byte-order mark and CRLF are read; offsets stay right', () => {
    expect(problemsOf({ 'a.yaml': `\uFEFF${documentText('Service', 'cart').replaceAll('\n', '\r\n')}` })).toBe('');
    const broken = documentText('Service', 'cart', '  wait: 5').replaceAll('\n', '\r\n');
    expect(problemsOf({ 'a.yaml': `\uFEFF${broken}` })).toMatch(/^a.yaml:5:9: expected a duration/);
  });

  it('anchors that multiply', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (const [i, name] of Array.from('bcdefghij').entries())
      bomb.push(`${name}: &${name} [${Array.from({ length: 10 }, () => `*${'abcdefghi'[i]}`).join(', ')}]`);
    expect(problemsOf({ 'a.yaml': bomb.join('\n') })).toContain(`more than ${limits.yamlAliases} uses of anchors`);
    expect(problemsOf({ 'a.yaml': '&a [*a]' })).toContain('nested deeper');
  });

  it.each<[string, string]>([
    ['brackets', '['.repeat(200_000)],
    ['closed brackets', `${'['.repeat(400)}${']'.repeat(400)}`],
    ['sequences', '- '.repeat(100_000)],
    ['explicit keys', '? '.repeat(50_000)],
    ['indentation', Array.from({ length: 1_000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['tags', '!!js/function x'],
    ['NUL', 'a: \0'],
  ])('%s end in a problem', (_title, text) => {
    expect(problemsOf({ 'a.yaml': text })).toMatch(/^a\.yaml:\d+:\d+: /);
  });

  it('a key named __proto__ is an unknown key like any other', () => {
    expect(problemsOf({ 'a.yaml': documentText('Service', 'a', '  __proto__: {polluted: true}') })).toContain(
      'unknown key __proto__',
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  const mutated = fc
    .tuple(
      fc.constantFrom(
        documentText('Policy', 'prod', "  allow:\n    - {autonomy: act, when: 'diagnosis.confidence > 0.5'}"),
        documentText('Service', 'cart', '  dependsOn: [db]\n  wait: 5m'),
      ),
      fc.nat(),
      fc.nat(20),
      fc.oneof(
        fc.string(),
        fc.constantFrom('\t', '\n', '- ', ': ', '{', ']', '&a ', '*a', '|', '"', "'", '---\n', '\0'),
      ),
    )
    .map(([text, at, cut, put]) => {
      const from = at % text.length;
      return new TextEncoder().encode(text.slice(0, from) + put + text.slice(from + cut));
    });

  it('no bytes crash the loader, and every problem is inside its file', () => {
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        const file = { path: 'a.yaml', bytes };
        const { problems } = parseResources({ files: [file], problems: [], empty: [] }, parsers, crossCheck);
        const lines = new TextDecoder().decode(bytes).split('\n');
        for (const problem of problems) {
          expect(problem.line).toBeGreaterThanOrEqual(1);
          expect(problem.line).toBeLessThanOrEqual(lines.length);
          expect(problem.column).toBeGreaterThanOrEqual(1);
          expect(problem.column).toBeLessThanOrEqual((lines[problem.line - 1]?.length ?? 0) + 1);
          expect(problem.message).not.toBe('');
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
