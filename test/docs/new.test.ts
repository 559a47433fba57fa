import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ESLint } from 'eslint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { root } from '../architecture/tree.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-new-'));
const made = [
  ['source', 'tide-gauge'],
  ['channel', 'signal-flags'],
  ['action', 'host.flag-set'],
  ['detector', 'rising-tide'],
] as const;
const files = [
  'src/sources/tide-gauge/index.ts',
  'src/chat/signal-flags/index.ts',
  'src/actions/host/flag-set.ts',
  'src/detectors/rising-tide.ts',
];
const tests = [
  'test/sources/tide-gauge/source.test.ts',
  'test/chat/signal-flags.test.ts',
  'test/actions/host-flag-set.test.ts',
  'test/detectors/rising-tide.test.ts',
];

/** Runs a Node program in the copy; gives its exit code and all it said. */
function run(...argv: readonly string[]): { readonly status: number | null; readonly said: string } {
  // vitest in vitest must not think that it is a worker of this one.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|TINYPOOL)/.test(name)));
  const ran = spawnSync(process.execPath, [...argv], { cwd: folder, encoding: 'utf8', env });
  return { status: ran.status, said: ran.stdout + ran.stderr };
}

describe('npm run new', () => {
  beforeAll(() => {
    const copied = ['src', 'test/contract', 'test/support', 'test/chat/notices.ts', 'test/detectors/helpers.ts'];
    const config = ['package.json', 'tsconfig.json', 'vitest.config.ts', 'eslint.config.mjs', '.prettierrc.json'];
    for (const one of [...copied, ...config, 'scripts', 'schemas', 'docs', 'deploy'])
      cpSync(path.join(root, one), path.join(folder, one), { recursive: true });
    symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(made)('writes a %s, and its line in the map', { timeout: 60_000 }, (kind, name) => {
    const ran = run('scripts/new.mjs', kind, name);
    expect(ran.said).toContain('added a line to');
    expect(ran.status).toBe(0);
  });

  it('refuses to write over anything, and names it would not take', { timeout: 60_000 }, () => {
    const before = readFileSync(path.join(folder, 'src/sources/index.ts'), 'utf8');
    expect(run('scripts/new.mjs', 'source', 'tide-gauge')).toMatchObject({ status: 2 });
    expect(run('scripts/new.mjs', 'source', '../evil')).toMatchObject({ status: 2 });
    expect(run('scripts/new.mjs', 'action', 'no-platform')).toMatchObject({ status: 2 });
    expect(run('scripts/new.mjs', 'sauce', 'x').said).toContain('source, channel, action, detector');
    expect(readFileSync(path.join(folder, 'src/sources/index.ts'), 'utf8')).toBe(before);
  });

  it('what it wrote compiles', { timeout: 180_000 }, () => {
    const ran = run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json');
    expect(ran.said).toBe('');
    expect(ran.status).toBe(0);
  });

  it('what it wrote lints', { timeout: 180_000 }, async () => {
    const results = await new ESLint({ cwd: folder }).lintFiles([...files, ...tests]);
    const said = results.flatMap(({ filePath, messages }) =>
      messages.map(({ line, message }) => `${path.relative(folder, filePath)}:${line}: ${message}`),
    );
    expect(results).toHaveLength(8);
    expect(said).toEqual([]);
  });

  it('what it wrote passes its contract', { timeout: 180_000 }, () => {
    const ran = run('node_modules/vitest/vitest.mjs', 'run', '--reporter=json', '--outputFile=report.json', ...tests);
    expect(ran.said).toContain('report.json');
    const report = JSON.parse(readFileSync(path.join(folder, 'report.json'), 'utf8')) as {
      numPassedTests: number;
      testResults: { message: string; assertionResults: { status: string; fullName: string }[] }[];
    };
    const failed = report.testResults.flatMap(({ assertionResults, message }) => [
      ...(message === '' ? [] : [message]),
      ...assertionResults.filter(({ status }) => status !== 'passed').map(({ fullName }) => fullName),
    ]);
    expect(failed).toEqual([]);
    expect(report.numPassedTests).toBeGreaterThan(30);
  });
});
