import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';

import { sha256Hex } from '../../src/lib/canonical.ts';
import { exportTo } from '../ledger/support/exports.ts';
import { testFolder } from '../ledger/support/folder.ts';
import { fill, ledgerIn, testKey } from '../ledger/support/ledgers.ts';
import { filesBelow } from '../ledger/support/vectors.ts';

const run = promisify(execFile);
const sources = path.join(import.meta.dirname, 'verifier');

/** Builds the verifier once for these sources; fails, rather than skips, where there is no Go. */
async function buildVerifier(): Promise<string> {
  const version = sha256Hex(
    ['main.go', 'go.mod', 'go.sum'].map((file) => readFileSync(path.join(sources, file))).join(),
  );
  const cache = path.join(
    process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'),
    'watchkeeper-e2e',
    'ledger-go',
  );
  mkdirSync(cache, { recursive: true });
  const binary = path.join(cache, version);
  await run('go', ['build', '-o', binary, '.'], { cwd: sources, timeout: 110_000 });
  return binary;
}

describe("Go's own log packages", () => {
  test('verify what we export, and refuse it with one bit flipped', async () => {
    const verifier = await buildVerifier();
    const { store, ledger } = await ledgerIn(testFolder());
    await fill(ledger, 70_000, 1_000);
    const folder = path.join(testFolder(), 'export');
    await exportTo(store, folder);
    expect((await run(verifier, [folder, testKey.text])).stdout).toBe('OK: 70000 entries\n');
    const files = filesBelow(folder).filter((file) => /checkpoint$|tile\/(entries|0|1)\//.test(file));
    for (const at of [0, 0.3, 0.6, 0.99]) {
      const file = files[Math.floor(at * files.length)]!;
      const data = readFileSync(file);
      const broken = Buffer.from(data);
      broken[40] = broken[40]! ^ 4;
      writeFileSync(file, broken);
      const failure = run(verifier, [folder, testKey.text]);
      await expect(failure, file).rejects.toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/^FAIL: /) as string,
      });
      writeFileSync(file, data);
    }
  });
});
