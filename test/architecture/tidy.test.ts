import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { banned, bannedIn, undocumented } from './rules.ts';
import { filesBelow, importsOf, root, textOf, trackedFiles } from './tree.ts';

const src = filesBelow('src').filter((file) => /\.tsx?$/.test(file));
const tests = [...filesBelow('test'), ...filesBelow('bench')].filter((file) => file.endsWith('.ts'));

describe('the source', () => {
  it('is in files of at most 300 lines', () => {
    expect(src.filter((file) => textOf(file).trimEnd().split('\n').length > 300)).toEqual([]);
  });

  it('holds nothing that is banned', () => {
    expect(src.flatMap((file) => bannedIn(file, textOf(file)))).toEqual([]);
  });

  it('has no leftover marker in tests, scripts and documents either', () => {
    const others = trackedFiles().filter((file) => /\.(ts|mjs|md|ya?ml|sh)$/.test(file) && !file.startsWith('src/'));
    const marker = banned.slice(0, 1);
    const found = others.flatMap((file) =>
      textOf(file)
        .split('\n')
        .flatMap((line, index) => (marker.some(({ what }) => what.test(line)) ? [`${file}:${index + 1}`] : [])),
    );
    expect(found).toEqual([]);
  });

  it('explains whatever it exports', () => {
    expect(src.flatMap((file) => undocumented(file, textOf(file)))).toEqual([]);
  });

  it('opens every room with an essay', () => {
    const rooms = readdirSync(path.join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const silent = rooms
      .map(({ name }) => `src/${name}/index.ts`)
      .filter((file) => existsSync(path.join(root, file)) && !textOf(file).includes('/**'));
    expect(silent).toEqual([]);
  });

  it('has no dead file: each is reached from main.ts, from the page, from a test or from a bench', () => {
    const reached = new Set<string>();
    const visit = (file: string): void => {
      if (reached.has(file) || !existsSync(path.join(root, file))) return;
      reached.add(file);
      for (const next of importsOf(file)) visit(next);
    };
    for (const file of ['src/main.ts', 'src/ui/main.tsx', ...tests]) visit(file);
    expect(src.filter((file) => !reached.has(file))).toEqual([]);
  });
});

describe('every adapter is in its map', () => {
  /** What a room's map imports. */
  const mapped = (file: string): readonly string[] => importsOf(file);
  it.each([
    ['sources', 'src/sources/index.ts'],
    ['chat', 'src/chat/index.ts'],
  ])('%s: a folder that exports a kind is a line in %s', (room, map) => {
    const folders = readdirSync(path.join(root, 'src', room), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `src/${room}/${name}/index.ts`);
    const kinds = folders.filter((file) => /: (SourceKind|ChannelKind)<|\): ChannelKind</.test(textOf(file)));
    expect(kinds.length).toBeGreaterThan(2);
    expect(kinds.filter((file) => !mapped(map).includes(file))).toEqual([]);
    expect(folders.filter((file) => !existsSync(path.join(root, path.dirname(file), 'README.md')))).toEqual([]);
  });
  it('actions: a file that defines an action is a line in src/actions/index.ts', () => {
    const kinds = filesBelow('src/actions').filter((file) => / = defineAction[<(]/.test(textOf(file)));
    expect(kinds.length).toBeGreaterThanOrEqual(5);
    expect(kinds.filter((file) => !mapped('src/actions/index.ts').includes(file))).toEqual([]);
  });
  it('detectors: a file that exports a kind is a line in src/detectors/kinds.ts', () => {
    const kinds = filesBelow('src/detectors').filter((file) => /^export const \w+: DetectorKind</m.test(textOf(file)));
    expect(kinds.length).toBeGreaterThanOrEqual(8);
    expect(kinds.filter((file) => !mapped('src/detectors/kinds.ts').includes(file))).toEqual([]);
  });
});

describe('what is under version control', () => {
  const files = trackedFiles();
  it('names no folder of anybody’s machine', () => {
    const own = /(^|[\s"'`(=])\/(work|home\/(?!\w+\/\.)\w+|Users\/\w+|root)\/[\w.-]/;
    const texts = files.filter((file) => /\.(ts|mjs|json|md|ya?ml|sh|service|go)$|Dockerfile|\.npmrc$/.test(file));
    const found = texts.flatMap((file) =>
      textOf(file)
        .split('\n')
        .flatMap((line, index) => (own.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
    );
    expect(found).toEqual([]);
  });
  it('says what is installed, and not from where', () => {
    const lock = textOf('package-lock.json');
    expect(lock).not.toContain('"resolved"');
    expect(lock.match(/"integrity": "sha512-/g)?.length ?? 0).toBeGreaterThan(100);
    expect(textOf('.npmrc')).not.toContain('registry=');
  });
  it('holds nothing large', () => {
    expect(files.filter((file) => textOf(file).length > 600_000)).toEqual([]);
  });
});

describe('shipped YAML', () => {
  const folders = { detectors: 'detector', runbooks: 'runbook', policies: 'policy' } as const;
  for (const [folder, kind] of Object.entries(folders)) {
    const all = filesBelow(folder);
    const shipped = all.filter((file) => file.endsWith('.yaml') && !file.endsWith('.test.yaml'));
    it(`${folder}: each file begins with the schema of its kind, which is there`, () => {
      const wrong = shipped.filter((file) => {
        const first = textOf(file).split('\n')[0] ?? '';
        const named = /^# yaml-language-server: \$schema=(\S+)$/.exec(first)?.[1];
        return named === undefined || path.posix.join(path.posix.dirname(file), named) !== `schemas/${kind}.json`;
      });
      expect(shipped.length).toBeGreaterThan(0);
      expect(wrong).toEqual([]);
      expect(existsSync(path.join(root, 'schemas', `${kind}.json`))).toBe(true);
    });
    it(`${folder}: each file has tests beside it, one of what it must not do`, () => {
      const mustNot = /fires: false|decision: deny|runbook: none/;
      const bare = shipped.filter((file) => {
        const beside = file.replace(/\.yaml$/, '.test.yaml');
        return !all.includes(beside) || !mustNot.test(textOf(beside));
      });
      expect(bare).toEqual([]);
    });
  }
});

describe('the checks see what they look for', () => {
  it.each([
    ['a leftover marker', `// ${'TO' + 'DO'}: later`, 'finish it'],
    ['a silenced type error', `// @ts-ignore`, 'narrow the type'],
    ['a silenced rule', `// eslint-disable-next-line`, 'change the code'],
    ['any', 'const a = b as any;', 'unknown'],
    ['console', "console.log('x');", 'Log port'],
  ])('%s, and the message says what to do instead', (_what, line, instead) => {
    const [said, ...more] = bannedIn('src/a.ts', `const ok = 1;\n${line}\n`);
    expect(said).toContain('src/a.ts:2');
    expect(said).toContain(instead);
    expect(more).toEqual([]);
  });
  it('an export without a doc comment', () => {
    const text = '/** Said. */\nexport function a(): void {}\nexport type B = 1;\nexport const c = 1;\nconst d = 2;\n';
    expect(undocumented('src/a.ts', text)).toEqual(['src/a.ts:3 B', 'src/a.ts:4 c']);
  });
  it('an import by a type alone, and a re-export', () => {
    const text = "import type { A } from './a.ts';\nexport { b } from '../b.ts';\nimport 'zod';\n";
    expect(importsOf('src/x/y.ts', text)).toEqual(['src/x/a.ts', 'src/b.ts']);
  });
});
