import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { filesBelow, root, textOf } from '../architecture/tree.ts';

interface Manifest {
  readonly allowScripts: Readonly<Record<string, boolean>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(textOf('package.json')) as Manifest;
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...filesBelow('docs').filter((file) => file.endsWith('.md')),
];

describe.each(pages)('%s', (page) => {
  const text = textOf(page);
  it('links to what is there', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => !existsSync(path.join(root, path.dirname(page), link)));
    expect(broken).toEqual([]);
  });
  it('names files that are there', () => {
    const named = [
      ...text.matchAll(/`((?:src|test|docs|deploy|scripts|schemas|detectors|runbooks|policies)\/[\w./-]*)`/g),
    ];
    const missing = named.map(([, file = '']) => file).filter((file) => !existsSync(path.join(root, file)));
    expect(missing).toEqual([]);
  });
  it('names npm scripts that there are', () => {
    const named = [...text.matchAll(/npm run (?:-s )?([a-z][\w:]*)/g)].map(([, script = '']) => script);
    expect(named.filter((script) => !Object.hasOwn(manifest.scripts, script))).toEqual([]);
  });
});

describe('README.md', () => {
  it('leads with exactly the two commands', () => {
    expect(/^# Watchkeeper\n\n```sh\nnpm ci && npm run demo\nnpm ci && npm test\n```\n/.test(textOf('README.md'))).toBe(
      true,
    );
  });
});

describe('docs/adr', () => {
  it('has the line of every dependency, in its version, and of nothing else', () => {
    const rows = [...textOf('docs/adr/0002-dependencies.md').matchAll(/^\| `([^`]+)`\s*\| (\S+)/gm)];
    const said = Object.fromEntries(rows.map(([, name = '', version = '']) => [name, version]));
    expect(said).toEqual({ ...manifest.dependencies, ...manifest.devDependencies });
  });
  it('is numbered without gaps, each with context, decision and consequences', () => {
    const files = readdirSync(path.join(root, 'docs/adr')).sort();
    expect(files.map((file) => Number(file.slice(0, 4)))).toEqual(files.map((_file, index) => index + 1));
    for (const file of files)
      expect([...textOf(`docs/adr/${file}`).matchAll(/^## (\w+)$/gm)].map(([, heading]) => heading)).toEqual([
        'Context',
        'Decision',
        'Consequences',
      ]);
  });
});

describe('the supply chain', () => {
  it('is pinned, and runs no install script but that of Node', () => {
    const all = Object.values({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(all.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    const lock = JSON.parse(textOf('package-lock.json')) as {
      packages: Readonly<Record<string, { hasInstallScript?: boolean; optional?: boolean }>>;
    };
    const scripted = Object.entries(lock.packages)
      .filter(([, { hasInstallScript, optional }]) => hasInstallScript === true && optional !== true)
      .map(([name]) => name);
    // ssh2's would build a faster cipher, and the grammar's a parser; both work without, and npm is told not to run them.
    expect(scripted).toEqual(['node_modules/node', 'node_modules/ssh2', 'node_modules/tree-sitter-powershell']);
    const allowed = Object.entries(manifest.allowScripts).filter(([, runs]) => runs);
    expect(allowed.map(([name]) => name)).toEqual(['node']);
  });
});

describe('docs/architecture.md', () => {
  const text = textOf('docs/architecture.md');
  it('names every folder of src, and no other', () => {
    const folders = readdirSync(path.join(root, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
    const said = [...text.matchAll(/^\| `src\/([\w-]+)\/`/gm)].map(([, name = '']) => name).sort();
    expect(said).toEqual(folders);
  });
  it('gives each invariant a keeper and a test', () => {
    const rows = [...text.matchAll(/^\| \*\*I(\d+)\*\*.*\| (.+?) *\| (.+?) *\|$/gm)];
    expect(rows.map(([, number]) => Number(number))).toEqual(Array.from({ length: 15 }, (_, index) => index + 1));
    for (const [row, , keeper = '', tests = ''] of rows) {
      expect(keeper, row).toMatch(/`src\//);
      expect(tests, row).toMatch(/`test\//);
    }
  });
});
