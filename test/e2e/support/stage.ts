import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import type { Shell } from '../../../src/cli/shell.ts';
import { setStage, type Stage } from '../../../src/cli/demo/stage.ts';
import { systemClock } from '../../../src/io/clock.ts';
import { systemRandom } from '../../../src/io/random.ts';

/** The shop of the demo under load, with a real daemon over it: what the page is shown with. */
export interface World {
  readonly stage: Stage;
  readonly url: string;
  readonly token: string;
  get<T>(path: string): Promise<T>;
  /** Asks again and again until it holds. */
  until(what: string, withinMs: number, holds: () => Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

const productFolder = path.resolve(import.meta.dirname, '../../..');

/** Opens it: v1 runs, customers buy, the daemon is ready. */
export async function openWorld(): Promise<World> {
  // What the stage reads of a shell, and no more.
  const shell = {
    clock: systemClock,
    random: systemRandom,
    environment: { PATH: process.env['PATH'] },
    productFolder,
    // Whoever runs this is who the daemon's own token speaks for, and so who may approve.
    user: { isRoot: false, home: productFolder, name: userInfo().username },
  } as unknown as Shell;
  const stage = await setStage(shell);
  try {
    const daemon = stage.startDaemon();
    const file = path.join(stage.dataDir, 'daemon.json');
    await until('the daemon is ready', 30_000, () => Promise.resolve(existsSync(file) || daemon.isOver()));
    if (daemon.isOver()) throw new Error(`the daemon ended: ${await daemon.ended}`);
    const { url } = JSON.parse(readFileSync(file, 'utf8')) as { readonly url: string };
    const token = readFileSync(path.join(stage.dataDir, 'api-token'), 'utf8').trim();
    const get = async <T>(where: string): Promise<T> => {
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`${url}${where}`, { headers, signal: AbortSignal.timeout(20_000) });
      if (!response.ok) throw new Error(`${where}: ${response.status} ${await response.text()}`);
      return (await response.json()) as T;
    };
    return { stage, url, token, get, until, close: () => stage.clear() };
  } catch (thrown) {
    await stage.clear();
    throw thrown;
  }
}

async function until(what: string, withinMs: number, holds: () => Promise<boolean>): Promise<void> {
  const dueMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > dueMs) throw new Error(`not within ${withinMs / 1_000} s: ${what}`);
    await pause(200);
  }
}
