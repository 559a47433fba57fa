import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { onTestFinished } from 'vitest';

import { runCli } from '../../src/cli/index.ts';
import type { Shell } from '../../src/cli/shell.ts';
import { nodeHttp, systemClock, writeFiles } from '../../src/io/index.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** The clone. */
export const root = resolve(import.meta.dirname, '../..');

/** A folder that is gone when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'watchkeeper-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What a command line came to. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** How a shell differs from the usual one. */
export interface ShellOverrides {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly isTty?: boolean;
  readonly http?: Shell['http'];
}

/** Runs one command line in this process, in an empty folder and environment unless told otherwise. */
export async function cli(argv: readonly string[], overrides: ShellOverrides = {}): Promise<Ran> {
  let out = '';
  let err = '';
  const isTty = overrides.isTty ?? false;
  const cwd = overrides.cwd ?? temporaryFolder();
  const code = await runCli(argv, {
    clock: systemClock,
    random: seededRandom(1),
    http: overrides.http ?? nodeHttp(systemClock),
    files: writeFiles,
    environment: { XDG_STATE_HOME: join(cwd, 'state'), ...overrides.environment },
    cwd,
    productFolder: root,
    user: { isRoot: false, home: cwd, name: 'ana' },
    pid: process.pid,
    nodeVersion: process.version,
    out: { write: (text) => void (out += text), isTty, columns: 100 },
    err: { write: (text) => void (err += text), isTty, columns: 100 },
    signal: new AbortController().signal,
    unheard: new AbortController().signal,
    onFault: () => undefined,
    exit: () => undefined,
  });
  return { code, out, err };
}
