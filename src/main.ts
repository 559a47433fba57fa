#!/usr/bin/env -S node --max-semi-space-size=2 --optimize-for-size
import { homedir, userInfo } from 'node:os';
import path from 'node:path';

import { runCli } from './cli/index.ts';
import type { Shell, Sink } from './cli/shell.ts';
import { systemClock } from './io/clock.ts';
import { readEnvironment } from './io/environment.ts';
import { writeFiles } from './io/files.ts';
import { nodeHttp } from './io/http.ts';
import { systemRandom } from './io/random.ts';

function sink(stream: NodeJS.WriteStream): Sink {
  // A reader that went away (`| head`) is no fault of ours.
  stream.on('error', (thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'EPIPE') process.exit(0);
  });
  return {
    write: (text) => void stream.write(text),
    isTty: stream.isTTY,
    get columns() {
      return stream.columns;
    },
  };
}

const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.on(name, () => {
    // Whoever asks twice wants out now; what was durable before stays durable.
    if (stopping.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
    stopping.abort(new Error(name));
  });

const shell: Shell = {
  clock: systemClock,
  random: systemRandom,
  http: nodeHttp(systemClock),
  files: writeFiles,
  environment: readEnvironment(),
  cwd: process.cwd(),
  productFolder: path.resolve(import.meta.dirname, '..'),
  user: { isRoot: process.getuid?.() === 0, home: homedir(), name: userInfo().username },
  pid: process.pid,
  nodeVersion: process.version,
  out: sink(process.stdout),
  err: sink(process.stderr),
  signal: stopping.signal,
  onFault: (handle) => {
    process.on('uncaughtException', handle);
    process.on('unhandledRejection', handle);
  },
  exit: (code) => process.exit(code),
};

process.exitCode = await runCli(process.argv.slice(2), shell);
