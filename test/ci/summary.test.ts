import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

type Report = Readonly<Record<string, unknown>>;

const report = (passed: number, failed: number, testResults: readonly Report[] = []): Report => ({
  numPassedTests: passed,
  numFailedTests: failed,
  testResults,
});

function summarise(reports: readonly Report[], failedSteps = 0) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-summary-'));
  folders.push(folder);
  for (const [index, one] of reports.entries()) writeFileSync(path.join(folder, `${index}.json`), JSON.stringify(one));
  const argv = [path.join(root, '.ci/summary.mjs'), folder, String(failedSteps)];
  const { status, stdout } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  return { status, lastLine: stdout.trim().split('\n').at(-1) };
}

describe('the last line of .ci/run', () => {
  test('adds up all reports', () => {
    expect(summarise([report(10, 0), report(5, 0)])).toEqual({
      status: 0,
      lastLine: 'watchkeeper: 15 passed, 0 failed',
    });
  });

  test('fails with any failed test', () => {
    const failing = { name: 'a.test.ts', status: 'failed', assertionResults: [{ status: 'failed', fullName: 'x' }] };
    expect(summarise([report(10, 1, [failing]), report(5, 0)])).toEqual({
      status: 1,
      lastLine: 'watchkeeper: 15 passed, 1 failed',
    });
  });

  test('counts a file that could not be loaded', () => {
    const broken = { name: 'a.test.ts', status: 'failed', assertionResults: [] };
    expect(summarise([report(10, 0, [broken])])).toEqual({ status: 1, lastLine: 'watchkeeper: 10 passed, 1 failed' });
  });

  test('fails when a check failed though every test passed, and when nothing was run', () => {
    expect(summarise([report(10, 0)], 2)).toEqual({ status: 1, lastLine: 'watchkeeper: 10 passed, 2 failed' });
    expect(summarise([])).toMatchObject({ status: 1 });
  });
});

const hasBash = spawnSync('bash', ['--version']).status === 0;

test.skipIf(!hasBash)('.ci/run is a bash script without a syntax error', () => {
  expect(spawnSync('bash', ['-n', path.join(root, '.ci/run')]).status).toBe(0);
});
