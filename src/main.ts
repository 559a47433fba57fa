#!/usr/bin/env -S node --max-semi-space-size=2
import { homedir, userInfo } from 'node:os';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';

import { runCli } from './cli/index.ts';
import type { Shell, Sink } from './cli/shell.ts';
import { systemClock } from './io/clock.ts';
import { readEnvironment } from './io/environment.ts';
import { writeFiles } from './io/files.ts';
import { nodeHttp } from './io/http.ts';
import { systemRandom } from './io/random.ts';

// V8 lets garbage grow to as much again as what lives before it collects: with many series that is most of the memory.
// A quarter costs a few collections more. (Needs no start flag, and so holds however it is started.)
setFlagsFromString('--heap-growing-percent=25');

// A reader that went away (`| head`, a log collector that died) is no fault of ours, and no reason to leave work half
// done or to end the watch: what would be written is dropped from then on.
function sink(stream: NodeJS.WriteStream, gone: AbortController): Sink {
  stream.on('error', (thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'EPIPE' || thrown.code === 'EIO') gone.abort(new Error('nobody reads the output any more'));
  });
  return {
    write: (text) => {
      if (!gone.signal.aborted) stream.write(text);
    },
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

const unheard = new AbortController();
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
  out: sink(process.stdout, unheard),
  err: sink(process.stderr, new AbortController()),
  signal: stopping.signal,
  unheard: unheard.signal,
  onFault: (handle) => {
    process.on('uncaughtException', handle);
    process.on('unhandledRejection', handle);
  },
  exit: (code) => process.exit(code),
};

process.exitCode = await runCli(process.argv.slice(2), shell);
