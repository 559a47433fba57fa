import { spawn } from 'node:child_process';

import { WatchkeeperError } from '../lib/errors.ts';
import { limits } from '../lib/limits.ts';
import type { Clock, Exec, ExecResult, Processes } from '../domain/ports/io.ts';

// Long enough for a program to end itself after SIGTERM, short enough to keep a deadline meaningful.
const graceMs = 2_000;

/** Runs programs by argv. The child gets a fixed small environment, no stdin, and is killed with its group at the deadline. */
export function nodeExec(clock: Clock, path: string): Exec {
  return {
    run: async (argv, options) => {
      if (argv.some((part) => part.includes('\0')))
        throw new WatchkeeperError('config-invalid', 'an argument cannot hold a NUL character');
      const deadline = clock.deadline(options.timeoutMs, options.signal);
      try {
        return await runOnce(
          argv,
          { PATH: path, LANG: 'C', LC_ALL: 'C', ...options.env },
          options.cwd,
          deadline.signal,
        );
      } finally {
        deadline.cancel();
      }
    },
  };
}

function runOnce(
  argv: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  cwd: string | undefined,
  signal: AbortSignal,
): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const [program, ...rest] = argv;
    const child = spawn(program, rest, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: false,
      detached: true,
      ...(cwd === undefined ? {} : { cwd }),
    });
    const stdout = capture(child.stdout);
    const stderr = capture(child.stderr);
    let forced: NodeJS.Timeout | undefined;
    const stop = (): void => {
      killGroup(child.pid, 'SIGTERM');
      forced = setTimeout(() => killGroup(child.pid, 'SIGKILL'), graceMs);
    };
    const done = (): void => {
      signal.removeEventListener('abort', stop);
      clearTimeout(forced);
    };
    child.on('error', (thrown: NodeJS.ErrnoException) => {
      done();
      const code = thrown.code === 'ENOENT' ? 'not-found' : thrown.code === 'EACCES' ? 'forbidden' : 'internal';
      reject(WatchkeeperError.from(thrown, code, program));
    });
    child.on('close', (code, signalName) => {
      done();
      if (signal.aborted) {
        const reason: unknown = signal.reason;
        reject(
          reason instanceof WatchkeeperError
            ? reason
            : new WatchkeeperError('aborted', `${program}: stopped`, { cause: reason }),
        );
        return;
      }
      resolve({
        code,
        signalName,
        stdout: stdout.text(),
        stderr: stderr.text(),
        truncated: stdout.truncated() || stderr.truncated(),
      });
    });
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

function capture(stream: NodeJS.ReadableStream): { text(): string; truncated(): boolean } {
  const chunks: Buffer[] = [];
  let size = 0;
  let cut = false;
  stream.on('data', (chunk: Buffer) => {
    const room = limits.execOutputBytes - size;
    if (chunk.length > room) cut = true;
    if (room > 0) chunks.push(chunk.subarray(0, room));
    size += Math.min(chunk.length, Math.max(0, room));
  });
  return { text: () => Buffer.concat(chunks).toString('utf8'), truncated: () => cut };
}

function killGroup(pid: number | undefined, signalName: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signalName);
  } catch {
    // It ended between the decision and the call, which is what was wanted.
  }
}

/** Signals to processes. */
export const nodeProcesses: Processes = {
  kill: (pid, signalName) => {
    // 0 and negative numbers address groups; 1 is init. None is ever a target.
    if (!Number.isSafeInteger(pid) || pid <= 1)
      throw new WatchkeeperError('forbidden', `refusing to signal process ${pid}`);
    try {
      process.kill(pid, signalName);
    } catch (thrown) {
      const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
      throw WatchkeeperError.from(
        thrown,
        code === 'ESRCH' ? 'not-found' : code === 'EPERM' ? 'forbidden' : 'internal',
        `process ${pid}`,
      );
    }
  },
};
