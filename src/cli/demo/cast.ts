import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

import type { Clock } from '../../domain/ports/io.ts';
import { WatchkeeperError } from '../../lib/errors.ts';

/** A real process of the demo. */
export interface Player {
  readonly name: string;
  readonly pid: number;
  /** How it ended, once it has. */
  readonly ended: Promise<string>;
  isOver(): boolean;
  /** SIGTERM, then SIGKILL for whoever is deaf; resolves when it is gone. */
  end(): Promise<void>;
  /** SIGTERM, and no waiting. */
  abandon(): void;
}

/** Everything the demo starts, so that all of it ends: in turn, by pid, and whatever happened before. */
export interface Cast {
  start(name: string, argv: readonly [string, ...string[]], environment: Readonly<Record<string, string>>): Player;
  /** Runs one program to its end. */
  run(argv: readonly [string, ...string[]], environment: Readonly<Record<string, string>>): Promise<Ended>;
  end(): Promise<void>;
  /** Tells all of them to end, without waiting: for a process that is itself about to be gone. */
  abandon(): void;
}

/** What a program said before it ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const patienceMs = 8_000;
const runWithinMs = 30_000;

/** Makes the cast. Output of players goes to `logFolder/NAME.out`. */
export function createCast(clock: Clock, logFolder: string): Cast {
  const players: Player[] = [];
  return {
    start: (name, argv, environment) => {
      const out = openSync(`${logFolder}/${name}.out`, 'a');
      const [program, ...rest] = argv;
      // Their standard input is ours: should we be killed outright, it ends, and so do they.
      const child = spawn(program, rest, { env: environment, stdio: ['pipe', out, out] });
      closeSync(out);
      const player = playerOf(name, child, clock);
      players.push(player);
      return player;
    },
    run: (argv, environment) => runToEnd(argv, environment, clock),
    end: async () => {
      for (const player of players.reverse()) await player.end();
    },
    abandon: () => {
      for (const player of players) player.abandon();
    },
  };
}

function playerOf(name: string, child: ChildProcess, clock: Clock): Player {
  const { pid } = child;
  if (pid === undefined) throw new WatchkeeperError('internal', `${name} cannot be started`);
  let over = false;
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => {
    const end = (how: string): void => {
      over = true;
      resolve(how);
    };
    child.on('error', (thrown) => end(thrown.message));
    child.on('exit', (code, signal) => end(signal ?? `exit code ${code ?? ''}`));
  });
  return {
    name,
    pid,
    ended,
    isOver: () => over,
    abandon: () => {
      if (!over) child.kill('SIGTERM');
    },
    end: async () => {
      if (over) return;
      child.kill('SIGTERM');
      const deadline = clock.deadline(patienceMs, new AbortController().signal);
      const late = new Promise((resolve) => deadline.signal.addEventListener('abort', resolve, { once: true }));
      await Promise.race([ended, late]);
      deadline.cancel();
      if (!child.kill(0)) return;
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function runToEnd(
  argv: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
  clock: Clock,
): Promise<Ended> {
  const [program, ...rest] = argv;
  const child = spawn(program, rest, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.err += text));
  const deadline = clock.deadline(runWithinMs, new AbortController().signal);
  deadline.signal.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (ended) => resolve(ended ?? 1));
    });
    return { code, ...texts };
  } finally {
    deadline.cancel();
  }
}
