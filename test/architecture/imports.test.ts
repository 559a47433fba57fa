import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

/** What dependency-cruiser, with the project's own rules, says about the folders below `at`. */
function violations(at: string, folders: readonly string[]): readonly Violation[] {
  const cli = path.join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const argv = [cli, '--config', '.dependency-cruiser.mjs', '--output-type', 'json', ...folders];
  const ran = spawnSync(process.execPath, argv, { cwd: at, encoding: 'utf8', maxBuffer: 256 * 2 ** 20 });
  if (ran.stdout === '') throw new Error(ran.stderr);
  return (JSON.parse(ran.stdout) as { summary: { violations: Violation[] } }).summary.violations;
}

describe('the import law', () => {
  it('is kept by every file of src and test', { timeout: 120_000 }, () => {
    expect(violations(root, ['src', 'test']).map(({ from, to, rule }) => `${rule.name}: ${from} -> ${to}`)).toEqual([]);
  });
});

/** A file that breaks the law, the rule that must name it, and nothing else wrong with it. */
const planted: readonly (readonly [what: string, rule: string, file: string, text: string])[] = [
  ['lib reaches up', 'floor-lib', 'src/lib/a.ts', "import { d } from '../domain/d.ts';\nexport const a = d;\n"],
  [
    'domain knows a room',
    'floor-domain',
    'src/domain/a.ts',
    "import { p } from '../policy/p.ts';\nexport const a = p;\n",
  ],
  [
    'a pure room knows another, by a type alone',
    'floor-policy',
    'src/policy/a.ts',
    "import type { R } from '../runbooks/r.ts';\nexport type A = R;\n",
  ],
  [
    'a pure room takes a value from another',
    'floor-diagnosis',
    'src/diagnosis/a.ts',
    "import { p } from '../policy/p.ts';\nexport const a = p;\n",
  ],
  ['a pure room does I/O', 'floor-detectors', 'src/detectors/a.ts', "export { i } from '../io/i.ts';\n"],
  [
    'an edge knows the agent',
    'floor-ledger',
    'src/ledger/a.ts',
    "import { agent } from '../agent/index.ts';\nexport const a = agent;\n",
  ],
  [
    'an edge knows a pure room',
    'floor-sources',
    'src/sources/a.ts',
    "import { p } from '../policy/p.ts';\nexport const a = p;\n",
  ],
  ['io knows an edge', 'floor-io', 'src/io/a.ts', "import { s } from '../store/s.ts';\nexport const a = s;\n"],
  [
    'the agent knows its window',
    'floor-agent',
    'src/agent/a.ts',
    "import { api } from '../api/api.ts';\nexport { api };\n",
  ],
  [
    'a window looks past the one door',
    'agent-has-one-door',
    'src/cli/a.ts',
    "import { inner } from '../agent/inner.ts';\nexport const a = inner;\n",
  ],
  [
    'a window looks past the one door, by a type alone',
    'agent-has-one-door',
    'src/api/a.ts',
    "import type { Inner } from '../agent/inner.ts';\nexport type A = Inner;\n",
  ],
  [
    'an adapter knows its sibling',
    'adapters-are-islands',
    'src/sources/one/a.ts',
    "import { two } from '../two/index.ts';\nexport const a = two;\n",
  ],
  [
    'an adapter knows its sibling, by a type alone',
    'adapters-are-islands',
    'src/chat/one/a.ts',
    "import type { Two } from '../two/index.ts';\nexport type A = Two;\n",
  ],
  [
    'a pure room uses a Node built-in',
    'pure-stages-do-no-io',
    'src/incidents/a.ts',
    "import { readFileSync } from 'node:fs';\nexport const a = readFileSync;\n",
  ],
  [
    'a pure room uses a Node built-in, by a type alone',
    'pure-stages-do-no-io',
    'src/catalog/a.ts',
    "import type { Stats } from 'node:fs';\nexport type A = Stats;\n",
  ],
  [
    'a pure room hashes for itself',
    'pure-stages-do-no-io',
    'src/runbooks/a.ts',
    "import { createHash } from 'node:crypto';\nexport const a = createHash;\n",
  ],
  [
    'a pure room uses a package that is not zod',
    'pure-stages-do-no-io',
    'src/detectors/b.ts',
    "import { parse } from 'yaml';\nexport const b = parse;\n",
  ],
  [
    'lib reads files',
    'lib-and-domain-do-no-io',
    'src/lib/b.ts',
    "import { readFileSync } from 'node:fs';\nexport const b = readFileSync;\n",
  ],
  [
    'domain names a package',
    'domain-names-no-library',
    'src/domain/b.ts',
    "import type { ZodType } from 'zod';\nexport type B = ZodType;\n",
  ],
  [
    'the page knows the API',
    'floor-ui',
    'src/ui/a.tsx',
    "import type { Api } from '../api/api.ts';\nexport type A = Api;\n",
  ],
  [
    'the page takes more than a type from domain',
    'page-takes-types-alone',
    'src/ui/b.ts',
    "import { d } from '../domain/d.ts';\nexport const b = d;\n",
  ],
  [
    'the page uses a Node built-in',
    'page-runs-in-a-browser',
    'src/ui/c.ts',
    "import { readFileSync } from 'node:fs';\nexport const c = readFileSync;\n",
  ],
  [
    'the page uses a package that is not its own',
    'page-runs-in-a-browser',
    'src/ui/d.ts',
    "import * as z from 'zod';\nexport const d = z;\n",
  ],
  [
    'the page takes a part of lib that needs Node',
    'page-takes-pure-lib',
    'src/ui/e.ts',
    "import { canonical } from '../lib/canonical.ts';\nexport const e = canonical;\n",
  ],
  [
    'the daemon imports the page',
    'page-is-not-imported',
    'src/api/page.ts',
    "import { kept } from '../ui/kept.tsx';\nexport const page = kept;\n",
  ],
  [
    'the product imports a test',
    'no-test-in-src',
    'src/agent/b.ts',
    "import { t } from '../../test/t.ts';\nexport const b = t;\n",
  ],
  [
    'two files import each other',
    'no-cycle',
    'src/lib/c.ts',
    "import { d } from './d.ts';\nexport const c: number = d;\n",
  ],
  [
    'an import leads nowhere',
    'resolvable',
    'src/lib/e.ts',
    "import { x } from './not-there.ts';\nexport const e = x;\n",
  ],
];

const lawful: Readonly<Record<string, string>> = {
  'src/domain/d.ts': "import { e } from '../lib/ok.ts';\nexport const d: number = e;\nexport type D = string;\n",
  'src/lib/ok.ts': "import { createHash } from 'node:crypto';\nexport const e = createHash.length;\n",
  'src/lib/d.ts': "import { c } from './c.ts';\nexport const d: number = c;\n",
  'src/policy/p.ts': "import * as z from 'zod';\nimport { d } from '../domain/d.ts';\nexport const p = z.literal(d);\n",
  'src/runbooks/r.ts': 'export type R = string;\n',
  'src/io/i.ts': "import { readFileSync } from 'node:fs';\nexport const i = readFileSync;\n",
  'src/store/s.ts': "import { i } from '../io/i.ts';\nexport const s = i;\n",
  'src/sources/two/index.ts': 'export const two = 2;\n',
  'src/chat/two/index.ts': 'export type Two = 2;\n',
  'src/agent/index.ts':
    "import { p } from '../policy/p.ts';\nimport { s } from '../store/s.ts';\nexport const agent = [p, s];\n",
  'src/agent/inner.ts': 'export const inner = 1;\nexport type Inner = 1;\n',
  'src/api/api.ts': "import { agent } from '../agent/index.ts';\nexport const api = agent;\n",
  'src/lib/canonical.ts': 'export const canonical = 1;\n',
  'src/ui/kept.tsx':
    "import { h } from 'preact';\nimport type { D } from '../domain/d.ts';\nimport { e } from '../lib/plain.ts';\nexport const kept = (d: D) => h('p', null, d, e);\n",
  'src/lib/plain.ts': 'export const e = 1;\n',
  'test/t.ts': 'export const t = 1;\n',
};

describe('the rules bite', () => {
  let found: readonly Violation[] = [];
  const folder = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-imports-'));
  beforeAll(() => {
    for (const name of ['.dependency-cruiser.mjs', 'tsconfig.json', 'package.json'])
      cpSync(path.join(root, name), path.join(folder, name));
    symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    const files = { ...lawful, ...Object.fromEntries(planted.map(([, , file, text]) => [file, text])) };
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), text);
    }
    found = violations(folder, ['src', 'test']);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(planted)('%s: %s', (_what, rule, file) => {
    expect(found.filter(({ from }) => from === file).map((each) => each.rule.name)).toContain(rule);
  });

  it('and only there: what keeps the law is not reported', () => {
    const guilty = new Set(planted.map(([, , file]) => file));
    // A circle has two ends.
    expect(found.filter(({ from }) => !guilty.has(from) && from !== 'src/lib/d.ts')).toEqual([]);
  });
});
